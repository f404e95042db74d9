//! Taking a backup, while the server goes on.

use super::{
    archive::{self, DATABASE, KEYS, Whole, words},
    copier,
    database::{Database, Engine, TableDigest},
    failed,
    manifest::{Manifest, Member},
    note,
    progress::{Progress, Watch},
    restore::fill_file,
    schema,
    sqlite::{self, Sqlite},
    staging::{self, Staging},
};
use crate::{Clock, Result, audit::Record, command::signer};
use std::{
    fs,
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

/// What the folders of unfinished backups are called.
const PURPOSE: &str = "backup";
/// Bytes that a file of a key may have.
const KEY_BYTES_MAX: u64 = 64 << 10;
/// How often the growing copy of an embedded database is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What is backed up.
#[derive(Clone, Debug)]
pub struct Source {
    /// `sqlite://…` or `postgres://…`.
    pub database_url: String,
    /// Folder of the keys; none where they are left out.
    pub data_dir: Option<PathBuf>,
    /// True: with the keys that sign what devices obey, too.
    pub with_command_keys: bool,
}

/// Where a backup goes.
#[derive(Clone, Debug)]
pub enum Destination {
    /// A file that does not exist yet.
    File {
        /// The file.
        file: PathBuf,
        /// Where the database is copied to first; beside the file when absent.
        scratch: Option<PathBuf>,
    },
    /// The standard output; the database is copied to this folder first.
    Output(PathBuf),
}

/// A backup that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// What is in it.
    pub manifest: Manifest,
    /// Bytes of the file.
    pub size_bytes: u64,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// Why the audit log of the source does not know of it.
    pub unnoted: Option<String>,
}

/// Takes a backup of everything as it is at one moment. The server may be running and nobody waits. What is made
/// appears under its name once it is whole and on disk.
///
/// # Errors
/// When the file exists, the database or a key cannot be read, or there is no room; what was made until then is gone.
pub async fn take(
    source: &Source,
    destination: &Destination,
    clock: &dyn Clock,
    watch: &Watch,
) -> Result<Taken> {
    let (watch, _over) = watch.begin();
    let watch = &watch;
    let (scratch, whole) = match destination {
        Destination::File { file, scratch } => {
            let beside = vacant(file)?;
            staging::sweep(&beside, PURPOSE);
            (scratch.clone().unwrap_or_else(|| beside.clone()), Some(beside))
        }
        Destination::Output(folder) => (folder.clone(), None),
    };
    let keys = match &source.data_dir {
        Some(folder) => keys_in(folder, source.with_command_keys)?,
        None => Vec::new(),
    };
    staging::sweep(&scratch, PURPOSE);
    // Both are gone when this is given up, whatever a thread is still doing in them.
    let staging = Staging::create(&scratch, PURPOSE)?;
    let whole = whole.map(|beside| Staging::create(&beside, PURPOSE)).transpose()?;
    let taken_at = clock.now();
    let copy = staging.path().join(DATABASE);
    let (steps, tables) = snapshot(&source.database_url, &copy, watch).await?;
    let (audit, _) = note::check(&sqlite::url_of(&copy)).await;
    let mut members = Vec::with_capacity(keys.len() + 1);
    staging::make_private_folder(&staging.path().join(KEYS))?;
    for key in &keys {
        members.push(carry_key(key, staging.path())?);
    }
    let engine = Engine::of(&source.database_url)?;
    let is_current = steps.len() == schema::known().len();
    let partial = whole.as_ref().map(|whole| whole.path().join("whole"));
    let (folder, into, watching) = (staging.path().to_owned(), partial.clone(), watch.clone());
    let packed = tokio::task::spawn_blocking(move || {
        members.push(archive::describe(DATABASE, &copy, &watching)?);
        let manifest = Manifest::new(steps, engine, taken_at, audit, tables, members);
        let whole = pack(&manifest, &folder, into.as_deref(), &watching)?;
        Ok::<_, crate::Error>((manifest, whole))
    });
    let (manifest, packed) = packed.await.map_err(|error| failed(error.to_string()))??;
    if let (Some(partial), Destination::File { file, .. }) = (partial, destination) {
        staging::place(&partial, file)?;
    }
    let rows = manifest.rows();
    let record = Record::new("backup.take", format!("A backup of {rows} rows was taken."))
        .after(serde_json::json!({"sha256": packed.sha256, "has_keys": manifest.has_keys(), "rows": rows}));
    let noted = if is_current {
        note::append_to(&source.database_url, clock.now(), record).await.map_err(|error| error.to_string())
    } else {
        Err("its schema is older than this program".to_owned())
    };
    Ok(Taken { manifest, size_bytes: packed.size_bytes, sha256: packed.sha256, unnoted: noted.err() })
}

