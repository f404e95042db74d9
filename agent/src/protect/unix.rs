//! Owner and mode.

use super::{Finding, Kind, Wrong};
use rustix::fs::{FileType, Mode, OFlags, Uid, fchmod, fchown, open};
use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::Path,
};

/// What was seen of a place, without following links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) file_type: FileType,
    pub(super) owner: u32,
    pub(super) mode: u32,
}

/// What is wrong with what was seen, for an agent of this user.
pub(super) fn judge(seen: Seen, kind: Kind, user: u32) -> Vec<(Wrong, String)> {
    let expected = if kind == Kind::Folder { FileType::Directory } else { FileType::RegularFile };
    if seen.file_type == FileType::Symlink {
        return vec![(Wrong::Link, "links are not followed".to_owned())];
    }
    if seen.file_type != expected {
        return vec![(Wrong::OtherKind, format!("{:?}", seen.file_type))];
    }
    let mut wrong = Vec::new();
    if seen.owner != user {
        wrong.push((Wrong::Owner, format!("user {} instead of {user}", seen.owner)));
    }
    let forbidden = match kind {
        Kind::Folder | Kind::Secret => 0o077,
        Kind::File => 0o022,
    };
    if seen.mode & forbidden != 0 {
        let wanted = mode(kind);
        wrong.push((Wrong::Open, format!("mode {:04o} instead of {wanted:04o}", seen.mode)));
    }
    wrong
}

const fn mode(kind: Kind) -> u32 {
    match kind {
        Kind::Folder => 0o700,
        Kind::Secret | Kind::File => 0o600,
    }
}

/// Looks at one place; what is not there is not wrong.
pub(super) fn look(path: &Path, kind: Kind) -> Vec<Finding> {
    let finding = |(wrong, seen)| Finding { path: path.to_owned(), kind, wrong, seen };
    match fs::symlink_metadata(path) {
        Ok(metadata) => {
            let file_type = match metadata.file_type() {
                kind if kind.is_symlink() => FileType::Symlink,
                kind if kind.is_dir() => FileType::Directory,
                kind if kind.is_file() => FileType::RegularFile,
                _ => FileType::Unknown,
            };
            let seen = Seen { file_type, owner: metadata.uid(), mode: metadata.mode() & 0o7777 };
            let user = rustix::process::geteuid().as_raw();
            judge(seen, kind, user).into_iter().map(finding).collect()
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => vec![finding((Wrong::OtherKind, error.to_string()))],
    }
}

/// Makes a folder for its owner alone; those above it are made as usual.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    if let Some(above) = folder.parent() {
        fs::create_dir_all(above)?;
    }
    DirBuilder::new().mode(0o700).create(folder)
}

/// Sets owner and mode of what is there, and of nothing that a link leads to.
pub(super) fn fix(path: &Path, kind: Kind) -> io::Result<()> {
    let directory = if kind == Kind::Folder { OFlags::DIRECTORY } else { OFlags::empty() };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | directory;
    let file = match open(path, flags, Mode::empty()) {
        // Its owner took the right to read from itself: there is nothing to open it by.
        Err(rustix::io::Errno::ACCESS) => {
            return fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode(kind)));
        }
        other => other?,
    };
    let user = rustix::process::geteuid();
    if rustix::fs::fstat(&file)?.st_uid != user.as_raw() {
        fchown(&file, Some(Uid::from_raw(user.as_raw())), None)?;
    }
    let rights = match kind {
        Kind::Folder => Mode::RWXU,
        Kind::Secret | Kind::File => Mode::RUSR | Mode::WUSR,
    };
    Ok(fchmod(&file, rights)?)
}
