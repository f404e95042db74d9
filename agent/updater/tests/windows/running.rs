//! Programs that run: they can be renamed, and neither be replaced nor be removed. As Wine shows it; Windows is said to do
//! the same.

use crate::support::{Bench, build};
use entity::release::Sha256Hex;
use std::{
    fs::{self, OpenOptions},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use updater::{
    fs::{Disk, Fs as _},
    patience::is_held,
    slot::{self, Build, Home, PROGRAM},
};

const LONG: Duration = Duration::from_secs(60);

/// A program that runs until it is dropped.
struct Running(Child);

impl Running {
    /// Starts one that does nothing, and waits until it does.
    fn start(bench: &Bench, program: &Path) -> Self {
        let before = bench.lines("starts").len();
        let mut command = Command::new(program);
        command.args(["run", "--data-dir"]).arg(bench.data());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let running = Self(command.spawn().unwrap());
        bench.wait_for("the start", LONG, |bench| bench.lines("starts").len() > before);
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The system lets go of a program a moment after it ended.
fn soon(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + LONG;
    while !done() {
        assert!(Instant::now() < until, "{what}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_program_that_runs_can_be_set_aside_and_neither_removed_nor_written() {
    let bench = Bench::new();
    let (program, aside) = (bench.path("program.exe"), bench.path("program.exe.bad"));
    let (first, second) = (build(5, "mute"), build(6, "mute"));
    bench.write_program(&program, &first);
    let one = Running::start(&bench, &program);
    let refused = Disk.remove(&program).unwrap_err();
    assert!(!is_held(&refused), "waiting would be of no use: {refused:?}");
    assert!(OpenOptions::new().write(true).open(&program).is_err());
    assert!(fs::read(&program).unwrap() == first, "it can be read, and is whole");
    // It can be taken out of the way, and another one takes its place while it runs on.
    Disk.let_go(&program).unwrap();
    Disk.set_aside(&program, &aside).unwrap();
    assert!(!program.exists());
    let new = bench.path("program.exe.new");
    bench.write_program(&new, &second);
    Disk.seal(&new).unwrap();
    Disk.rename(&new, &program).unwrap();
    let other = Running::start(&bench, &program);
    assert_eq!(bench.lines("starts"), ["5", "6"]);
    assert!(Disk.remove(&aside).is_err(), "the first one still runs");
    assert!(fs::read(&aside).unwrap() == first);
    drop(one);
    soon("what was set aside goes when it has ended", || Disk.remove(&aside).is_ok());
    assert!(Disk.remove(&program).is_err(), "the second one still runs");
    drop(other);
    soon("and so does the other", || Disk.remove(&program).is_ok());
    assert!(!program.exists() && !aside.exists());
}

/// Puts a program into a slot of its own.
fn slot_of(bench: &Bench, home: &Home, seq: u64) -> Build {
    let bytes = build(seq, "mute");
    let build = Build {
        seq,
        version: format!("1.{seq}.0"),
        build_id: format!("b{seq}"),
        size_bytes: bytes.len() as u64,
        sha256: Sha256Hex::of(&bytes),
        config_schema: 1,
        spool_schema: 1,
    };
    let part = home.part(&build.sha256);
    bench.write_program(&part, &bytes);
    Disk.seal(&part).unwrap();
    slot::fill(&Disk, home, &build).unwrap();
    assert!(slot::verifies(&Disk, home, &build));
    build
}

#[test]
fn a_slot_whose_program_runs_stays_until_it_has_ended() {
    let bench = Bench::new();
    let home = Home::under(bench.data());
    for folder in home.folders() {
        Disk.make_folder(&folder).unwrap();
    }
    let [kept, runs, left] = [2, 3, 4].map(|seq| slot_of(&bench, &home, seq));
    let running = Running::start(&bench, &home.program(&runs));
    slot::sweep(&Disk, &home, &[&kept], None);
    assert!(slot::verifies(&Disk, &home, &kept), "what is kept is not touched");
    assert!(!home.slot(&left).exists(), "what stands in nobody's way is gone");
    // What is left of the slot is its program, whole, and no slot that anything would be started from.
    assert!(slot::verifies(&Disk, &home, &runs));
    assert_eq!(Disk.list(&home.slot(&runs)).unwrap(), [PROGRAM]);
    assert_eq!(slot::list(&Disk, &home), [kept.clone()]);
    slot::sweep(&Disk, &home, &[&kept], None);
    assert!(slot::verifies(&Disk, &home, &runs), "as often as it is tried");
    drop(running);
    soon("the next time it goes", || {
        slot::sweep(&Disk, &home, &[&kept], None);
        !home.slot(&runs).exists()
    });
    assert!(slot::verifies(&Disk, &home, &kept));
}
