//! `cargo xtask check-macos`: whether the agent compiles for macOS, on a machine that is no Mac. It is not linked, and
//! cannot be run.

use crate::{
    need,
    step::{cargo, command, run, step},
};
use anyhow::{Result, bail};
use std::env::consts::OS;

const TARGET: &str = "aarch64-apple-darwin";

/// Compiles and lints the agent for macOS. The TLS library holds C, so that elsewhere than on a Mac it takes a C compiler
/// that knows Apple's systems: zig.
pub fn check_macos() -> Result<()> {
    if OS != "macos" && need::program("cargo-zigbuild").is_none() {
        bail!(
            "cargo-zigbuild and zig are missing; make them a Python of their own and try again:\n\n  python3 -m venv zig && zig/bin/pip install ziglang cargo-zigbuild\n  PATH=\"$PWD/zig/bin:$PATH\" cargo xtask check-macos\n"
        );
    }
    need::target_of_rust(TARGET)?;
    let mut check = if OS == "macos" { cargo() } else { command("cargo-zigbuild") };
    check.args(["clippy", "--target", TARGET, "-p", "agent", "-p", "updater", "-p", "windows_api"]);
    step("checking the agent for macOS", || run(check.args(["--lib", "--bins", "--", "-D", "warnings"])))
}
