//! Real supervisor, real processes, signed documents: updates that go well, builds that do not, and servers that lie.

use crate::support::{Bench, TERMS, build, release};
use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_good_update_is_confirmed() {
    let mut bench = Bench::new();
    bench.start();
    bench.wait_for("the start", LONG, |bench| bench.runs() == "1");
    bench.offer(2, &build(2, "good"), "");
    bench.wait_for("the confirmation", LONG, |bench| bench.has_status("confirmed"));
    assert_eq!(bench.runs(), "2");
    let statuses = bench.statuses();
    let mut states: Vec<_> =
        statuses.iter().map(|status| status["state"].as_str().unwrap().to_owned()).collect();
    states.dedup();
    assert_eq!(states, ["accepted", "downloading", "staged", "switched", "confirmed"], "{}", bench.log());
    let last = statuses.last().unwrap();
    assert!(last["gap_ms"].as_u64().is_some_and(|gap| gap < 3_000), "{last}");
    assert_eq!((&last["running"]["seq"], &last["running"]["is_supervised"]), (&2.into(), &true.into()));
    let known = bench.status();
    assert_eq!(known["trust"]["highest_seq"], 2);
    assert_eq!(known["slots"][0]["verifies"], true);
    assert_eq!(known["pointer"]["kept"], "installed");
    // It stays after a restart, and is asked to end in order.
    assert!(bench.stop().success());
    bench.start();
    bench.wait_for("the restart", LONG, |bench| bench.lines("starts").len() == 3);
    assert_eq!(bench.runs(), "2");
    // The next one pushes the installed program out of what is kept.
    bench.offer(3, &build(3, "good"), "");
    bench.wait_for("the next one", LONG, |bench| bench.status()["trust"]["highest_seq"] == 3);
    assert_eq!(bench.status()["pointer"]["kept"]["slot"]["seq"], 2);
}

/// Offers one build and waits until the one before runs again.
fn taken_back(habit: &str, reason: &str) {
    let mut bench = Bench::new();
    bench.start();
    bench.offer(2, &build(2, habit), "");
    bench.wait_for("the way back", LONG, |bench| bench.has_status("rolled_back"));
    bench.wait_for("the one before", LONG, |bench| bench.runs() == "1");
    let status = bench.statuses().into_iter().find(|status| status["state"] == "rolled_back").unwrap();
    assert_eq!(status["reason"], reason, "{habit}: {status}");
    if !matches!(habit, "mute") {
        assert!(status["log_lines"].to_string().contains("sequence 2"), "{habit}: {status}");
    }
    // It is offered again and again, and not taken.
    bench.wait_for("the denial", LONG, |bench| {
        bench.statuses().iter().any(|status| status["reason"] == "denied")
    });
    assert_eq!(bench.runs(), "1");
    let known = bench.status();
    assert_eq!(known["pointer"]["current"], "installed");
    assert_eq!(known["denied"]["failed"].as_object().map(|failed| failed.len()), Some(1));
    assert!(known["slots"].as_array().is_some_and(Vec::is_empty), "its slot is removed");
    assert_eq!(bench.lines("failures").first().map(String::as_str), Some(reason));
}

#[test]
fn a_build_that_crashes_at_once_is_taken_back() {
    taken_back("crash", "crashed");
}

#[test]
fn a_build_that_ends_in_order_is_taken_back() {
    taken_back("ends", "crashed");
}

#[test]
fn a_build_that_hangs_is_taken_back() {
    taken_back("hang", "hung");
}

#[test]
fn a_build_that_never_says_hello_is_taken_back() {
    taken_back("mute", "hello_missing");
}

#[test]
fn a_build_that_reaches_no_server_is_taken_back() {
    taken_back("deaf", "cannot_reach_server");
}

#[test]
fn a_build_that_is_something_else_is_taken_back() {
    taken_back("liar", "hello_mismatch");
}

