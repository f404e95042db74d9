//! Where the agent's files are.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The files of one agent: all in one folder that only its owner may enter.
#[derive(Clone, Debug)]
pub struct Paths {
    folder: PathBuf,
}

impl Paths {
    /// The files in a folder of choice.
    pub fn under(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The files where they usually are.
    #[must_use]
    pub fn usual() -> Self {
        Self::under(usual_folder())
    }

    /// The folder that holds them all.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The key that is about to take the place of the device key.
    #[must_use]
    pub fn next_key(&self) -> PathBuf {
        self.folder.join("device.key.next")
    }

    /// The device key.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.join("device.key")
    }

    /// What registration gave.
    #[must_use]
    pub fn registration(&self) -> PathBuf {
        self.folder.join("agent.json")
    }

    /// Certificates to trust besides those of the system.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// How the agent is doing.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.folder.join("state.json")
    }

    /// Held by the one agent that runs.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.folder.join("agent.lock")
    }

    /// Samples that the server has not acknowledged.
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        self.folder.join("spool")
    }

    /// Makes the folder, for its owner alone.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    pub fn make(&self) -> io::Result<()> {
        make_private(&self.folder)
    }
}

/// Makes a folder that only its owner may enter.
///
/// # Errors
/// Whatever the file system refuses.
pub fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    #[cfg(unix)]
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

#[cfg(unix)]
fn usual_folder() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/lib/reeve");
    }
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(std::env::temp_dir)
        .join("reeve")
}

#[cfg(not(unix))]
fn usual_folder() -> PathBuf {
    std::env::var_os("ProgramData")
        .map_or_else(|| PathBuf::from(r"C:\ProgramData"), PathBuf::from)
        .join("Reeve")
}
