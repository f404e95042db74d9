//! The agent for Windows under Wine, against a server on this machine: real processes, the real registry, service
//! control manager and installer of Wine. `cargo xtask test` brings all of it; without it this says so and does nothing.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

#[cfg(unix)]
mod command;
#[cfg(unix)]
mod force;
#[cfg(unix)]
mod machine;
#[cfg(unix)]
mod package;
#[cfg(unix)]
mod resident;
#[cfg(unix)]
mod run;
#[cfg(unix)]
mod service;
#[cfg(unix)]
#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "its device is one of this system; here devices run Windows")]
mod support;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    run::run_all()
}

#[cfg(not(unix))]
fn main() {}
