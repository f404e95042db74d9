//! `cargo xtask fuzz`: coverage-guided fuzzing of every parser, for a bounded time, from the corpus that is kept.

use crate::step::{command, root, run, target};
use anyhow::{Context, Result, bail};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Seconds for each parser when nobody says.
pub const SECONDS: u32 = 60;
/// Longest input that is tried, in bytes: longer ones are repetitions of what short ones have.
const INPUT_BYTES_MAX: u32 = 16 * 1024;
/// What the parsers may take, in MiB: far more than any bounded one needs.
const MEMORY_MAX: u32 = 1024;
/// What tells the fuzzer which code an input reached. These are flags of the stable compiler.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions -Ccodegen-units=1 --cfg fuzzing";

/// Fuzzes every parser for so many seconds, or only one.
pub fn run_fuzz(seconds: u32, only: Option<&str>) -> Result<()> {
    let names = names()?;
    if let Some(only) = only
        && !names.iter().any(|name| name == only)
    {
        bail!("there is no parser {only}; there are {}", names.join(", "));
    }
    let programs = build()?;
    for name in names.iter().filter(|name| only.is_none_or(|only| only == *name)) {
        fuzz(&programs, name, seconds)?;
    }
    Ok(())
}

/// One folder of the corpus a parser.
fn names() -> Result<Vec<String>> {
    let folders = fs::read_dir(root().join("fuzz/corpus")).context("fuzz/corpus")?;
    let mut names = folders
        .map(|folder| Ok(folder?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// Builds the programs apart from everything else: they have flags of their own. Naming the machine keeps those from
/// what runs while building.
fn build() -> Result<PathBuf> {
    let version = crate::step::output(command("rustc").arg("-vV")).context("rustc")?;
    let machine =
        version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let folder = target().join("fuzz");
    run(command(&env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args(["build", "--release", "-p", "fuzz", "--target", machine])
        .env("CARGO_TARGET_DIR", &folder)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", COVERAGE))?;
    Ok(folder.join(machine).join("release"))
}

/// Inputs that reach new code are kept in the target folder; one that fails is left there and named.
fn fuzz(programs: &Path, name: &str, seconds: u32) -> Result<()> {
    let found = target().join("fuzz/found").join(name);
    fs::create_dir_all(&found)?;
    let findings = target().join("fuzz/findings");
    fs::create_dir_all(&findings)?;
    let corpus = root().join("fuzz/corpus").join(name);
    let mut program = Command::new(programs.join(name));
    program
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={INPUT_BYTES_MAX}"))
        .arg(format!("-rss_limit_mb={MEMORY_MAX}"))
        .args(["-timeout=5", "-print_final_stats=1"])
        .arg(format!("-artifact_prefix={}/{name}-", findings.display()))
        .arg(&found)
        .arg(&corpus);
    let output = program.output().with_context(|| name.to_owned())?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        eprintln!("{said}");
        bail!("{name} failed; the input is in {}; keep it in fuzz/corpus/{name}", findings.display());
    }
    let number = |what: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(&format!("stat::{what}:")));
        line.map_or("?", str::trim).to_owned()
    };
    eprintln!(
        "xtask: {name}: {} inputs in {seconds} s, {} of them reached new code, {} MiB at most",
        number("number_of_executed_units"),
        number("new_units_added"),
        number("peak_rss_mb")
    );
    Ok(())
}
