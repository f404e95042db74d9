//! Restoring a backup to a place that holds nothing, after every digest of it was checked.

use super::{
    archive::{self, DATABASE, words},
    copier,
    database::{Database, Engine, TableDigest},
    failed,
    manifest::Manifest,
    note,
    place::{self, Keys},
    postgres::Postgres,
    progress::Watch,
    schema,
    sqlite::{self, Sqlite},
    staging::{self, Staging},
};
use crate::{Clock, Result, audit::Record};
use std::{
    fs::{self, File},
    io::{self, BufReader},
    path::{Path, PathBuf},
};

/// What the folders of unfinished restores are called.
const PURPOSE: &str = "restore";

/// Where a backup comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// The standard input.
    Input,
}

/// Where a backup goes.
#[derive(Clone, Debug)]
pub struct Target {
    /// `sqlite://…` or `postgres://…`.
    pub database_url: String,
    /// Folder of the keys.
    pub data_dir: PathBuf,
}

/// What was restored, or could be.
#[derive(Clone, Debug)]
pub struct Restored {
    /// What is in the backup.
    pub manifest: Manifest,
    /// The backup was of an older schema, which was brought up to date.
    pub was_older: bool,
    /// Rows that name a row that is not there, in words: the backup had them.
    pub dangling: Vec<String>,
}

/// Checks a backup without restoring it: every byte, every table and the audit chain. It is taken apart in `folder`.
///
/// # Errors
/// When it is not what it says it is; the member or the table is named.
pub async fn check(origin: &Origin, folder: &Path, watch: &Watch) -> Result<Restored> {
    let (watch, _over) = watch.begin();
    let watch = &watch;
    staging::sweep(folder, PURPOSE);
    let staging = Staging::create(folder, PURPOSE)?;
    unpack(origin, &staging, None, watch).await
}

/// Restores a backup into an empty database and a folder without keys. A backup of an older version is brought up to
/// date.
///
/// # Errors
/// When there is anything where it should go, or the backup is not what it says it is, or of a newer version. Nothing
/// usable is left behind then, and it can be done again.
pub async fn restore(origin: &Origin, target: &Target, clock: &dyn Clock, watch: &Watch) -> Result<Restored> {
    let (watch, _over) = watch.begin();
    let watch = &watch;
    let file = match Engine::of(&target.database_url)? {
        Engine::Sqlite => Some(sqlite::file_of(&target.database_url)?),
        Engine::Postgres => None,
    };
    match &file {
        Some(file) => place::no_file(file)?,
        None => drop(place::no_rows(&target.database_url).await?),
    }
    // A folder of the same file system as the file will have.
    let parent = match file.as_deref().map(Path::parent) {
        Some(Some(parent)) if !parent.as_os_str().is_empty() => parent.to_owned(),
        Some(_) => PathBuf::from("."),
        None => target.data_dir.clone(),
    };
    let made = Made::folders(&[&target.data_dir, &parent])?;
    place::sweep(&parent, PURPOSE);
    let staging = Staging::create(&parent, PURPOSE)?;
    let restored = unpack(origin, &staging, Some(&target.data_dir), watch).await?;
    finish(&staging.path().join(DATABASE), &restored.manifest, clock).await?;
    let keys = if restored.manifest.has_keys() {
        Some(Keys::place(staging.path(), &target.data_dir)?)
    } else {
        None
    };
    let copy = staging.path().join(DATABASE);
    match &file {
        Some(file) => staging::place(&copy, file)?,
        None => into_postgres(&copy, &target.database_url, watch).await?,
    }
    if let Some(keys) = keys {
        keys.keep();
    }
    drop(staging);
    made.keep();
    Ok(restored)
}

