//! Where a restored or moved database goes: a place that holds nothing, checked before and while it is filled.

use super::{
    archive::{self, KEYS, words},
    catalogue::Table,
    copier,
    database::{Database, TableDigest},
    failed,
    postgres::Postgres,
    progress::Watch,
    schema, staging,
};
use crate::Result;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

/// The journal of keys that are being put in their place.
const JOURNAL: &str = "placing.json";

/// Fails when there is a database, or what is left of one.
pub(super) fn no_file(file: &Path) -> Result<()> {
    for end in ["", "-wal", "-shm", "-journal"] {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        let found = PathBuf::from(name);
        if found.symlink_metadata().is_ok() {
            return Err(failed(format!("{} exists already; nothing is overwritten", found.display())));
        }
    }
    Ok(())
}

/// Fails when a PostgreSQL database holds anything but what the steps of the schema put there.
pub(super) async fn no_rows(url: &str) -> Result<u32> {
    let mut postgres = Postgres::open(url).await?;
    let steps = postgres.steps().await?;
    if steps.is_empty() {
        let things = postgres.things().await?;
        if !things.is_empty() {
            return Err(failed(format!(
                "the PostgreSQL database is not empty: it has {}; nothing is overwritten",
                first_few(&things)
            )));
        }
        postgres.close().await?;
        return Ok(0);
    }
    let level = schema::level(&steps, "the PostgreSQL database")?;
    let mut database = Database::Postgres(Box::new(postgres));
    database.hold_still(false).await?;
    let tables = database.tables().await?;
    nothing_in(&mut database, &tables, level).await?;
    database.close().await?;
    Ok(level)
}

/// Fails when there are other rows than in an example of the schema.
pub(super) async fn nothing_in(database: &mut Database, tables: &[Table], level: u32) -> Result<()> {
    let mut example = schema::example(level).await?;
    let examples = example.tables().await?;
    for table in tables {
        let fresh = match examples.iter().find(|example| example.name == table.name) {
            Some(table) => example.count(table).await?,
            None => 0,
        };
        let count = database.count(table).await?;
        if count > fresh {
            return Err(failed(format!(
                "the PostgreSQL database is not empty: {} has {count} rows; nothing is overwritten",
                table.name
            )));
        }
    }
    // Few rows are left to be looked at.
    let silent = Watch::silent();
    let (found, fresh) =
        (copier::digests(database, &silent).await?, copier::digests(&mut example, &silent).await?);
    let changed = |found: &&TableDigest| {
        fresh.iter().any(|fresh| fresh.table == found.table && fresh.digest != found.digest)
    };
    match found.iter().find(changed) {
        Some(found) => Err(failed(format!(
            "the PostgreSQL database is not empty: {} was changed; nothing is overwritten",
            found.table
        ))),
        None => Ok(()),
    }
}

fn first_few(names: &[String]) -> String {
    let few = names.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > 5 { format!("{few} and {} more", names.len() - 5) } else { few }
}

/// The keys that a folder has.
pub(super) fn keys_in(data_dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data_dir.join(KEYS)).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect()
}

/// A key that is being put in its place.
#[derive(Serialize, Deserialize)]
struct Placed {
    file: PathBuf,
    sha256: String,
}

/// Keys in their places, which are taken away again unless the database arrives too.
pub(super) struct Keys {
    placed: Vec<Placed>,
    is_kept: bool,
}

impl Keys {
    /// Puts the keys that lie in the staging folder in their places, of which each is empty.
    pub(super) fn place(staging: &Path, data_dir: &Path) -> Result<Self> {
        let folder = data_dir.join(KEYS);
        staging::make_private_folder(&folder)?;
        let mut placed = Vec::new();
        let trouble = |error: std::io::Error| failed(format!("{}: {}", folder.display(), words(&error)));
        for from in keys_in(staging) {
            let bytes = fs::read(&from).map_err(trouble)?;
            let file = folder.join(from.file_name().unwrap_or_default());
            if file.symlink_metadata().is_ok() {
                return Err(failed(format!("{} exists already; nothing is overwritten", file.display())));
            }
            placed.push(Placed { file, sha256: hex::encode(Sha256::digest(&bytes)) });
        }
        // Whoever finds this after a crash takes them away.
        let journal = serde_json::to_vec(&placed).map_err(|error| failed(error.to_string()))?;
        write_new(&staging.join(JOURNAL), &journal)?;
        let keys = Self { placed, is_kept: false };
        for placed in &keys.placed {
            let name = placed.file.file_name().unwrap_or_default();
            let bytes = fs::read(staging.join(KEYS).join(name)).map_err(trouble)?;
            let fresh = placed.file.with_extension("new");
            write_new(&fresh, &bytes)?;
            staging::place(&fresh, &placed.file)?;
        }
        Ok(keys)
    }

