//! One agent for each data directory: the kernel's lock decides, the number in the file is for people.

use crate::{failure::Failure, paths::Paths};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Write as _},
};
use updater::exit;

/// Held for as long as it lives; the kernel lets go when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock.
    ///
    /// # Errors
    /// When another agent holds it, or the file cannot be opened.
    pub fn take(paths: &Paths) -> Result<Self, Failure> {
        let path = paths.lock();
        let trouble = |error: &dyn std::fmt::Display| Failure::failed(format!("{}: {error}", path.display()));
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|error| trouble(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = holder(&mut file).map_or_else(String::new, |pid| format!(" (pid {pid})"));
                return Err(Failure::new(
                    exit::ALREADY_RUNNING,
                    format!("another agent{holder} runs on {}; stop it first", paths.folder().display()),
                ));
            }
            Err(TryLockError::Error(error)) => return Err(trouble(&error)),
        }
        // Only information: on a full disk the agent still has to run.
        let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

/// The process id of the agent that runs on these files, if one does; 0 when it left no number.
#[must_use]
pub fn running(paths: &Paths) -> Option<u32> {
    let mut file = File::open(paths.lock()).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(holder(&mut file).unwrap_or(0)),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_one_is_refused_and_told_by_whom() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(folder.path());
        assert_eq!(running(&paths), None);
        let first = Lock::take(&paths).unwrap();
        assert_eq!(running(&paths), Some(std::process::id()));
        let refused = Lock::take(&paths).unwrap_err();
        assert_eq!(refused.code, exit::ALREADY_RUNNING);
        assert!(refused.message.contains(&std::process::id().to_string()));
        drop(first);
        assert_eq!(running(&paths), None);
        Lock::take(&paths).unwrap();
    }
}
