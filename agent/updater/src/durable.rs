//! Files that are either the old or the new one after a power cut, never half of each.

use crate::patience::{Thread, retry};
use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

/// A file that another program holds is waited for this long: whoever writes here may have others waiting.
const HELD_MAX: Duration = Duration::from_secs(2);

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Only the owner.
    Private,
    /// Everybody.
    Public,
}

/// Replaces the file at `path`: writes a neighbour, syncs it, renames it over, syncs the folder.
///
/// # Errors
/// Whatever the file system refuses; the old file is then untouched.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: Mode) -> io::Result<()> {
    let neighbour = neighbour(path)?;
    let written = retry(HELD_MAX, &Thread::default(), || {
        write_synced(&neighbour, bytes, mode)?;
        crate::fs::rename(&neighbour, path)
    });
    if written.is_err() {
        // The neighbour is of no use to anybody, and on a full disk it takes the room that is missing.
        let _ = fs::remove_file(&neighbour);
        return written;
    }
    sync_folder_of(path)
}

/// Puts the file at `from` in the place of the one at `to`, for good.
///
/// # Errors
/// Whatever the file system refuses.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    retry(HELD_MAX, &Thread::default(), || crate::fs::rename(from, to))?;
    sync_folder_of(to)
}

/// Makes what happened to the names in the folder of `path` survive a power cut.
///
/// # Errors
/// Whatever the file system refuses.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Windows cannot open a folder as a file; NTFS journals names by itself.
    if cfg!(windows) { Ok(()) } else { File::open(folder)?.sync_all() }
}

fn neighbour(path: &Path) -> io::Result<PathBuf> {
    let mut name = OsString::from(".");
    name.push(
        path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a file needs a name"))?,
    );
    name.push(".new");
    Ok(path.with_file_name(name))
}

fn write_synced(path: &Path, bytes: &[u8], mode: Mode) -> io::Result<()> {
    // One left over from a crash might have other permissions.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(
        &mut options,
        match mode {
            Mode::Private => 0o600,
            Mode::Public => 0o644,
        },
    );
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.json");
        write_atomic(&path, b"old", Mode::Public).unwrap();
        fs::write(folder.path().join(".agent.json.new"), b"left over").unwrap();
        write_atomic(&path, b"new", Mode::Private).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_failure_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        assert!(write_atomic(&path, b"new", Mode::Public).is_err());
        assert!(path.is_dir());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
