//! `cargo xtask test`: every check and every test, with what each took.

use crate::{
    bundle::{self, Profile},
    fuzz, need, package_try,
    process::run_within,
    step::{cargo, command, root, run, target},
    windows,
};
use anyhow::{Result, bail};
use std::{
    process::Command,
    time::{Duration, Instant},
};

/// The packages that are built for this machine. `frontend` is not: it would bring the browser's features to the
/// server's packages.
const HERE: [&str; 10] =
    ["server", "domain", "chunk", "app", "entity", "migration", "release", "sim", "fuzz", "bench"];
/// The packages whose own choice of features has to suffice, without what the server adds.
const ON_DEVICES: [&str; 3] = ["agent", "updater", "windows_api"];
/// Seconds that each parser is fuzzed; `cargo xtask fuzz` takes longer.
const FUZZ_SECONDS: u32 = 8;

/// How long building and running the tests may take, several times what they need on a busy machine with two cores.
const TESTS_MOST: Duration = Duration::from_mins(50);
/// The same of the browser tests.
const BROWSER_MOST: Duration = Duration::from_mins(30);

/// Runs everything; what fails does not keep the rest from running.
pub fn run_tests(no_browser: bool) -> Result<()> {
    need::for_tests(!no_browser)?;
    let mut done = Vec::new();
    let mut part = |name: &'static str, run: &mut dyn FnMut() -> Result<()>| {
        eprintln!("\nxtask: {name}");
        let start = Instant::now();
        let failure = run().err();
        if let Some(error) = &failure {
            eprintln!("xtask: {name} failed: {error:#}");
        }
        done.push(Part { name, took: start.elapsed(), is_good: failure.is_none() });
    };
    part("format", &mut || run(cargo().args(["fmt", "--all", "--check"])));
    part("lint the server and the portal", &mut || {
        run(clippy(&HERE).args(APP_SSR).arg("--all-targets").args(DENY))
    });
    part("lint the agent", &mut || run(clippy(&ON_DEVICES).arg("--all-targets").args(DENY)));
    part("lint xtask", &mut || run(clippy(&["xtask"]).arg("--all-targets").args(DENY)));
    part("test xtask", &mut || run(cargo().args(["test", "-p", "xtask"])));
    part("build the portal for browsers", &mut || bundle::build(Profile::Release));
    part("lint the portal as browsers get it", &mut || {
        run(clippy(&["frontend"]).args(["--target", "wasm32-unknown-unknown"]).args(DENY))
    });
    part("install what tests run with Node.js", &mut node_packages);
    part("unit and integration tests", &mut || {
        let packages = HERE.iter().chain(&ON_DEVICES).flat_map(|package| ["-p", package]);
        run_within(TESTS_MOST, cargo().arg("test").args(packages).args(APP_SSR).arg("--no-fail-fast"))
    });
    part("install the packages for Linux", &mut || package_try::run_try_in_tests(&target().join("debug")));
    part("fuzz every parser for a moment", &mut || fuzz::run_fuzz(FUZZ_SECONDS, None));
    let missing = windows::missing();
    if missing.is_empty() {
        part("lint the agent for Windows", &mut windows::lint);
        part("the agent for Windows, under Wine", &mut windows::run_windows);
    }
    if !no_browser {
        // The programs are there: the integration tests are built together with them.
        part("browser tests", &mut browser_tests);
    }
    if !missing.is_empty() {
        eprintln!("\nxtask: the agent for Windows was left out; it takes {}", missing.join(" "));
    }
    summary(&done)
}

/// The portal as the server has it.
const APP_SSR: [&str; 2] = ["--features", "app/ssr"];
const DENY: [&str; 3] = ["--", "-D", "warnings"];

fn clippy(packages: &[&str]) -> Command {
    let mut cargo = cargo();
    cargo.arg("clippy").args(packages.iter().flat_map(|package| ["-p", package]));
    cargo
}

/// A provider of sign-in, which the integration tests start too, and what drives a browser.
fn node_packages() -> Result<()> {
    run(command("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(root().join("end2end")))
}

/// The real server, real agents and a real browser.
fn browser_tests() -> Result<()> {
    run_within(BROWSER_MOST, command("node").arg("run.mjs").current_dir(root().join("end2end")))
}

struct Part {
    name: &'static str,
    took: Duration,
    is_good: bool,
}

fn summary(done: &[Part]) -> Result<()> {
    eprintln!("\nxtask: what was done");
    for part in done {
        let word = if part.is_good { "passed" } else { "FAILED" };
        eprintln!("  {word}  {:>6.1} s  {}", part.took.as_secs_f32(), part.name);
    }
    let failed = done.iter().filter(|part| !part.is_good).count();
    if failed > 0 {
        bail!("{failed} of {} parts failed", done.len());
    }
    Ok(())
}
