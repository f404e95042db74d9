//! The lock on Windows: on one byte far behind the content, so that others can read what the file says; nobody can
//! remove a file that is held.

use std::{
    fs::{self, File},
    io,
    path::Path,
};
use windows_api::lock;

/// Opens the file, making it where there is none.
pub(super) fn open(path: &Path) -> io::Result<File> {
    lock::open(path)
}

/// Opens the file to look at it.
pub(super) fn look(path: &Path) -> io::Result<File> {
    lock::look(path)
}

pub(super) fn try_exclusive(file: &File) -> io::Result<bool> {
    lock::try_exclusive(file)
}

/// True: somebody holds the lock.
pub(super) fn is_held(file: &File) -> io::Result<bool> {
    let free = lock::try_shared(file)?;
    if free {
        lock::release(file)?;
    }
    Ok(!free)
}

/// True: a file that is open cannot lose its name.
pub(super) const fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// Lets go first, because an open file cannot be removed. When another agent is quicker, the file is open again and stays.
pub(super) fn let_go(file: File, path: &Path) -> io::Result<()> {
    lock::release(&file)?;
    drop(file);
    match fs::remove_file(path) {
        Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION) => Ok(()),
        other => other,
    }
}

const ERROR_SHARING_VIOLATION: i32 = 32;
