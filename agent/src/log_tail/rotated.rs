//! What became of a file that is no longer where it was: its other names, and copies that were made of it before it was
//! cut off.

use super::{
    file::{Followed, Identity, open},
    pattern::resolved,
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Names of a folder that are looked at.
const NAMES_MAX: usize = 10_000;
/// What compressed files end with: there are no lines in them.
const PACKED: [&str; 6] = ["gz", "xz", "zst", "bz2", "lz4", "zip"];

/// Another name beside a file, which begins with the same: `app.log.1` of `app.log`.
struct Beside {
    path: PathBuf,
    identity: Identity,
    length: u64,
    changed: SystemTime,
}

fn beside(path: &Path, own: &Path) -> Vec<Beside> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    // `app-20261121.log` comes of `app.log` too.
    let stem = name.strip_suffix(".log").unwrap_or(name);
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<Beside> = entries
        .take(NAMES_MAX)
        .filter_map(Result::ok)
        .filter(|entry| {
            entry.file_name().to_str().is_some_and(|other| other != name && other.starts_with(stem))
        })
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_none_or(|ending| !PACKED.iter().any(|packed| ending == *packed)))
        .filter_map(|path| {
            let path = resolved(&path, own)?;
            let metadata = fs::metadata(&path).ok()?;
            Some(Beside {
                identity: Identity::of(&metadata),
                length: metadata.len(),
                changed: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                path,
            })
        })
        .collect();
    found.sort_by_key(|beside| beside.changed);
    found
}

/// What is left to read of a file that was renamed: itself under its new name, then files that had its name in between and
/// were renamed too. `is_known` says which files are followed anyway.
pub fn renamed(gone: &Followed, own: &Path, is_known: impl Fn(Identity) -> bool) -> Vec<Followed> {
    let all = beside(&gone.path, own);
    let Some(itself) = all.iter().find(|beside| {
        beside.identity == gone.identity
            && open(&beside.path).is_ok_and(|mut file| gone.goes_on_in(&mut file))
    }) else {
        return Vec::new();
    };
    let later = all
        .iter()
        .filter(|beside| {
            beside.identity != gone.identity && beside.changed >= itself.changed && !is_known(beside.identity)
        })
        .map(|beside| Followed::from_start(beside.path.clone(), beside.identity));
    let rest = Followed { path: itself.path.clone(), ..gone.clone() };
    std::iter::once(rest).chain(later).collect()
}

/// What is left to read of a file that was cut off: the copy that was made of it before, if there is one.
pub fn copied(cut: &Followed, own: &Path) -> Option<Followed> {
    if cut.offset == 0 {
        return None;
    }
    beside(&cut.path, own)
        .into_iter()
        .rev()
        .filter(|beside| beside.identity != cut.identity && beside.length >= cut.offset)
        .find(|beside| open(&beside.path).is_ok_and(|mut file| cut.goes_on_in(&mut file)))
        .map(|beside| Followed { path: beside.path, identity: beside.identity, ..cut.clone() })
}
