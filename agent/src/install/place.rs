//! Where an installation puts things, and which service manager takes care of them.

use super::{launchd, systemd};
use crate::{failure::Failure, paths::Paths};
use std::path::{Path, PathBuf};
use updater::exit;

/// The programs that make an agent.
pub const PROGRAMS: [&str; 2] = ["reeve-agent", "reeve-updater"];

/// What starts services on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// systemd, on most Linux distributions.
    Systemd,
    /// launchd, on macOS.
    Launchd,
    /// The service control manager of Windows.
    Scm,
}

/// The places of one installation.
#[derive(Clone, Debug)]
pub struct Places {
    /// What everything of the operating system is below; `/`, but for tests.
    pub root: PathBuf,
    /// Where the programs go.
    pub prefix: PathBuf,
    /// Where the agent keeps its data.
    pub data: PathBuf,
    /// Where the programs are now.
    pub source: PathBuf,
    /// What starts the service.
    pub manager: Manager,
    /// The tool that talks to it.
    pub tool: PathBuf,
}

impl Places {
    /// The places on this machine.
    ///
    /// # Errors
    /// When there is no service manager that is known, or a path would not survive in a service's definition.
    pub fn here(prefix: Option<&Path>, paths: &Paths) -> Result<Self, Failure> {
        let manager = manager().ok_or_else(no_manager)?;
        let source = std::env::current_exe()
            .ok()
            .and_then(|program| program.parent().map(Path::to_owned))
            .ok_or_else(|| Failure::failed("the folder of this program is not known"))?;
        Self {
            root: PathBuf::from("/"),
            prefix: prefix.map_or_else(usual_prefix, Path::to_owned),
            data: paths.folder().to_owned(),
            source,
            manager,
            tool: PathBuf::from(if manager == Manager::Launchd { "launchctl" } else { "systemctl" }),
        }
        .checked()
    }

    /// Refuses paths that are not absolute, or that a unit would read as something else.
    ///
    /// # Errors
    /// Names the option.
    pub fn checked(self) -> Result<Self, Failure> {
        for (option, path) in [("--prefix", &self.prefix), ("--data-dir", &self.data)] {
            let refused =
                |why: &str| Err(Failure::new(exit::USAGE, format!("{option} {}: {why}", path.display())));
            if !path.is_absolute() {
                return refused("an absolute path is needed");
            }
            let Some(text) = path.to_str().filter(|text| !text.chars().any(char::is_control)) else {
                return refused("the path holds characters that a service's definition cannot");
            };
            let plain = |sign: char| sign.is_ascii_alphanumeric() || "/._+@-".contains(sign);
            if self.manager == Manager::Systemd && !text.chars().all(plain) {
                return refused("for systemd a path may hold letters, digits and / . _ + @ - only");
            }
            if self.manager == Manager::Scm && text.contains('"') {
                return refused("a path cannot hold quotation marks");
            }
        }
        Ok(self)
    }

    /// A file of the operating system.
    #[must_use]
    pub fn system(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Where the service's definition goes; on Windows it is no file.
    #[must_use]
    pub fn service_file(&self) -> PathBuf {
        match self.manager {
            Manager::Systemd => self.system(&format!("/etc/systemd/system/{}", systemd::UNIT)),
            Manager::Launchd => self.system(&format!("/Library/LaunchDaemons/{}.plist", launchd::LABEL)),
            Manager::Scm => PathBuf::new(),
        }
    }

    /// The unit that a package of the distribution brought, when there is one.
    #[must_use]
    pub fn packaged_unit(&self) -> Option<PathBuf> {
        let folders = ["/usr/lib/systemd/system", "/lib/systemd/system"];
        let mut files = folders.iter().map(|folder| self.system(folder).join(systemd::UNIT));
        files.find(|file| self.manager == Manager::Systemd && file.is_file())
    }

    /// One of the programs, with the ending that programs have here.
    #[must_use]
    pub fn program(&self, folder: &Path, name: &str) -> PathBuf {
        folder.join(if self.manager == Manager::Scm { format!("{name}.exe") } else { name.to_owned() })
    }

    /// The name by which a shell finds the agent; only with the usual prefix, and not on Windows.
    #[must_use]
    pub fn link(&self) -> Option<PathBuf> {
        let is_usual = self.manager != Manager::Scm && self.prefix == usual_prefix();
        is_usual.then(|| self.system("/usr/local/bin/reeve-agent"))
    }
}

/// Where the programs go when nothing else is asked for.
#[must_use]
pub fn usual_prefix() -> PathBuf {
    if cfg!(windows) {
        let folder = std::env::var_os("ProgramFiles").map(PathBuf::from);
        return folder.unwrap_or_else(|| PathBuf::from(r"C:\Program Files")).join("Reeve");
    }
    PathBuf::from("/usr/local/lib/reeve")
}

fn manager() -> Option<Manager> {
    if cfg!(windows) {
        Some(Manager::Scm)
    } else if cfg!(target_os = "macos") {
        Some(Manager::Launchd)
    } else {
        Path::new("/run/systemd/system").is_dir().then_some(Manager::Systemd)
    }
}

fn no_manager() -> Failure {
    Failure::failed(
        "this system was not started by systemd, so there is nothing to install a service with; start the agent by other means: reeve-updater run --agent /path/to/reeve-agent",
    )
}
