//! One step of an installation: said before it is done, and only said in a dry run.

use crate::{paths::Paths, protect};
use std::{
    fmt, fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};
use updater::{
    durable::{Mode, write_atomic},
    patience::{Thread, retry},
};

/// What another program holds open is waited for this long when it is to go.
const HELD_MAX: Duration = Duration::from_secs(10);

/// What can be done to a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make a folder that everybody may read.
    Folder(PathBuf),
    /// Make a folder that only its owner may enter.
    PrivateFolder(PathBuf),
    /// Put a program in its place, by a rename: one that runs is not written into.
    Program {
        /// Where it is now.
        from: PathBuf,
        /// Where it belongs.
        to: PathBuf,
    },
    /// Write a file that everybody may read.
    Write {
        /// The file.
        path: PathBuf,
        /// All of it.
        text: String,
    },
    /// Point a name at a program.
    Link {
        /// The name.
        path: PathBuf,
        /// The program.
        to: PathBuf,
    },
    /// Run a tool of the operating system.
    Run(Tool),
    /// Run the first tool when a step before changed something, the second when all was as it should be.
    RunAfterChange(Tool, Tool),
    /// Ask the service manager of Windows.
    Service(ServiceStep),
    /// Wait until no supervisor looks after this data, and keep others from it until the last step is done.
    Alone(PathBuf),
    /// Remove a file, when it is there.
    Remove(PathBuf),
    /// Remove a folder, when it is there and empty.
    RemoveEmpty(PathBuf),
    /// Remove a folder of the agent with all that is in it.
    RemoveAll(PathBuf),
}

/// A tool of the operating system and what it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its failure is none of the installation's: what it is to bring about may be so already.
    pub may_fail: bool,
}

impl Tool {
    /// A tool that has to succeed.
    pub fn new(program: &Path, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
        Self { program: program.to_owned(), arguments, may_fail: false }
    }

    /// The same, but its failure does not matter.
    #[must_use]
    pub fn or_not(mut self) -> Self {
        self.may_fail = true;
        self
    }

    fn run(&self) -> io::Result<()> {
        let output =
            Command::new(&self.program).args(&self.arguments).stdin(Stdio::null()).output().map_err(
                |error| io::Error::new(error.kind(), format!("{}: {error}", self.program.display())),
            )?;
        if output.status.success() || self.may_fail {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(format!("`{self}` failed ({}): {}", output.status, said.trim())))
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.program.display())?;
        self.arguments.iter().try_for_each(|word| write!(f, " {word}"))
    }
}

/// What the service manager of Windows can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceStep {
    /// Make the service, or give it this command line.
    Install {
        /// The program of the service.
        program: PathBuf,
        /// What it is started with.
        arguments: Vec<String>,
    },
    /// Start it, unless it runs.
    Start,
    /// Stop it and wait for its end, if it runs.
    Stop,
    /// Take it away, if it is there.
    Delete,
}

impl Step {
    /// Does it.
    ///
    /// # Errors
    /// Whatever the operating system refuses.
    pub fn carry_out(&self, changed_before: bool) -> io::Result<bool> {
        match self {
            Self::Folder(path) => make_folder(path),
            Self::PrivateFolder(path) => {
                let is_new = !path.is_dir();
                let prepared = protect::prepare(&Paths::under(path));
                prepared.map(|()| is_new).map_err(|failure| io::Error::other(failure.message))
            }
            Self::Program { from, to } => put(from, to).map_err(|error| about(to, &error)),
            Self::Write { path, text } => {
                if fs::read(path).is_ok_and(|present| present == text.as_bytes()) {
                    return Ok(false);
                }
                let written = write_atomic(path, text.as_bytes(), Mode::Public);
                written.map(|()| true).map_err(|error| about(path, &error))
            }
            Self::Link { path, to } => link(path, to).map_err(|error| about(path, &error)),
            Self::Run(tool) => tool.run().map(|()| false),
            Self::RunAfterChange(changed, same) => {
                if changed_before { changed } else { same }.run().map(|()| false)
            }
            Self::Service(step) => super::scm::carry_out(step),
            // Whoever carries out all the steps holds it.
            Self::Alone(_) => Ok(false),
            Self::Remove(path) => gone(path, patiently(|| fs::remove_file(path))),
            Self::RemoveEmpty(path) => match fs::remove_dir(path) {
                Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(false),
                removed => gone(path, removed),
            },
            Self::RemoveAll(path) => gone(path, patiently(|| remove_all(path))),
        }
    }