    /// The database is there too.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if !self.is_kept {
            take_away(&self.placed);
        }
    }
}

fn write_new(file: &Path, bytes: &[u8]) -> Result<()> {
    let trouble = |error: std::io::Error| failed(format!("{}: {}", file.display(), words(&error)));
    let mut out = archive::create_private(file)?;
    out.write_all(bytes).map_err(trouble)?;
    out.sync_all().map_err(trouble)
}

/// Takes away what was put there and has not become anything else.
fn take_away(placed: &[Placed]) {
    for key in placed {
        let _ = fs::remove_file(key.file.with_extension("new"));
        let is_ours = fs::read(&key.file).is_ok_and(|bytes| hex::encode(Sha256::digest(bytes)) == key.sha256);
        if is_ours {
            let _ = fs::remove_file(&key.file);
        }
    }
    if let Some(folder) = placed.first().and_then(|key| key.file.parent()) {
        // Only when nothing is left in it.
        let _ = fs::remove_dir(folder);
    }
}

/// Takes away what killed restores left behind in `parent`. The place of the database is empty, so that none of it is
/// in use.
pub(super) fn sweep(parent: &Path, purpose: &str) {
    for folder in staging::abandoned(parent, purpose) {
        let journal = fs::read(folder.join(JOURNAL)).ok();
        if let Some(placed) = journal.and_then(|text| serde_json::from_slice::<Vec<Placed>>(&text).ok()) {
            take_away(&placed);
        }
        let _ = fs::remove_dir_all(folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn staged(folder: &Path) -> PathBuf {
        let staging = folder.join("staging");
        fs::create_dir_all(staging.join(KEYS)).expect("made");
        fs::write(staging.join("keys/a.key"), "a").expect("written");
        fs::write(staging.join("keys/b.key"), "b").expect("written");
        staging
    }

    #[test]
    fn keys_stay_with_their_database_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let staging = staged(folder.path());
        let data = folder.path().join("data");
        let keys = Keys::place(&staging, &data).expect("placed");
        assert_eq!(keys_in(&data).len(), 2);
        drop(keys);
        assert!(!data.join("keys").exists());
        fs::remove_file(staging.join(JOURNAL)).expect("removed");
        Keys::place(&staging, &data).expect("placed").keep();
        assert_eq!(fs::read_to_string(data.join("keys/b.key")).expect("read"), "b");
        fs::remove_file(staging.join(JOURNAL)).expect("removed");
        let error = Keys::place(&staging, &data).err().expect("refused").to_string();
        assert!(error.contains("exists already"), "{error}");
        assert_eq!(keys_in(&data).len(), 2, "those that were there stay: they are the same, and not ours");
    }

    #[test]
    fn keys_of_a_killed_restore_are_taken_away_and_others_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        let staging = data.join(".reeve-restore-00.partial");
        fs::create_dir_all(staging.join(KEYS)).expect("made");
        fs::write(staging.join("lock"), "").expect("written");
        fs::write(staging.join("keys/a.key"), "a").expect("written");
        fs::write(staging.join("keys/b.key"), "b").expect("written");
        std::mem::forget(Keys::place(&staging, &data).expect("placed"));
        fs::write(data.join("keys/b.key"), "another").expect("written");
        sweep(&data, "restore");
        assert!(!staging.exists() && !data.join("keys/a.key").exists());
        assert_eq!(fs::read_to_string(data.join("keys/b.key")).expect("read"), "another");
    }
}
