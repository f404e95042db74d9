//! The move of everything from one database to another, of whichever engine: the source is left as it is.

use super::{
    database::{Database, Engine, TableDigest},
    failed, note, place,
    progress::Watch,
    restore::{fill_file, fill_postgres, sync},
    schema, sqlite,
    staging::{self, Staging},
};
use crate::{Clock, Result, audit::Record};
use std::path::{Path, PathBuf};

/// What the folders of unfinished moves are called.
const PURPOSE: &str = "copy";

/// What was moved.
#[derive(Clone, Debug)]
pub struct Transferred {
    /// Every table, the same in both databases.
    pub tables: Vec<TableDigest>,
    /// Why the audit log of the target does not know of it.
    pub unnoted: Option<String>,
    /// What is wrong with the audit chain, in a sentence; it was so before.
    pub broken: Option<String>,
}

impl Transferred {
    /// Rows of all tables.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

/// Copies everything in one database to another that holds nothing. The keys are not in it: they stay in the data
/// folder. `while_serving`: others may have the source open, and what they write meanwhile is not carried.
///
/// # Errors
/// When the target holds anything, or somebody has the source open. Nothing usable is left in the target then, and it
/// can be done again.
pub async fn transfer(
    from: &str,
    to: &str,
    while_serving: bool,
    clock: &dyn Clock,
    watch: &Watch,
) -> Result<Transferred> {
    let (watch, _over) = watch.begin();
    let watch = &watch;
    if Engine::of(from)? == Engine::of(to)? && from == to {
        return Err(failed("the source and the target are the same database"));
    }
    let taken = match Engine::of(to)? {
        Engine::Sqlite => {
            place::no_file(&sqlite::file_of(to)?)?;
            0
        }
        Engine::Postgres => place::no_rows(to).await?,
    };
    let mut source = Database::open(from, !while_serving).await.map_err(|error| {
        if while_serving {
            return error;
        }
        failed(format!(
            "{error}. Stop the server first, so that nothing is left behind, or choose to copy what there is at this \
             moment"
        ))
    })?;
    source.hold_still(!while_serving).await?;
    let level = schema::level(&source.steps().await?, "the source")?;
    if taken > level {
        return Err(failed(
            "the schema of the target is newer than that of the source: migrate the source first",
        ));
    }
    let record = Record::new(
        "database.copy",
        format!("Everything was copied from {} to {}.", Engine::of(from)?.label(), Engine::of(to)?.label()),
    );
    let (tables, noted) = match Engine::of(to)? {
        Engine::Sqlite => {
            let file = sqlite::file_of(to)?;
            into_file(&mut source, &file, level, record, clock, watch).await?
        }
        Engine::Postgres => {
            schema::migrate(to, Some(level)).await?;
            let tables = fill_postgres(&mut source, to, watch).await?;
            schema::migrate(to, None).await?;
            (tables, note::append_to(to, clock.now(), record).await)
        }
    };
    source.close().await?;
    let (audit, _) = note::check(to).await;
    let unnoted = noted.err().map(|error| error.to_string());
    Ok(Transferred { tables, unnoted, broken: audit.broken })
}

async fn into_file(
    source: &mut Database,
    file: &Path,
    level: u32,
    record: Record,
    clock: &dyn Clock,
    watch: &Watch,
) -> Result<(Vec<TableDigest>, Result<()>)> {
    let parent = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    staging::sweep(&parent, PURPOSE);
    let staging = Staging::create(&parent, PURPOSE)?;
    let fresh = staging.path().join("fresh.db");
    let tables = fill_file(source, &fresh, level, watch).await?;
    let connection = schema::finish_file(&fresh).await?;
    let noted = note::append(connection.clone(), clock.now(), record).await;
    connection.close().await?;
    sync(&fresh)?;
    staging::place(&fresh, file)?;
    Ok((tables, noted))
}
