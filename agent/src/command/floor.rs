//! The time that nothing is older than, kept through restarts: what was forgotten was expired by then.

use crate::paths::Paths;
use chrono::{DateTime, Utc};
use std::{fs, io, path::PathBuf};
use updater::durable::{Mode, write_atomic};

fn path(paths: &Paths) -> PathBuf {
    paths.folder().join("command-time")
}

/// What is known from before.
pub(super) fn load(paths: &Paths) -> DateTime<Utc> {
    let text = fs::read_to_string(path(paths)).unwrap_or_default();
    text.trim().parse().unwrap_or(DateTime::UNIX_EPOCH)
}

/// Keeps it.
pub(super) fn keep(paths: &Paths, floor: DateTime<Utc>) -> io::Result<()> {
    write_atomic(&path(paths), format!("{}\n", floor.to_rfc3339()).as_bytes(), Mode::Private)
}
