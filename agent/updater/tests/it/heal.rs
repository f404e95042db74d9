//! Programs that do not come up any more, long after their trial: nobody touches the machine, and the fixed release gets there.

use crate::support::{Bench, TERMS, build};
use std::{fs, time::Duration};

const LONG: Duration = Duration::from_secs(90);

/// A machine on which release 2 is confirmed, and nothing is offered; its supervisor is stopped.
fn settled() -> Bench {
    let terms = TERMS.replacen('{', r#"{"heal_starts": 3, "heal_ms": 10000, "#, 1);
    let mut bench = Bench::with(&terms, &build(1, "good"));
    bench.start();
    bench.offer(2, &build(2, "good"), "");
    bench.wait_for("the confirmation", LONG, |bench| bench.has_status("confirmed"));
    bench.withdraw();
    assert!(bench.stop().success());
    bench
}

/// The fixed release comes, and is what runs in the end.
fn mended(bench: &mut Bench, seq: u64) {
    bench.offer(seq, &build(seq, "good"), "");
    bench.start();
    bench.wait_for("the fixed release", LONG, |bench| bench.status()["trust"]["highest_seq"] == seq);
    bench.wait_for("the report", LONG, |bench| bench.lines("failures").contains(&"crashed".to_owned()));
    assert_eq!(bench.runs(), seq.to_string());
    assert_eq!(bench.status()["heal"]["stalled"].as_array().map(Vec::len), Some(0));
    assert!(!bench.has_ended());
}

#[test]
fn a_package_that_ends_at_its_start_is_mended_by_the_next_release() {
    let mut bench = settled();
    bench.write_program(&bench.path("reeve-agent"), &build(3, "crash"));
    mended(&mut bench, 4);
    let starts = bench.lines("starts");
    let of = |seq: &str| starts.iter().filter(|one| *one == seq).count();
    assert!((3..=6).contains(&of("3")), "{starts:?}");
    assert_eq!((of("1"), of("2")), (1, 2), "what ran before the package stood in, once: {starts:?}");
}

#[test]
fn a_release_that_ends_at_its_start_long_after_its_trial_is_mended_by_the_next_one() {
    let mut bench = settled();
    // Nobody knows any more how this version came here, so there is no update that could be taken back.
    for copy in ["journal.a", "journal.b"] {
        fs::remove_file(bench.data().join("updates/state").join(copy)).unwrap();
    }
    fs::write(bench.data().join("ailing-2"), "").unwrap();
    mended(&mut bench, 3);
    let starts = bench.lines("starts");
    assert_eq!(starts.iter().filter(|one| *one == "1").count(), 2, "the kept one stood in, once: {starts:?}");
}
