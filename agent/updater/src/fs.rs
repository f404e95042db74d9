//! The few things that the updater does to a disk, behind one trait, so that a simulated disk can lose power at each of
//! them. Whatever has to survive a power cut says so in its name or is followed by [`Fs::sync_folder`].

use crate::built::{Built, Finder};
use entity::release::{
    Sha256Hex,
    program::{HEAD_BYTES, Platform, platform},
};
use sha2::{Digest as _, Sha256};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write as _},
    path::Path,
};

/// What a file is, read through one handle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// Bytes.
    pub size_bytes: u64,
    /// Of all of them.
    pub sha256: Sha256Hex,
    /// For which platform it is a program, if it is one.
    pub platform: Option<Platform>,
    /// Its stamp, if it has one.
    pub stamp: Option<Built>,
}

/// A disk.
pub trait Fs {
    /// Reads a small file; a longer one is an error.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>>;
    /// Writes a new file, on the disk when this returns; its name is not before [`Fs::sync_folder`]. A file that was
    /// there is removed first.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    fn write_synced(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Renames, in place of what had the name.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a program a second name, in place of what had it. Where a program that runs cannot be replaced (Windows) its
    /// first name is gone afterwards.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    fn set_aside(&self, program: &Path, to: &Path) -> io::Result<()>;
    /// Finds that a file could be given another name now. Where others can stand in the way of that, a step that cannot be
    /// undone at once is not begun before.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    fn let_go(&self, path: &Path) -> io::Result<()> {
        let _ = path;
        Ok(())
    }
    /// Makes the names in a folder survive a power cut.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Makes a folder that only its owner may enter, if it is not there; never follows a link.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;
    /// Removes a file; one that is not there is removed already.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder that is empty; one that is not there is removed already.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    fn remove_folder(&self, folder: &Path) -> io::Result<()>;
    /// The names in a folder; none when it is not there.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;
    /// Reads a whole file through one handle, which never follows a link, and says what it is.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    fn inspect(&self, path: &Path) -> io::Result<Inspected>;
    /// Makes a file a program that nobody changes (0555), on the disk when this returns.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    fn seal(&self, path: &Path) -> io::Result<()>;
    /// Free bytes where a folder lies.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    fn room(&self, folder: &Path) -> io::Result<u64>;
    /// Whether others could write into a folder, in words; `None` when they cannot.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    fn openness(&self, folder: &Path) -> io::Result<Option<String>>;
}

/// Reads everything and says what it is.
///
/// # Errors
/// Whatever the reader says.
pub fn inspect(mut file: impl Read) -> io::Result<Inspected> {
    let (mut hash, mut stamp, mut head, mut size_bytes) = (Sha256::new(), Finder::default(), Vec::new(), 0);
    let mut piece = vec![0; 64 * 1024];
    loop {
        let count = match file.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = piece.get(..count).unwrap_or_default();
        hash.update(bytes);
        stamp.feed(bytes);
        let missing = HEAD_BYTES.saturating_sub(head.len());
        head.extend_from_slice(bytes.get(..missing.min(count)).unwrap_or_default());
        size_bytes += count as u64;
    }
    Ok(Inspected {
        size_bytes,
        sha256: hex::encode(hash.finalize()).try_into().map_err(io::Error::other)?,
        platform: platform(&head),
        stamp: stamp.found(),
    })
}

/// The disk of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Fs for Disk {
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        open(path)?.take(most + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "longer than such a file can be"));
        }
        Ok(bytes)
    }

    fn write_synced(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.remove(path)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(path).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        if written.is_err() {
            // On a full disk what was begun takes the room that is missing.
            let _ = fs::remove_file(path);
        }
        written
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        rename(from, to)
    }

    fn set_aside(&self, program: &Path, to: &Path) -> io::Result<()> {
        self.remove(to)?;
        if cfg!(windows) { rename(program, to) } else { fs::hard_link(program, to) }
    }

    #[cfg(windows)]
    fn let_go(&self, path: &Path) -> io::Result<()> {
        open_to_rename(path).map(|_| ())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // Windows cannot open a folder as a file; NTFS journals names by itself.
        if cfg!(windows) { Ok(()) } else { File::open(folder)?.sync_all() }
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        #[cfg(windows)]
        {
            if !fs::symlink_metadata(folder).is_ok_and(|about| about.is_dir()) {
                windows_api::folder::create(
                    folder,
                    &windows_api::sddl::folder(&windows_api::identity::scope()?),
                )?;
            }
        }
        #[cfg(not(windows))]
        {
            let mut builder = fs::DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            match builder.create(folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        if fs::symlink_metadata(folder)?.is_dir() {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::NotADirectory, "something else has the name of a folder"))
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        #[cfg(windows)]
        let _ = writable(path);
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        match fs::remove_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn inspect(&self, path: &Path) -> io::Result<Inspected> {
        inspect(open(path)?)
    }

    fn seal(&self, path: &Path) -> io::Result<()> {
        // Windows flushes only what may be written.
        let mut options = OpenOptions::new();
        options.read(true).write(cfg!(windows));
        no_links(&mut options);
        let file = options.open(path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
            // Another name for it would be another way to write into it.
            if file.metadata()?.nlink() != 1 {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the file has a second name"));
            }
            file.set_permissions(fs::Permissions::from_mode(0o555))?;
        }
        file.sync_all()?;
        #[cfg(windows)]
        {
            let mut permissions = file.metadata()?.permissions();
            permissions.set_readonly(true);
            fs::set_permissions(path, permissions)?;
        }
        Ok(())
    }

    fn room(&self, folder: &Path) -> io::Result<u64> {
        #[cfg(unix)]
        {
            let room = rustix::fs::statvfs(folder)?;
            Ok(room.f_bavail.saturating_mul(room.f_frsize))
        }
        #[cfg(windows)]
        {
            Ok(windows_api::disk::room(folder)?.usable)
        }
    }

    fn openness(&self, folder: &Path) -> io::Result<Option<String>> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let about = fs::symlink_metadata(folder)?;
            let (mine, shown) = (rustix::process::geteuid().as_raw(), folder.display());
            if !about.is_dir() {
                return Ok(Some(format!("{shown} is no folder")));
            }
            if about.uid() != mine && about.uid() != 0 {
                return Ok(Some(format!("{shown} belongs to user {}", about.uid())));
            }
            let open = about.mode() & 0o022;
            Ok((open != 0)
                .then(|| format!("{shown} can be written by others (mode {:o})", about.mode() & 0o7777)))
        }
        #[cfg(windows)]
        {
            let findings = windows_api::folder::check(folder, &windows_api::identity::scope()?)?;
            let who =
                findings.owner.iter().chain(&findings.strangers).cloned().collect::<Vec<_>>().join(", ");
            Ok(findings.is_open().then(|| format!("{} is open to {who}", folder.display())))
        }
    }
}

