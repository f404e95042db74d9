//! How much of an armed time is used, kept beside the lock: a clock that is set back and a restart of the machine give
//! nothing of it back. Written by the agent; it can only make the time shorter.

use super::now;
use crate::paths::Paths;
use entity::device_lock::Spent;
use std::{fs, io, path::PathBuf};
use updater::durable::{Mode, write_atomic};

fn path(paths: &Paths) -> PathBuf {
    paths.folder().join("device-lock.spent.json")
}

/// What was written down; nothing when it cannot be read, and then the uptime alone counts.
pub(super) fn load(paths: &Paths) -> Option<Spent> {
    serde_json::from_slice(&fs::read(path(paths)).ok()?).ok()
}

/// Writes down how much of the armed time is used, while the machine is armed.
///
/// # Errors
/// Whatever the file system refuses.
pub fn keep_spent(paths: &Paths) -> io::Result<()> {
    let found = super::load(paths);
    let Some(armed) = found.lock.armed.filter(|_| found.lock.apply_enabled) else { return Ok(()) };
    let now = now(paths);
    let Some(spent_seconds) = armed.spent_seconds(&now) else { return Ok(()) };
    if spent_seconds >= armed.for_seconds {
        return Ok(());
    }
    let spent =
        Spent { armed_at: armed.at, boot_id: now.boot_id, uptime_seconds: now.uptime_seconds, spent_seconds };
    write_atomic(&path(paths), &serde_json::to_vec(&spent)?, Mode::Private)
}