/// Takes a backup apart and looks at everything in it. `data_dir`: where keys will be put.
async fn unpack(
    origin: &Origin,
    staging: &Staging,
    data_dir: Option<&Path>,
    watch: &Watch,
) -> Result<Restored> {
    let (from, folder, watching) = (origin.clone(), staging.path().to_owned(), watch.clone());
    let data_dir = data_dir.map(Path::to_owned);
    staging::make_private_folder(&folder.join(archive::KEYS))?;
    // The manifest comes first, so that what cannot be restored is refused before it is unpacked.
    let suits = move |manifest: &Manifest| {
        schema::level(&manifest.schema, "the backup")?;
        let keys = data_dir.as_deref().map(place::keys_in).unwrap_or_default();
        match keys.first() {
            Some(key) if manifest.has_keys() => {
                Err(failed(format!("{} exists already; nothing is overwritten", key.display())))
            }
            _ => Ok(()),
        }
    };
    let unpacked = tokio::task::spawn_blocking(move || match from {
        Origin::Input => archive::read(io::stdin().lock(), &folder, &suits, &watching),
        Origin::File(file) => {
            let opened = File::open(&file)
                .map_err(|error| failed(format!("{}: {}", file.display(), words(&error))))?;
            archive::read(BufReader::new(opened), &folder, &suits, &watching)
        }
    });
    let manifest = unpacked.await.map_err(|error| failed(error.to_string()))??;
    let url = sqlite::url_of(&staging.path().join(DATABASE));
    let mut database = Database::open(&url, false).await?;
    if database.steps().await? != manifest.schema {
        return Err(failed(format!("the backup was changed: {DATABASE} is of another schema than it says")));
    }
    let found = copier::digests(&mut database, watch).await?;
    database.close().await?;
    same_tables(&manifest.tables, &found)?;
    let (audit, dangling) = note::check(&url).await;
    if audit != manifest.audit {
        return Err(failed(format!("the backup was changed: the audit chain in {DATABASE} is another one")));
    }
    let was_older = manifest.schema.len() < schema::known().len();
    Ok(Restored { manifest, was_older, dangling })
}

fn same_tables(told: &[TableDigest], found: &[TableDigest]) -> Result<()> {
    if told.len() != found.len() {
        return Err(failed(format!("the backup was changed: {DATABASE} has other tables than it says")));
    }
    match told.iter().zip(found).find(|(told, found)| told != found) {
        Some((told, _)) => Err(failed(format!(
            "the backup was changed: the table {} in {DATABASE} does not hold what it says",
            told.table
        ))),
        None => Ok(()),
    }
}

/// Brings the rows up to date, and lets the audit log say what became of them.
async fn finish(copy: &Path, manifest: &Manifest, clock: &dyn Clock) -> Result<()> {
    let connection = schema::finish_file(copy).await?;
    let record = Record::new(
        "backup.restore",
        format!("A backup of {} was restored.", manifest.taken_at.format("%Y-%m-%d %H:%M:%S UTC")),
    )
    .after(serde_json::json!({"rows": manifest.rows(), "taken_at": manifest.taken_at}));
    note::append(connection.clone(), clock.now(), record).await?;
    connection.close().await?;
    sync(copy)
}

pub(super) fn sync(file: &Path) -> Result<()> {
    let trouble = |error: io::Error| failed(format!("{}: {}", file.display(), words(&error)));
    File::open(file).map_err(trouble)?.sync_all().map_err(trouble)
}

/// Fills an empty PostgreSQL database: all of it appears at once.
async fn into_postgres(copy: &Path, url: &str, watch: &Watch) -> Result<()> {
    schema::migrate(url, None).await?;
    let mut source = Database::open(&sqlite::url_of(copy), false).await?;
    fill_postgres(&mut source, url, watch).await?;
    source.close().await
}

/// Carries rows into a PostgreSQL database of the same schema that holds nothing, and fails when it does.
pub(super) async fn fill_postgres(
    source: &mut Database,
    url: &str,
    watch: &Watch,
) -> Result<Vec<TableDigest>> {
    let mut postgres = Postgres::open(url).await?;
    let level = schema::level(&postgres.steps().await?, "the PostgreSQL database")?;
    let tables = postgres.tables().await?;
    postgres.begin_alone(&tables).await?;
    let mut target = Database::Postgres(Box::new(postgres));
    place::nothing_in(&mut target, &tables, level).await?;
    let digests = copier::copy(source, &mut target, watch).await?;
    target.close().await?;
    Ok(digests)
}

/// Makes a new file of the embedded database with the rows of another one.
pub(super) async fn fill_file(
    source: &mut Database,
    file: &Path,
    level: u32,
    watch: &Watch,
) -> Result<Vec<TableDigest>> {
    drop(archive::create_private(file)?);
    schema::make_file(file, level).await?;
    let mut target = Database::Sqlite(Box::new(Sqlite::open_new(file).await?));
    let digests = copier::copy(source, &mut target, watch).await?;
    target.close().await?;
    Ok(digests)
}

/// Folders that were made on the way, which go again unless the work is done.
struct Made(Vec<PathBuf>);

impl Made {
    fn folders(wanted: &[&Path]) -> Result<Self> {
        let mut made = Self(Vec::new());
        for folder in wanted {
            let missing =
                folder.ancestors().take_while(|place| !place.as_os_str().is_empty() && !place.exists());
            // The innermost first, as they have to be removed.
            let missing: Vec<_> = missing.map(Path::to_owned).collect();
            staging::make_private_folder(folder)?;
            made.0.splice(0..0, missing);
        }
        Ok(made)
    }

    fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for folder in &self.0 {
            // Only when nothing is left in it.
            let _ = fs::remove_dir(folder);
        }
    }
}
