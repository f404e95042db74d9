//! Lock two on this machine: `device-lock.toml`, which a local administrator alone can write and no server can. What
//! cannot be read or trusted is locked.

mod arguments;
mod change;
mod file;
mod spent;
#[cfg(all(test, unix))]
mod tests;

pub use arguments::{ArmInput, EntriesInput, LockInput, LockVerb};
pub use change::carry_out;
pub use spent::keep_spent;

use crate::{
    machine,
    paths::Paths,
    protect::{self, Kind},
};
use chrono::Utc;
use entity::device_lock::{Decision, DeviceLock, LockSummary, Moment, RefusalCode, StrongKind};
use std::{
    fs,
    io::{self, Read as _},
    path::PathBuf,
    time::SystemTime,
};

/// Largest file that is read.
const BYTES_MAX: u64 = 64 * 1024;

/// The lock as it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// What holds; locked when there is trouble.
    pub lock: DeviceLock,
    /// Why the file does not hold, if it does not.
    pub trouble: Option<String>,
}

/// Where the lock is.
#[must_use]
pub fn path(paths: &Paths) -> PathBuf {
    paths.folder().join("device-lock.toml")
}

/// Reads the lock. No file is a lock that is closed, and so is one that others could have written, that cannot be read,
/// or that says anything that is not understood.
#[must_use]
pub fn load(paths: &Paths) -> Found {
    match read(paths) {
        Ok(None) => Found::default(),
        Ok(Some(lock)) => Found { lock, trouble: None },
        Err(trouble) => Found { lock: DeviceLock::default(), trouble: Some(trouble) },
    }
}

fn read(paths: &Paths) -> Result<Option<DeviceLock>, String> {
    let path = path(paths);
    let mut wrong = protect::look(paths.folder(), Kind::Folder);
    wrong.extend(protect::look(&path, Kind::File));
    if let Some(finding) = wrong.first() {
        return Err(finding.to_string());
    }
    let said = |error: io::Error| format!("{}: {error}", path.display());
    let file = match fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(said(error)),
    };
    let mut text = String::new();
    file.take(BYTES_MAX + 1).read_to_string(&mut text).map_err(said)?;
    if text.len() as u64 > BYTES_MAX {
        return Err(format!("{} is larger than a lock can be", path.display()));
    }
    file::parse(&text).map(Some).map_err(|what| format!("{}: {what}", path.display()))
}

/// Now, by every clock of this machine.
#[must_use]
pub fn now(paths: &Paths) -> Moment {
    Moment {
        wall: Utc::now(),
        boot_id: machine::boot_id(),
        uptime_seconds: sysinfo::System::uptime().unwrap_or_default(),
        spent: spent::load(paths),
    }
}

/// May this be done on this machine now? Asked anew each time: somebody may have opened or closed the lock.
#[must_use]
pub fn decide(paths: &Paths, kind: StrongKind, argument: &str) -> Decision {
    let found = load(paths);
    if let Some(trouble) = &found.trouble {
        tracing::debug!(trouble, "the device lock cannot be trusted: locked");
        return Decision::Refused(RefusalCode::LockedLocal);
    }
    entity::device_lock::decide(&found.lock, kind, argument, &now(paths))
}

/// What the server is told of it.
#[must_use]
pub fn summary(paths: &Paths) -> LockSummary {
    let Found { lock, trouble } = load(paths);
    LockSummary::of(&lock, trouble, &now(paths))
}

/// Changes whenever the file or its protection does; cheap enough to be asked every few seconds.
#[must_use]
pub fn stamp(paths: &Paths) -> Option<(SystemTime, u64)> {
    let seen = fs::symlink_metadata(path(paths)).ok()?;
    Some((changed_at(&seen), seen.len()))
}

#[cfg(unix)]
fn changed_at(seen: &fs::Metadata) -> SystemTime {
    use std::os::unix::fs::MetadataExt as _;
    let seconds = u64::try_from(seen.ctime()).unwrap_or_default();
    let nanoseconds = u32::try_from(seen.ctime_nsec()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + std::time::Duration::new(seconds, nanoseconds)
}

#[cfg(not(unix))]
fn changed_at(seen: &fs::Metadata) -> SystemTime {
    seen.modified().unwrap_or(SystemTime::UNIX_EPOCH)
}
