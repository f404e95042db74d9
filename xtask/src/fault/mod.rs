//! `cargo xtask fault`: tries every scenario of update safety and prints the table of them, with how many tests each has.
//! The same tests are part of `cargo xtask test`; here they try longer.

mod table;

use crate::{
    need,
    step::{cargo, command, root, run},
};
use anyhow::{Context as _, Result, bail};
use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    process::Stdio,
};
use table::{SCENARIOS, UNDER_WINE};

/// Where these tests live.
const PACKAGES: [&str; 6] = ["entity", "release", "updater", "agent", "domain", "server"];
/// How much longer than in `cargo xtask test` the tests try that try by chance.
const LONGER: [(&str, &str); 4] = [
    ("REEVE_POWER_SEEDS", "10000"),
    ("REEVE_FLEET", "1000"),
    ("REEVE_ROLLOUT_STORM", "500x20"),
    ("REEVE_SWEEP", "200"),
];

/// Tries each fault at each call by which the supervisor changes something, with the programs as they are shipped.
pub fn run_sweep() -> Result<()> {
    if need::program("strace").is_none() {
        bail!("the sweep takes strace");
    }
    let mut cargo = cargo();
    // Without a target of its own, so that the examples are built too: one of them is the agent.
    cargo.args(["test", "-p", "updater", "--profile", "agent", "--", "sweep::", "--nocapture"]);
    run(cargo.env("REEVE_SWEEP", "all"))
}

/// Runs the tests of every scenario and prints the table; fails when one fails or has no test.
pub fn run_faults() -> Result<()> {
    need::for_tests(false)?;
    run(command("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(root().join("end2end")))?;
    let mut cargo = cargo();
    cargo.arg("test").args(PACKAGES.iter().flat_map(|package| ["-p", package]));
    cargo.args(["--features", "app/ssr", "--no-fail-fast", "--"]).args(names()).arg("--nocapture");
    for (name, value) in LONGER {
        if std::env::var_os(name).is_none() {
            cargo.env(name, value);
        }
    }
    // The counts that tests print go where this program's own words go; their verdicts are read.
    let mut tests = cargo.stdout(Stdio::piped()).spawn().context("cargo test")?;
    let mut verdicts = BTreeMap::new();
    let said = tests.stdout.take().context("what cargo says")?;
    for line in BufReader::new(said).lines() {
        let line = line?;
        eprintln!("{line}");
        if let Some((name, is_good)) = verdict(&line) {
            let known = verdicts.entry(name.to_owned()).or_insert(is_good);
            *known &= is_good;
        }
    }
    let is_good = tests.wait()?.success();
    let bad = print(&verdicts);
    if bad > 0 || !is_good {
        bail!("{bad} of {} scenarios are not held", SCENARIOS.len());
    }
    Ok(())
}

/// The names of all tests, each once.
fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = SCENARIOS.iter().flat_map(|scenario| scenario.tests).copied().collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The name of a test and whether it passed, from a line such as `test gate::tests::sleep ... ok`. What a test printed may
/// stand between its name and the verdict, which then is a line of its own that says nothing.
fn verdict(line: &str) -> Option<(&str, bool)> {
    let (path, word) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let name = path.rsplit("::").next()?;
    Some((name, !word.contains("FAILED")))
}

/// Prints the table; answers how many scenarios are not held.
fn print(verdicts: &BTreeMap<String, bool>) -> usize {
    eprintln!("\n  id    held  tests  what goes wrong");
    let mut bad = 0;
    for scenario in SCENARIOS {
        let of = |name: &&str| verdicts.get(*name).copied();
        let is_held = scenario.tests.iter().all(|name| of(name) == Some(true));
        bad += usize::from(!is_held);
        let word = if is_held { "yes" } else { "NO" };
        eprintln!("  {:<5} {word:<5} {:>5}  {}", scenario.id, scenario.tests.len(), scenario.what);
    }
    let tests = names().len();
    eprintln!("\n{} scenarios, {tests} tests, {bad} not held", SCENARIOS.len());
    let ids: Vec<&str> = UNDER_WINE.iter().map(|(id, _)| *id).collect();
    eprintln!("`cargo xtask windows` tries these under Wine too: {}", ids.join(" "));
    bad
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    fn sources(folder: &Path, into: &mut String) {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable").path()) {
            if entry.is_dir() {
                sources(&entry, into);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                into.push_str(&fs::read_to_string(&entry).expect("text"));
            }
        }
    }

    #[test]
    fn every_test_of_the_table_exists() {
        let mut text = String::new();
        for folder in [
            "entity/src",
            "release",
            "agent/updater",
            "agent/src",
            "agent/tests",
            "server/domain/src",
            "server/tests",
        ] {
            sources(&root().join(folder), &mut text);
        }
        let under_wine = UNDER_WINE.iter().flat_map(|(_, tests)| tests.iter().copied());
        for name in names().into_iter().chain(under_wine) {
            assert!(text.contains(&format!("fn {name}(")), "there is no test {name}");
        }
        for (id, _) in UNDER_WINE {
            assert!(SCENARIOS.iter().any(|scenario| scenario.id == *id), "there is no scenario {id}");
        }
        let mut ids: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.id).collect();
        ids.dedup();
        assert_eq!(ids.len(), SCENARIOS.len(), "each id once");
    }

    #[test]
    fn verdicts_are_read() {
        assert_eq!(verdict("test gate::tests::sleep ... ok"), Some(("sleep", true)));
        assert_eq!(verdict("test sleep ... FAILED"), Some(("sleep", false)));
        assert_eq!(verdict("running 3 tests"), None);
    }
}
