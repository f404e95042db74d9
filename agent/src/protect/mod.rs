//! The protected data directory: who may get in, looked at with every start, refused when wrong, repaired on request.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as os;
#[cfg(windows)]
use windows as os;

use crate::{failure::Failure, paths::Paths};
use std::{
    fmt, io,
    path::{Path, PathBuf},
};
use updater::exit;

/// What is expected of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A folder that its owner alone may enter.
    Folder,
    /// A file that its owner alone may read.
    Secret,
    /// A file that its owner alone may change.
    File,
}

/// One thing that is wrong with a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is a link to somewhere else.
    Link,
    /// It is a file where a folder belongs, or the other way round.
    OtherKind,
    /// It belongs to another user.
    Owner,
    /// Others may do more than they should.
    Open,
}

/// Something that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub path: PathBuf,
    /// What it should be.
    pub kind: Kind,
    /// What is wrong.
    pub wrong: Wrong,
    /// What was seen, such as `mode 0777`.
    pub seen: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        let seen = &self.seen;
        match (self.wrong, self.kind) {
            (Wrong::Link, _) => write!(f, "{path} is a symbolic link ({seen})"),
            (Wrong::OtherKind, Kind::Folder) => write!(f, "{path} is no folder ({seen})"),
            (Wrong::OtherKind, _) => write!(f, "{path} is no ordinary file ({seen})"),
            (Wrong::Owner, _) => write!(f, "{path} belongs to somebody else ({seen})"),
            (Wrong::Open, Kind::Folder) => write!(f, "{path} can be entered or changed by others ({seen})"),
            (Wrong::Open, Kind::Secret) => write!(f, "{path} can be read or changed by others ({seen})"),
            (Wrong::Open, Kind::File) => write!(f, "{path} can be changed by others ({seen})"),
        }
    }
}

impl Finding {
    /// False: only a person can know what belongs there.
    #[must_use]
    pub const fn can_be_fixed(&self) -> bool {
        matches!(self.wrong, Wrong::Owner | Wrong::Open)
    }
}

/// Everything that is wrong with the data directory and the agent's files in it; a directory that is not there has
/// nothing wrong with it.
#[must_use]
pub fn check(paths: &Paths) -> Vec<Finding> {
    let mut findings = os::look(paths.folder(), Kind::Folder);
    // Behind a link lies something that is not ours to judge.
    if !findings.iter().any(|finding| finding.wrong == Wrong::Link) {
        for (path, kind) in paths.entries() {
            findings.extend(os::look(&path, kind));
        }
    }
    findings
}

/// What is wrong with one place; a place that is not there has nothing wrong with it.
#[must_use]
pub fn look(path: &Path, kind: Kind) -> Vec<Finding> {
    os::look(path, kind)
}

/// Looks at the data directory before anything in it is used.
///
/// # Errors
/// When it is not protected.
pub fn require(paths: &Paths) -> Result<(), Failure> {
    let findings = check(paths);
    if findings.is_empty() {
        return Ok(());
    }
    let said: Vec<String> = findings.iter().map(ToString::to_string).collect();
    for finding in &said {
        tracing::error!("the data directory is not protected: {finding}");
    }
    Err(Failure::new(
        exit::UNPROTECTED,
        format!(
            "the data directory is not protected, so the agent does not start: {}. Look who could have changed what is in it, then repair it with: reeve-agent --data-dir {} doctor --fix",
            said.join("; "),
            paths.folder().display()
        ),
    ))
}

/// Makes the data directory where there is none, for its owner alone; takes an empty one over.
///
/// # Errors
/// When it cannot be made, or is not protected.
pub fn prepare(paths: &Paths) -> Result<(), Failure> {
    let folder = paths.folder();
    let trouble = |error: &io::Error| {
        let hint = if error.kind() == io::ErrorKind::PermissionDenied {
            "; run this as root, or choose another --data-dir"
        } else {
            ""
        };
        Failure::failed(format!("{} cannot be written: {error}{hint}", folder.display()))
    };
    match os::make(folder) {
        Ok(()) => tracing::info!("made the protected data directory {}", folder.display()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let wrong = os::look(folder, Kind::Folder);
            // Nobody can have put anything into an empty one.
            if !wrong.is_empty()
                && wrong.iter().all(|finding| finding.wrong == Wrong::Open)
                && is_empty(folder)
            {
                os::fix(folder, Kind::Folder).map_err(|error| trouble(&error))?;
                tracing::info!("protected the empty data directory {}", folder.display());
            }
        }
        Err(error) => return Err(trouble(&error)),
    }
    require(paths)
}

fn is_empty(folder: &Path) -> bool {
    folder.read_dir().is_ok_and(|mut entries| entries.next().is_none())
}

/// Repairs what can be repaired: owner and permissions. The outcome of each.
pub fn repair(findings: &[Finding]) -> Vec<(&Finding, io::Result<()>)> {
    let outcome = |finding: &Finding| {
        if finding.path.ends_with("device-lock.toml") {
            // Whoever could write it may have opened it: without the file the machine is locked.
            std::fs::remove_file(&finding.path)
        } else if finding.can_be_fixed() {
            os::fix(&finding.path, finding.kind)
        } else {
            Err(io::Error::other("only a person can know what belongs there: remove it"))
        }
    };
    findings.iter().map(|finding| (finding, outcome(finding))).collect()
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