    /// What is shown below the step in a dry run.
    #[must_use]
    pub fn details(&self) -> &str {
        if let Self::Write { text, .. } = self { text } else { "" }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "make the folder {}", path.display()),
            Self::PrivateFolder(path) => {
                write!(f, "make the folder {}, for the agent alone", path.display())
            }
            Self::Program { from, to } => write!(f, "copy {} to {}", from.display(), to.display()),
            Self::Write { path, .. } => write!(f, "write {}", path.display()),
            Self::Link { path, to } => write!(f, "link {} to {}", path.display(), to.display()),
            Self::Run(tool) => write!(f, "run {tool}"),
            Self::RunAfterChange(changed, _) => write!(f, "run {changed}, if anything changed"),
            Self::Service(ServiceStep::Install { program, arguments }) => {
                write!(f, "make the service {}: {}", super::scm::NAME, program.display())?;
                arguments.iter().try_for_each(|word| write!(f, " {word}"))
            }
            Self::Service(ServiceStep::Start) => write!(f, "start the service {}", super::scm::NAME),
            Self::Service(ServiceStep::Stop) => write!(f, "stop the service {}", super::scm::NAME),
            Self::Service(ServiceStep::Delete) => write!(f, "delete the service {}", super::scm::NAME),
            Self::Alone(data) => write!(f, "wait until no supervisor looks after {}", data.display()),
            Self::Remove(path) => write!(f, "remove {}", path.display()),
            Self::RemoveEmpty(path) => write!(f, "remove {}, if it is empty", path.display()),
            Self::RemoveAll(path) => write!(f, "remove {} and all that is in it", path.display()),
        }
    }
}

fn about(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn gone(path: &Path, removed: io::Result<()>) -> io::Result<bool> {
    match removed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(about(path, &error)),
    }
}

fn patiently(once: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    retry(HELD_MAX, &Thread::default(), once)
}

fn remove_all(folder: &Path) -> io::Result<()> {
    #[cfg(windows)]
    make_writable(folder);
    fs::remove_dir_all(folder)
}

/// The programs of updates are marked as read-only, and not every Windows removes such files with their folder. What links
/// lead to is left alone.
#[cfg(windows)]
fn make_writable(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => make_writable(&entry.path()),
            Ok(kind) if kind.is_file() => {
                // Whether that was of use shows when it is removed.
                let _ = updater::fs::writable(&entry.path());
            }
            _ => {}
        }
    }
}

fn make_folder(path: &Path) -> io::Result<bool> {
    if path.is_dir() {
        return Ok(false);
    }
    fs::create_dir_all(path).map_err(|error| about(path, &error))?;
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    Ok(true)
}

fn put(from: &Path, to: &Path) -> io::Result<bool> {
    // Also when one is a link to the other: copying a program onto itself would empty it.
    if fs::canonicalize(to).is_ok_and(|there| fs::canonicalize(from).is_ok_and(|here| here == there)) {
        return Ok(false);
    }
    let bytes = fs::read(from).map_err(|error| about(from, &error))?;
    if fs::read(to).is_ok_and(|present| present == bytes) {
        return Ok(false);
    }
    aside(to)?;
    write_atomic(to, &bytes, Mode::Public)?;
    #[cfg(unix)]
    fs::set_permissions(to, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    Ok(true)
}

/// Windows lets a program that runs be renamed, but not replaced.
fn aside(program: &Path) -> io::Result<()> {
    if cfg!(windows) && program.exists() {
        let old = program.with_extension("old");
        gone(&old, fs::remove_file(&old))?;
        fs::rename(program, old)?;
    }
    Ok(())
}

#[cfg(unix)]
fn link(path: &Path, to: &Path) -> io::Result<bool> {
    if fs::read_link(path).is_ok_and(|present| present == to) {
        return Ok(false);
    }
    gone(path, fs::remove_file(path))?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    std::os::unix::fs::symlink(to, path)?;
    Ok(true)
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(false)
}
