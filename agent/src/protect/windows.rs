//! Owner and access list: SYSTEM and Administrators for the machine's, the user as well for a user's.

use super::{Finding, Kind, Wrong};
use std::{fs, io, path::Path};
use windows_api::{folder, identity, sddl};

/// Looks at one place; what is not there is not wrong.
pub(super) fn look(path: &Path, kind: Kind) -> Vec<Finding> {
    let finding = |wrong, seen| Finding { path: path.to_owned(), kind, wrong, seen };
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => return vec![finding(Wrong::OtherKind, error.to_string())],
    };
    if metadata.file_type().is_symlink() {
        return vec![finding(Wrong::Link, "links are not followed".to_owned())];
    }
    if metadata.is_dir() != (kind == Kind::Folder) {
        return vec![finding(Wrong::OtherKind, "another kind".to_owned())];
    }
    let looked = identity::scope().and_then(|scope| folder::check(path, &scope));
    match looked {
        Ok(findings) if !findings.is_open() => Vec::new(),
        Ok(findings) => {
            let owner = findings.owner.map(|owner| finding(Wrong::Owner, format!("owner {owner}")));
            let open = (!findings.strangers.is_empty())
                .then(|| finding(Wrong::Open, format!("open to {}", findings.strangers.join(", "))));
            owner.into_iter().chain(open).collect()
        }
        Err(error) => vec![finding(Wrong::Open, error.to_string())],
    }
}

/// Makes a folder that is protected from its first moment.
pub(super) fn make(path: &Path) -> io::Result<()> {
    folder::create(path, &sddl::folder(&identity::scope()?))
}

/// Sets owner and access list.
pub(super) fn fix(path: &Path, _: Kind) -> io::Result<()> {
    folder::protect(path, &sddl::folder(&identity::scope()?))
}