#[test]
fn a_build_that_collects_nothing_is_taken_back() {
    taken_back("lazy", "collects_nothing");
}

#[test]
fn a_build_that_crashes_after_its_trial_is_taken_back() {
    let mut bench = Bench::new();
    bench.start();
    bench.offer(2, &build(2, "later"), "");
    bench.wait_for("the confirmation", LONG, |bench| bench.has_status("confirmed"));
    bench.withdraw();
    bench.wait_for("the way back", LONG, |bench| bench.has_status("rolled_back"));
    assert_eq!(bench.runs(), "1");
    assert_eq!(bench.status()["trust"]["highest_seq"], 2);
}

#[test]
fn a_build_that_fails_its_own_check_never_runs() {
    for habit in ["unsound", "stuck"] {
        let mut bench = Bench::new();
        bench.start();
        bench.offer(2, &build(2, habit), "");
        bench.wait_for("the failure", LONG, |bench| bench.has_status("failed_pre"));
        let status = bench.statuses().into_iter().find(|status| status["state"] == "failed_pre").unwrap();
        assert_eq!(status["reason"], "probe_failed", "{habit}");
        assert_eq!(bench.lines("starts"), ["1"], "{habit}: the agent was never ended");
    }
}

#[test]
fn a_file_that_is_not_what_was_signed_never_runs() {
    for (attack, reason) in [("cut", "size_mismatch"), ("flip", "hash_mismatch")] {
        let mut bench = Bench::new();
        bench.start();
        bench.offer(2, &build(2, "good"), attack);
        bench.wait_for("three tries", LONG, |bench| {
            bench.statuses().iter().any(|status| status["reason"] == "denied")
        });
        let reasons: Vec<_> = bench
            .statuses()
            .iter()
            .filter(|status| status["reason"] == reason)
            .map(|status| status["update_id"].clone())
            .collect();
        assert_eq!(reasons.len(), 3, "{attack}: {}", bench.log());
        assert_eq!(bench.lines("starts"), ["1"]);
        assert!(fs::read_dir(bench.data().join("updates/staging")).unwrap().next().is_none());
    }
}

#[test]
fn a_server_that_lies_is_not_believed() {
    for (attack, reason) in [
        ("old_nonce", "nonce_mismatch"),
        ("other_device", "nonce_mismatch"),
        ("mixed", "manifest_mismatch"),
        ("other_keys", "threshold_unmet"),
        ("no_timestamp", "malformed"),
    ] {
        let mut bench = Bench::new();
        let other = bench.keys.manifest(&release(7, &build(7, "good")), |_| ());
        fs::write(bench.data().join("other_manifest"), other).unwrap();
        bench.start();
        bench.offer(2, &build(2, "good"), attack);
        bench
            .wait_for(attack, LONG, |bench| bench.statuses().iter().any(|status| status["reason"] == reason));
        assert_eq!(bench.lines("starts"), ["1"], "{attack}");
        assert!(!bench.has_status("accepted"), "{attack}");
        assert_eq!(bench.status()["trust"]["highest_seq"], 0);
    }
}

#[test]
fn an_old_release_is_refused() {
    let mut bench = Bench::new();
    bench.start();
    bench.offer(5, &build(5, "good"), "");
    bench.wait_for("the confirmation", LONG, |bench| bench.has_status("confirmed"));
    bench.offer(4, &build(4, "good"), "");
    bench.wait_for("the refusal", LONG, |bench| {
        bench.statuses().iter().any(|status| status["reason"] == "downgrade")
    });
    // Not even when the memory is taken away.
    bench.stop();
    for file in ["trust.a", "trust.b", "pointer.a", "pointer.b", "journal.a", "journal.b", "denied.json"] {
        fs::remove_file(bench.data().join("updates/state").join(file)).ok();
    }
    let before = bench.statuses().len();
    bench.start();
    bench.wait_for("the refusal", LONG, |bench| {
        bench.statuses().iter().skip(before).any(|status| status["reason"] == "downgrade")
    });
    assert_eq!(bench.runs(), "5");
}