/// The folder of a file that does not exist yet.
fn vacant(file: &Path) -> Result<PathBuf> {
    if file.symlink_metadata().is_ok() {
        return Err(failed(format!("{} exists already; nothing is overwritten", file.display())));
    }
    let parent = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    if !parent.is_dir() {
        return Err(failed(format!("there is no folder {}", parent.display())));
    }
    Ok(parent)
}

/// The files of the keys, by name. A backup lies in more hands than the server: whoever has the keys of commands signs what
/// every device obeys, so that they are left out unless somebody says otherwise.
fn keys_in(data_dir: &Path, with_command_keys: bool) -> Result<Vec<PathBuf>> {
    let folder = data_dir.join(KEYS);
    let missing = || {
        failed(format!(
            "there are no keys in {}; without them sealed secrets and agents' tokens are lost. Say where the data \
             folder is, or leave the keys out on purpose",
            folder.display()
        ))
    };
    let mut keys = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|_| missing())? {
        let path = entry.map_err(|error| failed(format!("{}: {error}", folder.display())))?.path();
        // A file that is being written has another ending.
        let is_of_commands = [signer::FILE, signer::ROOT_FILE].iter().any(|name| path.ends_with(name));
        if path.is_file()
            && path.extension().is_some_and(|end| end == "key")
            && (with_command_keys || !is_of_commands)
        {
            keys.push(path);
        }
    }
    keys.sort();
    if keys.is_empty() { Err(missing()) } else { Ok(keys) }
}

/// Takes one key along.
fn carry_key(key: &Path, staging: &Path) -> Result<Member> {
    let name = format!("{KEYS}{}", key.file_name().unwrap_or_default().to_string_lossy());
    let trouble = |error: io::Error| failed(format!("{}: {}", key.display(), words(&error)));
    if fs::metadata(key).map_err(trouble)?.len() > KEY_BYTES_MAX {
        return Err(failed(format!("{} is too large for a key", key.display())));
    }
    let bytes = fs::read(key).map_err(trouble)?;
    let to = staging.join(&name);
    archive::create_private(&to)?.write_all(&bytes).map_err(trouble)?;
    archive::describe(&name, &to, &Watch::silent())
}

/// Copies the database as it is at one moment into a file; the steps of its schema, and the digests of its tables.
async fn snapshot(url: &str, copy: &Path, watch: &Watch) -> Result<(Vec<String>, Vec<TableDigest>)> {
    if Engine::of(url)? == Engine::Sqlite {
        let mut source = Sqlite::open(url, false).await?;
        schema::level(&source.steps().await?, "the database")?;
        // The pages hold secrets: nobody else may look even now.
        drop(archive::create_private(copy)?);
        copy_file(&mut source, copy, watch).await?;
        source.close().await?;
        let mut copied = Database::open(&sqlite::url_of(copy), false).await?;
        let found = (copied.steps().await?, copier::digests(&mut copied, watch).await?);
        copied.close().await?;
        return Ok(found);
    }
    let mut source = Database::open(url, false).await?;
    source.hold_still(false).await?;
    let steps = source.steps().await?;
    let level = schema::level(&steps, "the database")?;
    let digests = fill_file(&mut source, copy, level, watch).await?;
    source.close().await?;
    Ok((steps, digests))
}

/// Lets the embedded database copy itself, and looks how the copy grows.
async fn copy_file(source: &mut Sqlite, copy: &Path, watch: &Watch) -> Result<()> {
    let total = source.bytes().await?;
    let mut progress = Progress { step: "copying", what: DATABASE.to_owned(), done: 0, total, unit: "bytes" };
    let mut copying = std::pin::pin!(source.copy_whole(copy));
    loop {
        tokio::select! {
            done = &mut copying => return done,
            () = tokio::time::sleep(LOOK_EVERY) => {
                progress.done = fs::metadata(copy).map_or(0, |file| file.len()).min(total);
                watch.tell(&progress);
            }
        }
    }
}

/// Makes the one file of what lies in the staging folder; the standard output where there is no file.
fn pack(manifest: &Manifest, folder: &Path, into: Option<&Path>, watch: &Watch) -> Result<Whole> {
    let Some(file) = into else {
        return archive::write(manifest, folder, BufWriter::new(io::stdout().lock()), watch);
    };
    let mut out = archive::create_private(file)?;
    let whole = archive::write(manifest, folder, BufWriter::new(&mut out), watch)?;
    out.sync_all().map_err(|error| failed(format!("{}: {}", file.display(), words(&error))))?;
    Ok(whole)
}