/// Opens for reading, and only what the name itself says.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    no_links(&mut options);
    let file = options.open(path)?;
    // A pipe would keep us for ever, a folder is none.
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "is no file"))
    }
}

fn no_links(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags);
    }
    #[cfg(windows)]
    {
        /// `FILE_FLAG_OPEN_REPARSE_POINT`.
        const REPARSE: u32 = 0x0020_0000;
        std::os::windows::fs::OpenOptionsExt::custom_flags(options, REPARSE);
    }
}

/// Renames, in place of what had the name. What others hold is told apart from what is not allowed.
///
/// # Errors
/// Whatever the file system refuses.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to).map_err(|error| refused(error, from, to))
}

#[cfg(not(windows))]
fn refused(error: io::Error, _: &Path, _: &Path) -> io::Error {
    error
}

/// Of a name that belongs to an open file Windows says the same as of one without the right to it. Who could remove the
/// file, were it not open, has the right.
#[cfg(windows)]
fn refused(error: io::Error, from: &Path, to: &Path) -> io::Error {
    const ACCESS_DENIED: i32 = 5;
    const SHARING_VIOLATION: i32 = 32;
    if error.raw_os_error() != Some(ACCESS_DENIED) {
        return error;
    }
    let is_there = fs::symlink_metadata(to).is_ok_and(|about| about.is_file());
    let is_held = match open_to_rename(if is_there { to } else { from }) {
        Ok(_) => is_there,
        Err(error) => crate::patience::is_held(&error),
    };
    if is_held { io::Error::from_raw_os_error(SHARING_VIOLATION) } else { error }
}

/// As the system opens what it renames; a program that runs can be opened so too.
#[cfg(windows)]
fn open_to_rename(path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt as _;
    /// `DELETE`: the right to take a name away.
    const DELETE: u32 = 0x0001_0000;
    let mut options = OpenOptions::new();
    options.access_mode(DELETE);
    no_links(&mut options);
    options.open(path)
}

/// Windows removes no file that is marked as read-only.
///
/// # Errors
/// Whatever the file system refuses.
#[cfg(windows)]
pub fn writable(path: &Path) -> io::Result<()> {
    let mut permissions = fs::symlink_metadata(path)?.permissions();
    #[expect(
        clippy::permissions_set_readonly_false,
        reason = "on Windows this is an attribute, not who may write"
    )]
    permissions.set_readonly(false);
    fs::set_permissions(path, permissions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn links_pipes_and_second_names_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), b"x").unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        assert!(Disk.read(&at("link"), 10).is_err());
        assert!(Disk.inspect(&at("link")).is_err());
        assert!(Disk.seal(&at("link")).is_err());
        assert!(Disk.inspect(folder.path()).is_err());
        fs::hard_link(at("file"), at("twin")).unwrap();
        assert!(Disk.seal(&at("file")).is_err());
        // A link that lies where a file is to be written goes away; what it names stays.
        Disk.write_synced(&at("link"), b"new").unwrap();
        assert_eq!(fs::read(at("file")).unwrap(), b"x");
    }

    #[cfg(unix)]
    #[test]
    fn an_open_folder_is_found() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("updates");
        Disk.make_folder(&inner).unwrap();
        Disk.make_folder(&inner).unwrap();
        assert_eq!(Disk.openness(&inner).unwrap(), None);
        for mode in [0o702, 0o720, 0o777] {
            fs::set_permissions(&inner, fs::Permissions::from_mode(mode)).unwrap();
            assert!(Disk.openness(&inner).unwrap().is_some(), "{mode:o}");
        }
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&inner, &link).unwrap();
        assert!(Disk.make_folder(&link).is_err());
    }
}
