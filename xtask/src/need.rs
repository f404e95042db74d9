//! What has to be on this machine, and how it gets there.

use crate::step::{cargo, command, output, run, step};
use anyhow::{Result, bail};
use std::{
    env,
    path::{Path, PathBuf},
};

const WASM: &str = "wasm32-unknown-unknown";

/// The target that browsers run.
pub fn wasm_target() -> Result<()> {
    if has_target(WASM) {
        return Ok(());
    }
    step(&format!("adding the Rust target {WASM}"), || run(command("rustup").args(["target", "add", WASM])))
}

/// True when Rust can build for a target here.
pub fn has_target(target: &str) -> bool {
    let folder = output(command("rustc").args(["--print", "target-libdir", "--target", target]));
    folder.is_some_and(|folder| Path::new(&folder).is_dir())
}

/// Where a program is, if it is in the search path.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// What the tests need beyond Rust: a PostgreSQL to start, a browser, and Node.js to drive it.
pub fn for_tests(with_browser: bool) -> Result<()> {
    if output(cargo().args(["fmt", "--version"])).is_none()
        || output(cargo().args(["clippy", "--version"])).is_none()
    {
        step("adding rustfmt and clippy", || {
            run(command("rustup").args(["component", "add", "rustfmt", "clippy"]))
        })?;
    }
    let mut missing = Vec::new();
    if !has_postgres() {
        missing.push("postgresql");
    }
    if with_browser {
        if browser().is_none() {
            missing.push("chromium");
        }
        if program("node").is_none() {
            missing.push("nodejs");
        }
        if program("npm").is_none() {
            missing.push("npm");
        }
        if program("sqlite3").is_none() {
            missing.push("sqlite3");
        }
    }
    if missing.is_empty() { Ok(()) } else { install(&missing) }
}

/// A browser of the Chromium family.
pub fn browser() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"].iter().find_map(|name| program(name))
}

fn has_postgres() -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    program("initdb").is_some()
        || versions.into_iter().any(|version| version.path().join("bin/initdb").is_file())
}

fn install(packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    let has_apt = program("apt-get").is_some();
    let is_root = output(command("id").arg("-u")).is_some_and(|id| id == "0");
    if !has_apt {
        bail!("install these with your system's package manager, then try again: {names}");
    }
    if !is_root {
        bail!(
            "the tests need more programs; install them and try again:\n\n  sudo apt-get install -y {names}\n"
        );
    }
    step(&format!("installing {names}"), || {
        run(command("apt-get").args(["update", "-q"]))?;
        let mut install = command("apt-get");
        install.env("DEBIAN_FRONTEND", "noninteractive");
        run(install.args(["install", "-y", "-q", "--no-install-recommends"]).args(packages))
    })
}
