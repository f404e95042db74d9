//! What an uninstallation does about updates, at whatever stage one is: first nothing looks after the data any more, then
//! what is pending goes. What this machine has had and whom it trusts stays, so that an installation over it does not open
//! the way back.

use crate::{engine::names, slot::Home};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// Between two looks whether the supervisor has ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Waits until no supervisor looks after the data, at most so long, and keeps others from it for as long as the answer is
/// held; none when no supervisor has ever been there.
///
/// # Errors
/// `ResourceBusy` when one still does, and whatever the file system refuses.
pub fn hold(home: &Home, patience: Duration) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
    }
    let file = match options.open(home.lock()) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let until = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(LOOK_EVERY),
            Err(TryLockError::WouldBlock) => {
                let why = format!("a supervisor still looks after {}; end it first", home.data().display());
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, why));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Folders with programs that an update brought, or was about to bring.
#[must_use]
pub fn folders(home: &Home) -> [PathBuf; 2] {
    [home.slots(), home.staging()]
}

/// Files that say what runs and what is under way, also those that were being written when that was cut off.
#[must_use]
pub fn files(home: &Home) -> Vec<PathBuf> {
    let pending = [names::POINTER, names::JOURNAL, names::OWN, names::HEAL];
    let ends = ["a", "b", "a.new", "b.new"];
    let state = home.state();
    pending.iter().flat_map(|name| ends.map(|end| state.join(format!("{name}.{end}")))).collect()
}

/// What may lie beside the supervisor itself while its own update is under way.
#[must_use]
pub fn beside(supervisor: &Path) -> [PathBuf; 3] {
    [".new", ".old", ".bad"].map(|end| crate::engine::own::beside(supervisor, end))
}
