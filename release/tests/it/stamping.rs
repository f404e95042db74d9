//! Stamps, in made-up programs and in a real one: this test's own, which has the place that `updater::built` leaves.

use super::*;
use std::env;
use updater::built;

#[test]
fn a_stamp_changes_nothing_but_itself() {
    let desk = Desk::new();
    desk.write("in", elf(true));
    let line = "stamp in --version 1.4.0-beta.2 --seq 12 --build-id 8f3c2a1 --build-time 2026-11-21T09:00:00Z --out out";
    let said = desk.run(line).good();
    let (before, after) = (fs::read(desk.path("in")).unwrap(), fs::read(desk.path("out")).unwrap());
    assert_eq!(before, elf(true), "the program itself stays");
    assert_eq!(before.len(), after.len());
    let changed: Vec<usize> = (0..before.len()).filter(|at| before[*at] != after[*at]).collect();
    assert!(changed.iter().all(|at| (5_000..5_512).contains(at)), "{changed:?}");
    assert!(said.ends_with("  out\n"), "{said}");
    let said = desk.run("inspect out").good();
    for word in
        ["program for linux x86_64 gnu", "version     1.4.0-beta.2", "seq         12", "build       8f3c2a1"]
    {
        assert!(said.contains(word), "{word:?} in {said}");
    }
    desk.run(line).refused(&["out: is there already"]);
}

#[test]
fn what_cannot_be_stamped_is_named() {
    let desk = Desk::new();
    let mut two = elf(true);
    two.extend(elf(false));
    desk.write("two", two);
    desk.write("none", [0; 9_000]);
    let mut cut = elf(true);
    cut.truncate(5_400);
    desk.write("cut", cut);
    desk.write("good", elf(true));
    let stamp = |file: &str, id: &str| {
        desk.run(&format!("stamp {file} --version 1.0.0 --seq 1 --build-id {id} --out o"))
    };
    stamp("two", "x").refused(&["two: has more than one build stamp"]);
    stamp("none", "x").refused(&["none: has no build stamp"]);
    stamp("cut", "x").refused(&["cut: has a build stamp that cannot be read"]);
    stamp("missing", "x").refused(&["missing: cannot be opened"]);
    stamp("good", &"x".repeat(65)).refused(&["--build-id: must be 1 to 64"]);
    assert!(!desk.path("o").exists());
}

/// Asked by the next test, in a copy of this program.
#[test]
fn says_what_it_is() {
    let built = built::of_this();
    if let Some(file) = env::var_os("REEVE_TEST_SAYS") {
        fs::write(file, format!("{} {} {}", built.version, built.seq, built.build_id)).unwrap();
    }
}

#[test]
fn a_real_program_that_was_stamped_runs_and_says_so() {
    let desk = Desk::new();
    let this = env::current_exe().unwrap();
    let to = "--version 7.8.9 --seq 77 --build-id 7.8.9-real --build-time 2026-11-21T09:00:00Z --out copy";
    desk.run(&format!("stamp {} {to}", this.display())).good();
    let mut finder = built::Finder::default();
    finder.feed(&fs::read(desk.path("copy")).unwrap());
    let built = finder.found().expect("the supervisor finds it");
    assert_eq!((built.version.as_str(), built.seq, built.build_id.as_str()), ("7.8.9", 77, "7.8.9-real"));
    assert!(built.build_time.is_some());
    let status = Command::new(desk.path("copy"))
        .args(["--exact", "stamping::says_what_it_is"])
        .env("REEVE_TEST_SAYS", desk.path("said"))
        .output()
        .unwrap();
    assert!(status.status.success(), "{status:?}");
    assert_eq!(desk.read("said"), "7.8.9 77 7.8.9-real");
    let said = desk.run("inspect copy").good();
    assert!(said.contains("seq         77"), "{said}");
}
