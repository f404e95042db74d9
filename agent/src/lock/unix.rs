//! The lock where files can be locked whole and read all the same.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

/// Opens the file, making it where there is none; never through a link.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .custom_flags(no_follow)
        .open(path)
}

/// Opens the file to look at it.
pub(super) fn look(path: &Path) -> io::Result<File> {
    File::open(path)
}

pub(super) fn try_exclusive(file: &File) -> io::Result<bool> {
    taken(file.try_lock())
}

/// True: somebody holds the lock. Who looks holds it with others for a moment.
pub(super) fn is_held(file: &File) -> io::Result<bool> {
    let free = taken(file.try_lock_shared())?;
    if free {
        file.unlock()?;
    }
    Ok(!free)
}

fn taken(tried: Result<(), TryLockError>) -> io::Result<bool> {
    match tried {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// True when the file still has its name: somebody may have taken it away, and given it to another file.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(ours), Ok(named)) => (ours.dev(), ours.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Takes the name away while the lock is still held, so that nobody's file but ours can be meant.
pub(super) fn let_go(file: File, path: &Path) -> io::Result<()> {
    let removed = if is_at(&file, path) { fs::remove_file(path) } else { Ok(()) };
    drop(file);
    removed
}