#[test]
fn a_server_that_says_no_at_the_last_moment_is_heard() {
    let mut bench = Bench::new();
    fs::write(bench.data().join("stop"), "").unwrap();
    bench.start();
    bench.offer(2, &build(2, "good"), "");
    bench.wait_for("the end", LONG, |bench| bench.has_status("failed_pre"));
    assert!(bench.statuses().iter().any(|status| status["reason"] == "no_go"));
    assert_eq!(bench.lines("starts"), ["1"]);
}

#[test]
fn a_network_that_is_down_is_not_held_against_a_build() {
    let mut bench = Bench::new();
    bench.start();
    bench.offer(2, &build(2, "good"), "");
    bench.wait_for("the change", LONG, |bench| bench.runs() == "2");
    fs::write(bench.data().join("away"), "").unwrap();
    std::thread::sleep(Duration::from_secs(12));
    assert!(!bench.has_status("rolled_back") && !bench.has_status("confirmed"), "{}", bench.log());
    fs::remove_file(bench.data().join("away")).unwrap();
    bench.wait_for("the confirmation", LONG, |bench| bench.has_status("confirmed"));
    assert_eq!(bench.runs(), "2");
}

#[test]
fn folders_that_others_can_write_are_refused() {
    let mut bench = Bench::new();
    bench.start();
    bench.offer(2, &build(2, "good"), "");
    bench.wait_for("the confirmation", LONG, |bench| bench.has_status("confirmed"));
    bench.stop();
    let slots = bench.data().join("updates/slots");
    fs::set_permissions(&slots, fs::Permissions::from_mode(0o777)).unwrap();
    bench.start();
    bench.wait_for("the report", LONG, |bench| {
        bench.lines("failures").contains(&"unsafe_directory".to_owned())
    });
    assert_eq!(bench.runs(), "1", "the installed one");
}

#[test]
fn a_supervisor_that_is_killed_again_and_again_gets_there() {
    // All these supervisors share the time of one trial.
    let terms = TERMS.replace("\"active_max_ms\": 9000", "\"active_max_ms\": 60000");
    let mut bench = Bench::with(&terms, &build(1, "good"));
    let mut chance = fastrand::Rng::with_seed(11);
    bench.offer(2, &build(2, "good"), "");
    for _ in 0..12 {
        bench.start();
        std::thread::sleep(Duration::from_millis(chance.u64(20..2_000)));
        bench.kill();
        let known = bench.status();
        let current = &known["pointer"]["current"];
        if let Some(seq) = current["slot"]["seq"].as_u64() {
            let slots = known["slots"].as_array().unwrap();
            let slot = slots.iter().find(|slot| slot["build"]["seq"] == seq);
            assert!(slot.is_some_and(|slot| slot["verifies"] == true), "{known}");
        }
    }
    bench.start();
    bench.wait_for("the confirmation", LONG, |bench| bench.status()["trust"]["highest_seq"] == 2);
    bench.wait_for("the report", LONG, |bench| bench.has_status("confirmed"));
    assert_eq!(bench.runs(), "2");
    assert!(!bench.has_status("rolled_back"));
}

#[test]
fn two_supervisors_do_not_share_a_data_directory() {
    let mut bench = Bench::new();
    bench.start();
    bench.wait_for("the start", LONG, |bench| bench.runs() == "1");
    for _ in 0..3 {
        let status = bench.command().status().unwrap();
        assert_eq!(status.code(), Some(i32::from(updater::exit::ALREADY_RUNNING)));
    }
    assert_eq!(bench.lines("starts"), ["1"]);
    // The kernel forgets the lock with the process.
    bench.kill();
    bench.start();
    bench.wait_for("the next start", LONG, |bench| bench.lines("starts").len() == 2);
}
