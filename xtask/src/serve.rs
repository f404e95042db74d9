//! `cargo xtask serve`: the server for development; a changed file builds and starts it anew.

use crate::{
    bundle::{self, Profile},
    demo::{build_programs, built, must_be_free},
    process::{self, LOOK_EVERY, Running},
    step::{root, target},
};
use anyhow::Result;
use std::{fs, path::Path, process::Command, thread, time::SystemTime};

/// What the server and the portal are made of.
const WATCHED: [&str; 8] =
    ["app", "entity", "frontend", "migration", "public", "server", "style", "agent/package"];

/// Builds, runs and watches until Ctrl-C.
pub fn run_serve(port: u16) -> Result<()> {
    must_be_free(port)?;
    let stop = process::watch_for_stop()?;
    let mut server = None;
    while !process::asked(&stop) {
        let seen = newest();
        // A build that fails leaves the former server running; the compiler has said why.
        if build().is_ok() {
            drop(server.take());
            server = Some(Running::start("the server", &mut command(port))?);
        }
        while !process::asked(&stop) && newest() == seen {
            thread::sleep(LOOK_EVERY * 5);
        }
    }
    Ok(())
}

fn build() -> Result<()> {
    bundle::build(Profile::Dev)?;
    build_programs()
}

fn command(port: u16) -> Command {
    let mut server = Command::new(built("reeve"));
    server
        .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
        .arg("--data-dir")
        .arg(target().join("serve"))
        .arg("--site-root")
        .arg(bundle::site());
    server
}

/// When any watched file changed last.
fn newest() -> SystemTime {
    let times = WATCHED.iter().map(|folder| newest_in(&root().join(folder)));
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

fn newest_in(folder: &Path) -> SystemTime {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let times = entries.filter_map(|entry| {
        let about = entry.metadata().ok()?;
        if about.is_dir() { Some(newest_in(&entry.path())) } else { about.modified().ok() }
    });
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}
