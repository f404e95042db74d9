//! A lock that the kernel keeps: on one byte far behind the content, so that everybody can still read what the file
//! says. Locking all of it would keep readers out.

use crate::handle::done;
use std::{
    fs::{File, OpenOptions},
    io,
    os::windows::{fs::OpenOptionsExt as _, io::AsRawHandle as _},
    path::Path,
};
use windows_sys::Win32::{
    Foundation::{ERROR_IO_PENDING, ERROR_LOCK_VIOLATION},
    Storage::FileSystem::{
        FILE_SHARE_READ, FILE_SHARE_WRITE, LOCKFILE_EXCLUSIVE_LOCK, LOCKFILE_FAIL_IMMEDIATELY, LockFileEx,
        UnlockFileEx,
    },
    System::IO::OVERLAPPED,
};

/// Upper half of the offset of the byte that is locked.
const OFFSET_HIGH: u32 = 0x4000_0000;

/// Opens a lock file, making it where there is none. Nobody can delete it while it is open.
///
/// # Errors
/// Whatever the file system refuses.
pub fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE)
        .open(path)
}

/// Opens a lock file to look at it, without making one.
///
/// # Errors
/// Whatever the file system refuses.
pub fn look(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE).open(path)
}

/// Tries to take the lock for oneself. False: somebody holds it. It is let go when the file is closed or the process
/// ends, however it ends.
///
/// # Errors
/// Whatever the system refuses.
pub fn try_exclusive(file: &File) -> io::Result<bool> {
    attempt(file, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY)
}

/// Tries to share the lock with others who look. False: somebody holds it for themselves.
///
/// # Errors
/// Whatever the system refuses.
pub fn try_shared(file: &File) -> io::Result<bool> {
    attempt(file, LOCKFILE_FAIL_IMMEDIATELY)
}

/// Lets go.
///
/// # Errors
/// Whatever the system refuses.
pub fn release(file: &File) -> io::Result<()> {
    let mut place = place();
    // SAFETY: the handle is open while the file is borrowed; the offset lives through the call.
    done(unsafe { UnlockFileEx(file.as_raw_handle(), 0, 1, 0, &raw mut place) })
}

fn attempt(file: &File, flags: u32) -> io::Result<bool> {
    let mut place = place();
    // SAFETY: the handle is open while the file is borrowed; it was opened for waiting calls, so the offset is not
    // used after the call.
    match done(unsafe { LockFileEx(file.as_raw_handle(), flags, 0, 1, 0, &raw mut place) }) {
        Ok(()) => Ok(true),
        Err(error) => match error.raw_os_error().map(i32::cast_unsigned) {
            Some(ERROR_LOCK_VIOLATION | ERROR_IO_PENDING) => Ok(false),
            _ => Err(error),
        },
    }
}

fn place() -> OVERLAPPED {
    let mut place = OVERLAPPED::default();
    place.Anonymous.Anonymous.OffsetHigh = OFFSET_HIGH;
    place
}
