//! Whole updates with the real supervisor and real processes, under Wine: good builds, bad ones, a supervisor that is
//! killed, and files that somebody holds meanwhile.

use crate::support::{Bench, build};
use std::{
    fs::OpenOptions,
    os::windows::fs::OpenOptionsExt as _,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

/// An update has this long, with a Wine that is busy with others.
const LONG: Duration = Duration::from_secs(180);

#[test]
fn a_good_update_is_confirmed_under_wine() {
    let mut bench = Bench::new();
    bench.start();
    bench.wait_for("the start", LONG, |bench| bench.runs() == "1");
    bench.offer(2, &build(2, "good"), "");
    bench.wait_for("the confirmation", LONG, |bench| bench.has_status("confirmed"));
    assert_eq!(bench.runs(), "2");
    let mut states: Vec<_> =
        bench.statuses().iter().map(|status| status["state"].as_str().unwrap().to_owned()).collect();
    states.dedup();
    assert_eq!(states, ["accepted", "downloading", "staged", "switched", "confirmed"], "{}", bench.log());
    let known = bench.status();
    assert_eq!(known["trust"]["highest_seq"], 2);
    assert_eq!(known["slots"][0]["verifies"], true);
    assert_eq!(known["pointer"]["kept"], "installed");
    // It stays when the supervisor was killed.
    let starts = bench.lines("starts").len();
    bench.kill();
    bench.start();
    bench.wait_for("the restart", LONG, |bench| bench.lines("starts").len() > starts);
    assert_eq!(bench.runs(), "2");
    // The next one pushes the installed program out of what is kept, and the one after it the first slot.
    for seq in [3, 4] {
        bench.offer(seq, &build(seq, "good"), "");
        bench.wait_for("the next one", LONG, |bench| bench.status()["trust"]["highest_seq"] == seq);
    }
    assert_eq!(bench.status()["pointer"]["kept"]["slot"]["seq"], 3);
    bench.wait_for("order", LONG, |bench| {
        bench.status()["slots"].as_array().is_some_and(|slots| slots.len() == 2)
    });
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
    let known = bench.status();
    assert_eq!(known["pointer"]["current"], "installed");
    assert_eq!(known["denied"]["failed"].as_object().map(|failed| failed.len()), Some(1));
}

#[test]
fn a_build_that_crashes_is_taken_back_under_wine() {
    taken_back("crash", "crashed");
}

#[test]
fn a_build_that_hangs_is_taken_back_under_wine() {
    taken_back("hang", "hung");
}

#[test]
fn a_supervisor_that_is_killed_in_an_update_goes_on_with_it_under_wine() {
    let mut bench = Bench::new();
    bench.start();
    bench.offer(2, &build(2, "good"), "");
    for state in ["downloading", "staged", "switched"] {
        bench.wait_for(state, LONG, |bench| bench.has_status(state) || bench.has_status("confirmed"));
        bench.kill();
        bench.start();
    }
    bench.wait_for("the confirmation", LONG, |bench| bench.has_status("confirmed"));
    assert_eq!(bench.runs(), "2");
}

/// A scanner that opens everything of the updater for a moment, again and again, so that nobody else may touch it.
#[test]
fn an_update_outlives_a_program_that_holds_its_files() {
    let mut bench = Bench::new();
    bench.start();
    bench.wait_for("the start", LONG, |bench| bench.runs() == "1");
    let (is_over, updates) = (AtomicBool::new(false), bench.data().join("updates"));
    let held = thread::scope(|scope| {
        let scanner = scope.spawn(|| {
            let mut held = 0_u32;
            let mut folders = vec![updates.clone()];
            while !is_over.load(Ordering::Relaxed) {
                let Some(folder) = folders.pop() else {
                    folders.push(updates.clone());
                    thread::sleep(Duration::from_millis(50));
                    continue;
                };
                for entry in folder.read_dir().into_iter().flatten().flatten() {
                    if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                        folders.push(entry.path());
                    } else if entry.file_name() != "lock"
                        && let Ok(file) = OpenOptions::new().read(true).share_mode(1).open(entry.path())
                    {
                        held += 1;
                        thread::sleep(Duration::from_millis(15));
                        drop(file);
                    }
                }
            }
            held
        });
        bench.offer(2, &build(2, "good"), "");
        let is_done = |bench: &Bench| bench.has_status("confirmed") || bench.has_status("failed_pre");
        let until = std::time::Instant::now() + LONG;
        while !is_done(&bench) && std::time::Instant::now() < until {
            thread::sleep(Duration::from_millis(50));
        }
        is_over.store(true, Ordering::Relaxed);
        scanner.join().unwrap()
    });
    assert!(held > 20, "{held} files were held");
    assert!(bench.has_status("confirmed"), "{}", bench.log());
    assert!(!bench.has_status("failed_pre") && bench.runs() == "2", "{}", bench.log());
}
