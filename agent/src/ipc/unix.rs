//! The channel as a socket in the protected directory; the other end's user is asked of the kernel.

use crate::paths::Paths;
use std::{
    fs::{self, File},
    io,
    os::{fd::AsRawFd as _, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
};
use tokio::net::{UnixListener, UnixStream};

/// Longest path that fits into the address of a socket everywhere.
const PATH_BYTES_MAX: usize = 100;

pub(super) type Served = UnixStream;
pub(super) type Opened = UnixStream;

/// Where the agent listens.
pub(super) struct Listener {
    listener: UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Starts to listen. To be called by who holds the lock: a socket that is there is left over.
    pub(super) fn open(paths: &Paths) -> io::Result<Self> {
        let path = paths.socket();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let address = Address::of(paths)?;
        let listener = UnixListener::bind(address.path())?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// The next one who calls.
    ///
    /// # Errors
    /// `PermissionDenied` when it is a user who has no business here.
    pub(super) async fn accept(&mut self) -> io::Result<Served> {
        let (stream, _) = self.listener.accept().await?;
        let caller = stream.peer_cred()?.uid();
        if is_welcome(caller, rustix::process::geteuid().as_raw()) {
            Ok(stream)
        } else {
            let refused = format!("a program of user {caller} called");
            Err(io::Error::new(io::ErrorKind::PermissionDenied, refused))
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // One that stays is removed by the next agent.
        let _ = fs::remove_file(&self.path);
    }
}

/// The agent's own user, and root.
const fn is_welcome(caller: u32, own: u32) -> bool {
    caller == own || caller == 0
}

/// Calls the agent that runs.
pub(super) async fn connect(paths: &Paths) -> io::Result<Opened> {
    let address = Address::of(paths)?;
    UnixStream::connect(address.path()).await
}

/// A path to the socket that is short enough for an address.
struct Address {
    path: PathBuf,
    /// Kept open for as long as the path leads through it.
    _folder: Option<File>,
}

impl Address {
    fn of(paths: &Paths) -> io::Result<Self> {
        let path = paths.socket();
        if path.as_os_str().len() <= PATH_BYTES_MAX || !cfg!(target_os = "linux") {
            return Ok(Self { path, _folder: None });
        }
        let folder = File::open(paths.folder())?;
        let name = path.file_name().unwrap_or_default();
        let path = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
        Ok(Self { path, _folder: Some(folder) })
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_agents_own_user_and_root_are_welcome() {
        assert!(is_welcome(7, 7) && is_welcome(0, 7) && is_welcome(0, 0));
        assert!(!is_welcome(8, 7) && !is_welcome(65534, 0));
    }

    #[tokio::test]
    async fn a_directory_with_a_long_name_has_a_channel_too() {
        let folder = tempfile::tempdir().unwrap();
        let long = folder.path().join("long".repeat(40));
        fs::create_dir(&long).unwrap();
        let paths = Paths::under(long);
        let mut listener = Listener::open(&paths).unwrap();
        let mode = fs::metadata(paths.socket()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let (served, opened) = tokio::join!(listener.accept(), connect(&paths));
        assert!(served.is_ok() && opened.is_ok());
        drop(listener);
        assert!(!paths.socket().exists());
    }
}
