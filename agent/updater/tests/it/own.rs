//! The supervisor is replaced by the one of the next release; this test is the service manager that starts it again. On
//! Linux, and under Wine, where a program that runs gives up its name only by being renamed.

use crate::support::{Bench, TERMS, build, release, supervisor};
use entity::release::{ArtifactKind, Sha256Hex};
use std::{
    fs,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

const LONG: Duration = Duration::from_secs(if cfg!(windows) { 180 } else { 60 });
const PROGRAM: &str = if cfg!(windows) { "reeve-updater.exe" } else { "reeve-updater" };

/// A bench with a supervisor of its own, whose next release brings this one.
struct Machine {
    bench: Bench,
    program: PathBuf,
    next: Vec<u8>,
}

impl Machine {
    fn new(terms: &str, next: Vec<u8>) -> Self {
        let bench = Bench::with(terms, &build(1, "good"));
        let program = bench.path(PROGRAM);
        bench.write_program(&program, &supervisor(1));
        fs::write(bench.path("supervisor-2"), &next).unwrap();
        let agent = build(2, "good");
        let manifest = bench.keys.manifest(&release(2, &agent), |manifest| {
            let mut one = manifest.artifacts[0].clone();
            one.kind = ArtifactKind::Supervisor;
            one.size_bytes = next.len() as u64;
            one.sha256 = Sha256Hex::of(&next);
            manifest.artifacts.push(one);
        });
        bench.offer_manifest(2, &agent, &manifest, "");
        Self { bench, program, next }
    }

    fn start(&mut self) {
        let command = self.bench.command_of(Command::new(&self.program));
        self.bench.start_as(command);
    }

    /// The code with which it ends by itself.
    fn ends(&mut self) -> Option<i32> {
        let until = Instant::now() + LONG;
        while !self.bench.has_ended() {
            assert!(Instant::now() < until, "it did not end\n{}", self.bench.log());
            thread::sleep(Duration::from_millis(30));
        }
        self.bench.kill().code()
    }

    /// What the service manager does before each start.
    #[cfg(unix)]
    fn watch(&self) {
        let mut old = Command::new(self.bench.path("reeve-updater.old"));
        old.args(["restore", "--data-dir"]).arg(self.bench.data()).arg("--program").arg(&self.program);
        assert!(old.status().unwrap().success());
    }

    fn becomes(&self, stage: &str) {
        self.bench.wait_for(stage, LONG, |bench| bench.status()["own"]["stage"] == stage);
    }

    fn is_replaced(&self) -> bool {
        fs::read(&self.program).unwrap() == self.next
    }

    /// No other program than these two lies there.
    fn is_tidy(&self) -> bool {
        ["new", "old", "bad"].iter().all(|end| !self.bench.path(&format!("{PROGRAM}.{end}")).exists())
    }
}

#[test]
fn a_supervisor_makes_room_for_the_next_one() {
    let mut machine = Machine::new(TERMS, supervisor(2));
    machine.start();
    assert_eq!(machine.ends(), Some(i32::from(updater::exit::RESTART)));
    assert!(machine.is_replaced(), "{}", machine.bench.log());
    let old = machine.bench.path(&format!("{PROGRAM}.old"));
    assert!(old.exists(), "the one before is kept until this one stays");
    machine.start();
    machine.becomes("confirmed");
    machine.bench.wait_for("order", LONG, |_| machine.is_tidy());
    assert_eq!(machine.bench.runs(), "2");
    assert!(machine.bench.lines("failures").is_empty());
    #[cfg(unix)]
    assert!(machine.bench.stop().success());
}

#[test]
fn a_supervisor_that_is_never_confirmed_puts_the_one_before_back() {
    let terms = TERMS.replace("\"own_alive_ms\": 1000", "\"own_alive_ms\": 600000");
    let mut machine = Machine::new(&terms, supervisor(2));
    let before = fs::read(&machine.program).unwrap();
    machine.start();
    assert_eq!(machine.ends(), Some(i32::from(updater::exit::RESTART)));
    for start in 1..=3 {
        machine.start();
        machine.bench.wait_for("the start", LONG, |bench| bench.status()["own"]["starts"] == start);
        machine.bench.kill();
    }
    assert!(machine.is_replaced());
    machine.start();
    assert_eq!(machine.ends(), Some(i32::from(updater::exit::RESTART)));
    assert!(fs::read(&machine.program).unwrap() == before, "the one before is back");
    machine.start();
    machine.becomes("restored");
    machine
        .bench
        .wait_for("the report", LONG, |bench| bench.lines("failures").contains(&"crashed".to_owned()));
    assert_eq!(machine.bench.runs(), "2");
    // What still ran when it was to be removed goes at the next start.
    if cfg!(windows) {
        machine.bench.kill();
        machine.start();
    }
    machine.bench.wait_for("order", LONG, |_| machine.is_tidy());
}

// Only systemd lets the one before look first.
#[cfg(unix)]
#[test]
fn a_supervisor_that_dies_in_its_first_moment_is_taken_back_by_the_one_before() {
    // It says of itself all that it should, and that is all that it can.
    let mut machine = Machine::new(TERMS, build(2, "crash"));
    let before = fs::read(&machine.program).unwrap();
    machine.start();
    assert_eq!(machine.ends(), Some(i32::from(updater::exit::RESTART)));
    for _ in 0..3 {
        machine.watch();
        assert!(machine.is_replaced());
        machine.start();
        assert_eq!(machine.ends(), Some(101));
    }
    machine.watch();
    assert!(fs::read(&machine.program).unwrap() == before, "the one before is back");
    machine.start();
    machine.becomes("restored");
    machine
        .bench
        .wait_for("the report", LONG, |bench| bench.lines("failures").contains(&"crashed".to_owned()));
    machine.bench.wait_for("the agent", LONG, |bench| bench.runs() == "2");
    assert!(machine.is_tidy());
    assert!(machine.bench.stop().success());
}

#[test]
fn a_supervisor_that_fails_its_own_check_is_not_taken() {
    // It answers, and says that it cannot work here.
    let mut machine = Machine::new(TERMS, build(2, "unsound"));
    machine.start();
    machine.becomes("failed");
    let own = machine.bench.status()["own"].clone();
    assert_eq!(own["reason"], "probe_failed", "{own}");
    assert!(!machine.is_replaced() && machine.is_tidy());
    assert_eq!(machine.bench.runs(), "2");
    assert!(!machine.bench.has_ended());
}
