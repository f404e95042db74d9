//! How much room there is where a file is written.

use std::{io, path::Path};

/// Room on a file system, for this account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Free, in bytes.
    pub free_bytes: u64,
    /// All of it, in bytes.
    pub total_bytes: u64,
}

/// The room of the file system that holds `folder`.
///
/// # Errors
/// Whatever the system refuses.
#[cfg(unix)]
pub fn room(folder: &Path) -> io::Result<Room> {
    let found = rustix::fs::statvfs(folder)?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Ok(Room { free_bytes: bytes(found.f_bavail), total_bytes: bytes(found.f_blocks) })
}

/// The room of the file system that holds `folder`.
///
/// # Errors
/// Whatever the system refuses.
#[cfg(windows)]
pub fn room(folder: &Path) -> io::Result<Room> {
    let found = windows_api::disk::room(folder)?;
    Ok(Room { free_bytes: found.usable, total_bytes: found.total })
}

impl Room {
    /// True when what is written for convenience, such as a log, should leave the rest to others: less than 8 MiB, or
    /// less than a twentieth of a small file system.
    #[must_use]
    pub const fn is_scarce(self) -> bool {
        const LEAST: u64 = 8 * 1024 * 1024;
        let share = self.total_bytes / 20;
        self.free_bytes < if share < LEAST { share } else { LEAST }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_scarce_before_there_is_none() {
        let room = |free_bytes, total_bytes| Room { free_bytes, total_bytes };
        assert!(room(1 << 20, 1 << 40).is_scarce() && !room(9 << 20, 1 << 40).is_scarce());
        assert!(room(10_000, 512 * 1024).is_scarce() && !room(400 * 1024, 512 * 1024).is_scarce());
        let folder = tempfile::tempdir().unwrap();
        let here = super::room(folder.path()).unwrap();
        assert!(here.total_bytes >= here.free_bytes && here.total_bytes > 0);
        assert!(super::room(&folder.path().join("nothing")).is_err());
    }
}
