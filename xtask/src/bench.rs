//! `cargo xtask bench`: builds everything for release, measures it beside the rulers, and writes docs/benchmarks.md.

use crate::{
    bundle::{self, Profile},
    need,
    step::{cargo, root, run, step, target},
};
use anyhow::{Context, Result, bail};
use std::{
    env::consts::{ARCH, EXE_SUFFIX},
    path::{Path, PathBuf},
    process::Command,
};

/// What the bench itself understands is handed on as it is.
pub fn run_bench(words: &[String]) -> Result<()> {
    understood(words)?;
    bundle::build(Profile::Release)?;
    step("building server and bench for release", || {
        run(cargo().args(["build", "--release", "-p", "server", "--bin", "reeve"]))?;
        run(cargo().args(["build", "--release", "-p", "bench"]))
    })?;
    let agents = step("building the agent for release", build_agent)?;
    let program = |folder: &Path, name: &str| folder.join(format!("{name}{EXE_SUFFIX}"));
    let release = target().join("release");
    let mut bench = Command::new(program(&release, "reeve-bench"));
    bench.current_dir(root()).arg("run");
    bench.arg("--reeve").arg(program(&release, "reeve")).arg("--agent").arg(program(&agents, "reeve-agent"));
    bench
        .arg("--site")
        .arg(bundle::site())
        .arg("--work")
        .arg(work()?)
        .arg("--out")
        .arg(root().join("docs/benchmarks.md"));
    bench.arg("--command").arg(
        std::iter::once("cargo xtask bench")
            .chain(words.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join(" "),
    );
    run(bench.args(words))
}

/// Builds the agent and its supervisor as they are shipped, without a C library where that can be done here; answers the
/// folder they are in.
fn build_agent() -> Result<PathBuf> {
    let musl = format!("{ARCH}-unknown-linux-musl");
    let is_static = need::has_target(&musl) && need::program("musl-gcc").is_some();
    for package in ["agent", "updater"] {
        let mut cargo = cargo();
        cargo.args(["build", "--profile", "agent", "-p", package, "--bins"]);
        if is_static {
            cargo.args(["--target", &musl]).env(format!("CC_{}", musl.replace('-', "_")), "musl-gcc");
        }
        run(&mut cargo)?;
    }
    Ok(if is_static { target().join(musl).join("agent") } else { target().join("agent") })
}

/// A folder on the disk that holds what cargo builds.
fn work() -> Result<PathBuf> {
    let folder = target().join("bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Fails before minutes of building.
fn understood(words: &[String]) -> Result<()> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" | "--sqlite" | "--postgres" => {}
            "--only" if words.next().is_some_and(|parts| !parts.starts_with('-')) => {}
            "--only" => bail!("--only needs the numbers of rows, such as 1,4,9, or footprint"),
            "--outage-minutes" if words.next().is_some_and(|minutes| minutes.parse::<u64>().is_ok()) => {}
            "--outage-minutes" => bail!("--outage-minutes needs a number"),
            "--mesh-agent" if words.next().is_some_and(|file| Path::new(file).is_file()) => {}
            "--mesh-agent" => bail!("--mesh-agent needs the file of MeshCentral's agent"),
            _ => bail!(
                "{word} is not understood; there are --quick, --only, --sqlite, --postgres, --outage-minutes and --mesh-agent"
            ),
        }
    }
    Ok(())
}
