//! A folder in which something is made that nobody may see before it is whole. It is gone when the work ends, however
//! it ends; what a killed process left behind is swept up by the next one.

use super::{archive::words, failed};
use crate::{Result, secret};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// What the names begin with.
const PREFIX: &str = ".reeve-";
/// What the names end with.
const SUFFIX: &str = ".partial";
/// Held by the process that works in the folder.
const LOCK: &str = "lock";

/// The folder, for as long as it lives.
pub(super) struct Staging {
    folder: PathBuf,
    _lock: File,
}

fn trouble(place: &Path) -> impl Fn(io::Error) -> crate::Error + '_ {
    move |error| failed(format!("{}: {}", place.display(), words(&error)))
}

impl Staging {
    /// Makes one in `parent`.
    pub(super) fn create(parent: &Path, purpose: &str) -> Result<Self> {
        let name = format!("{PREFIX}{purpose}-{}{SUFFIX}", hex::encode(secret::random::<6>()?));
        let folder = parent.join(name);
        make_private_folder(&folder)?;
        let lock = File::create(folder.join(LOCK)).map_err(trouble(&folder))?;
        lock.lock().map_err(trouble(&folder))?;
        Ok(Self { folder, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "a folder of unfinished work is left behind");
        }
    }
}

/// Folders in `parent` whose process is gone.
pub(super) fn abandoned(parent: &Path, purpose: &str) -> Vec<PathBuf> {
    let begin = format!("{PREFIX}{purpose}-");
    let is_ours = |name: &str| name.starts_with(&begin) && name.ends_with(SUFFIX);
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_ours))
        .map(|entry| entry.path())
        .filter(|folder| File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok()))
        .collect()
}

/// Removes what killed processes left behind in `parent`.
pub(super) fn sweep(parent: &Path, purpose: &str) {
    for folder in abandoned(parent, purpose) {
        // Somebody else may sweep as well.
        let _ = fs::remove_dir_all(folder);
    }
}

/// Makes a folder that only its owner may enter.
pub(super) fn make_private_folder(folder: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(trouble(folder))
}

/// Moves a file to a place where there is none, and makes sure that it stays.
pub(super) fn place(from: &Path, to: &Path) -> Result<()> {
    // A link refuses to take the place of another file; renaming would not.
    let linked = fs::hard_link(from, to);
    match linked {
        Ok(()) => fs::remove_file(from).map_err(trouble(from))?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(failed(format!("{} exists already; nothing is overwritten", to.display())));
        }
        // Not every file system has links.
        Err(_) => fs::rename(from, to).map_err(trouble(to))?,
    }
    sync_folder(to)
}

/// Makes sure that the name of a file stays.
pub(super) fn sync_folder(file: &Path) -> Result<()> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    #[cfg(unix)]
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(trouble(folder))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_gone_with_its_work_and_swept_up_when_its_process_is() {
        let parent = tempfile::tempdir().expect("a folder");
        let alive = Staging::create(parent.path(), "backup").expect("made");
        fs::write(alive.path().join("a"), "a").expect("written");
        assert_eq!(abandoned(parent.path(), "backup"), Vec::<PathBuf>::new());
        let dead = parent.path().join(".reeve-backup-00.partial");
        fs::create_dir(&dead).expect("made");
        fs::write(dead.join(LOCK), "").expect("written");
        let other = parent.path().join(".reeve-restore-00.partial");
        fs::create_dir(&other).expect("made");
        sweep(parent.path(), "backup");
        assert!(!dead.exists() && other.exists() && alive.path().exists());
        let path = alive.path().to_owned();
        drop(alive);
        assert!(!path.exists());
    }

    #[test]
    fn nothing_takes_the_place_of_another_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        fs::write(&one, "one").expect("written");
        fs::write(&other, "other").expect("written");
        let error = place(&one, &other).expect_err("refused").to_string();
        assert!(error.contains("exists already"), "{error}");
        assert_eq!(fs::read_to_string(&other).expect("read"), "other");
        fs::remove_file(&other).expect("removed");
        place(&one, &other).expect("placed");
        assert!(!one.exists() && other.exists());
    }
}
