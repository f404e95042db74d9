//! Where the agent's files are.

use crate::{machine, protect::Kind};
use entity::platform::Os;
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

    /// The root that says which keys may sign commands, from the registration.
    #[must_use]
    pub fn command_root(&self) -> PathBuf {
        self.folder.join("command-root.pub")
    }

    /// The root that says which keys may sign releases, from the registration or an administrator.
    #[must_use]
    pub fn release_root(&self) -> PathBuf {
        self.folder.join("release-root.json")
    }

    /// A root that an administrator gave, until the supervisor has seen it.
    #[must_use]
    pub fn given_root(&self) -> PathBuf {
        self.folder.join("release-root.given.json")
    }

    /// Where the supervisor keeps versions of the agent, and what it remembers of them.
    #[must_use]
    pub fn updates(&self) -> PathBuf {
        self.folder.join("updates")
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

    /// Log entries that the server has not acknowledged.
    #[must_use]
    pub fn log_spool(&self) -> PathBuf {
        self.folder.join("log_spool")
    }

    /// How far the logs have been read.
    #[must_use]
    pub fn log_tail(&self) -> PathBuf {
        self.folder.join("log_tail.json")
    }

    /// Samples that the server has not acknowledged.
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        self.folder.join("spool")
    }

    /// The secret of the agent's channel, where the system keeps none.
    #[must_use]
    pub fn secret(&self) -> PathBuf {
        self.folder.join("ipc.secret")
    }

    /// The agent's channel, where channels are files.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join("agent.sock")
    }

    /// What the next run of a supervised agent is to be started with, for a moment.
    #[must_use]
    pub fn restart(&self) -> PathBuf {
        self.folder.join("restart.json")
    }

    /// What is looked at when the folder's protection is.
    #[must_use]
    pub fn entries(&self) -> Vec<(PathBuf, Kind)> {
        let within = |names: &[&str], kind| -> Vec<_> {
            names.iter().map(|name| (self.folder.join(name), kind)).collect()
        };
        let secrets = ["device.key", "device.key.next", "ipc.secret"];
        let files = [
            "agent.json",
            "config.json",
            "config.v1.json",
            "config.v2.json",
            "ca.pem",
            "command-root.pub",
            "release-root.json",
            "release-root.given.json",
            "settings.json",
            "state.json",
            "agent.lock",
            "restart.json",
            "device-lock.toml",
            "device-lock.spent.json",
            "events.json",
            "chain.jsonl",
            "chain.lock",
            "chain.acknowledged",
            "command-time",
            "agent-mode.json",
            "emergency-stop.json",
            "rate-limits.json",
            "monitored-services.json",
            "error_reports.jsonl",
        ];
        let mut entries = within(&secrets, Kind::Secret);
        entries.extend(within(&files, Kind::File));
        entries.extend(within(&["spool", "logs", "commands", "work", "updates"], Kind::Folder));
        entries
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

/// Whose agent this is: the machine's, or one user's. Both may run at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// The machine's: root, or an administrator.
    Machine,
    /// One user's.
    User,
}

impl Context {
    /// By the privileges of this process.
    #[must_use]
    pub fn current() -> Self {
        #[cfg(unix)]
        let is_machine = rustix::process::geteuid().is_root();
        #[cfg(windows)]
        let is_machine = windows_api::identity::is_elevated().unwrap_or(false);
        if is_machine { Self::Machine } else { Self::User }
    }

    /// The word people read.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::User => "user",
        }
    }

    /// Where the agent's files usually are. `variable` looks a variable of the environment up.
    #[must_use]
    pub fn folder(self, os: Os, variable: impl Fn(&str) -> Option<PathBuf>) -> PathBuf {
        let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
        let home = |below: &str| absolute("HOME").map(|home| home.join(below));
        match (self, os) {
            (Self::Machine, Os::Linux) => PathBuf::from("/var/lib/reeve"),
            (Self::Machine, Os::Macos) => PathBuf::from("/Library/Application Support/Reeve"),
            (Self::Machine, Os::Windows) => {
                // Asked for, because a machine may have its disks in other places.
                absolute("ProgramData").unwrap_or_else(|| PathBuf::from(r"C:\ProgramData")).join("Reeve")
            }
            (Self::User, Os::Linux) => absolute("XDG_STATE_HOME")
                .or_else(|| home(".local/state"))
                .unwrap_or_else(std::env::temp_dir)
                .join("reeve"),
            (Self::User, Os::Macos) => {
                home("Library/Application Support").unwrap_or_else(std::env::temp_dir).join("Reeve")
            }
            (Self::User, Os::Windows) => {
                absolute("LOCALAPPDATA").unwrap_or_else(std::env::temp_dir).join("Reeve")
            }
        }
    }
}

fn usual_folder() -> PathBuf {
    Context::current().folder(machine::OS, |name| {
        // Who starts a program chooses its environment; where the machine's data is, the system says.
        #[cfg(windows)]
        if name == "ProgramData" {
            return windows_api::machine::program_data().ok();
        }
        std::env::var_os(name).map(PathBuf::from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(windows)]
    #[test]
    fn each_context_has_its_own_place_on_windows() {
        let place = |context: Context, name: &str, value: &str| {
            context.folder(Os::Windows, |known| (known == name).then(|| PathBuf::from(value)))
        };
        assert_eq!(place(Context::Machine, "ProgramData", r"D:\Data"), Path::new(r"D:\Data\Reeve"));
        assert_eq!(place(Context::Machine, "", ""), Path::new(r"C:\ProgramData\Reeve"));
        assert_eq!(place(Context::Machine, "ProgramData", "relative"), Path::new(r"C:\ProgramData\Reeve"));
        assert_eq!(
            place(Context::User, "LOCALAPPDATA", r"C:\Users\u\Local"),
            Path::new(r"C:\Users\u\Local\Reeve")
        );
    }

    // Only here are paths such as those below absolute.
    #[cfg(unix)]
    #[test]
    fn each_context_has_its_own_place_on_each_system() {
        let place = |context: Context, os, variables: &[(&str, &str)]| {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| PathBuf::from(value))
            };
            context.folder(os, variable)
        };
        let home = [("HOME", "/u")];
        assert_eq!(place(Context::Machine, Os::Linux, &home), Path::new("/var/lib/reeve"));
        assert_eq!(place(Context::User, Os::Linux, &home), Path::new("/u/.local/state/reeve"));
        let state = [("HOME", "/u"), ("XDG_STATE_HOME", "/s")];
        assert_eq!(place(Context::User, Os::Linux, &state), Path::new("/s/reeve"));
        let relative = [("HOME", "/u"), ("XDG_STATE_HOME", "s")];
        assert_eq!(place(Context::User, Os::Linux, &relative), Path::new("/u/.local/state/reeve"));
        let machine = place(Context::Machine, Os::Macos, &home);
        assert_eq!(machine, Path::new("/Library/Application Support/Reeve"));
        let user = place(Context::User, Os::Macos, &home);
        assert_eq!(user, Path::new("/u/Library/Application Support/Reeve"));
        for os in [Os::Linux, Os::Macos, Os::Windows] {
            assert_ne!(place(Context::Machine, os, &home), place(Context::User, os, &home));
        }
    }
}
