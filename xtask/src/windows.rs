//! The part of `cargo xtask test` that is Windows': the agent is built for it, linted for it, and runs under Wine.

use crate::{
    need,
    package_windows::write_msi,
    process::run_within,
    step::{cargo, run, target},
    wine::{self, Wine},
};
use anyhow::{Result, bail};
use std::{fs, process::Command, time::Duration};

const TARGET: &str = "x86_64-pc-windows-gnu";
/// How long one step may take, several times what it needs on a busy machine with two cores.
const MOST: Duration = Duration::from_mins(20);
/// The versions of the packages that are installed one after the other.
const VERSIONS: [&str; 2] = ["0.1.0", "0.2.0"];

/// What is missing to do it here; empty: nothing.
pub fn missing() -> Vec<&'static str> {
    wine::missing()
}

/// Lints what only Windows compiles.
pub fn lint() -> Result<()> {
    need::target_of_rust(TARGET)?;
    // Not the tests: what only some systems use has its tests on all of them.
    run(for_windows("clippy").args(["--lib", "--bins", "--", "-D", "warnings"]))
}

/// Builds the agent for Windows and runs its tests, its programs and its package under Wine.
pub fn run_windows() -> Result<()> {
    let missing = missing();
    if !missing.is_empty() {
        bail!("install these and try again: {}", missing.join(" "));
    }
    need::target_of_rust(TARGET)?;
    run(for_windows("build").arg("--bins"))?;
    let wine = Wine::install()?;
    let mut tests = for_windows("test");
    wine.told(tests.env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", wine.program()));
    let own = run_within(MOST, tests.arg("--no-fail-fast"));
    let programs = target().join(TARGET).join("debug");
    let packages = target().join("tmp").join("msi");
    let mut from_outside = cargo();
    from_outside.args(["test", "-p", "agent", "--test", "windows"]);
    wine.told(from_outside.env("REEVE_WINE", wine.program()).env("REEVE_PROGRAMS", &programs));
    for version in VERSIONS {
        let folder = packages.join(version);
        fs::create_dir_all(&folder)?;
        let name = format!("REEVE_MSI_{}", version.replace('.', "_"));
        from_outside.env(name, write_msi(&programs, version, &folder)?);
    }
    let outside = run_within(MOST, &mut from_outside);
    own.and(outside)
}

/// The packages of the agent, for Windows.
fn for_windows(what: &str) -> Command {
    let mut cargo = cargo();
    cargo.arg(what).args(["--target", TARGET, "-p", "windows_api", "-p", "agent", "-p", "updater"]);
    cargo.args(["--features", "windows_api/pipe"]);
    cargo
}
