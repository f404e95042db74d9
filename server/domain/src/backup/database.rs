//! A database of either engine, to be read or to be filled.

use super::{
    catalogue::Table,
    failed, postgres,
    postgres::Postgres,
    sqlite,
    sqlite::Sqlite,
    value::{Row, Tally},
};
use crate::Result;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// How long a connection that has ended may still be shown.
const GONE_WITHIN: Duration = Duration::from_secs(2);

/// What keeps the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// The embedded database: one file.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Engine {
    /// What a database's address says.
    ///
    /// # Errors
    /// When it begins otherwise.
    pub fn of(database_url: &str) -> Result<Self> {
        if database_url.starts_with("sqlite:") {
            Ok(Self::Sqlite)
        } else if database_url.starts_with("postgres:") || database_url.starts_with("postgresql:") {
            Ok(Self::Postgres)
        } else {
            Err(failed("the database URL must start with sqlite: or postgres:"))
        }
    }

    /// Its name for people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// A connection.
pub(super) enum Database {
    Sqlite(Box<Sqlite>),
    Postgres(Box<Postgres>),
}

impl Database {
    /// Opens what is there, for reading. `alone`: fails when anybody else has it open.
    pub(super) async fn open(url: &str, alone: bool) -> Result<Self> {
        Ok(match Engine::of(url)? {
            Engine::Sqlite => Self::Sqlite(Box::new(Sqlite::open(url, alone).await?)),
            Engine::Postgres => {
                let mut postgres = Postgres::open(url).await?;
                if alone && !is_alone(&mut postgres).await? {
                    return Err(failed("another program has the database open"));
                }
                Self::Postgres(Box::new(postgres))
            }
        })
    }

    pub(super) async fn steps(&mut self) -> Result<Vec<String>> {
        match self {
            Self::Sqlite(sqlite) => sqlite.steps().await,
            Self::Postgres(postgres) => postgres.steps().await,
        }
    }

    pub(super) async fn tables(&mut self) -> Result<Vec<Table>> {
        match self {
            Self::Sqlite(sqlite) => sqlite.tables().await,
            Self::Postgres(postgres) => postgres.tables().await,
        }
    }

    /// From here on everything is read as it is now, while others go on writing; `alone`: nobody can write meanwhile.
    pub(super) async fn hold_still(&mut self, alone: bool) -> Result<()> {
        match self {
            // Whoever is alone there has the file for itself.
            Self::Sqlite(sqlite) => sqlite.hold_still().await,
            Self::Postgres(postgres) => postgres.hold_still(alone).await,
        }
    }

    pub(super) async fn count(&mut self, table: &Table) -> Result<u64> {
        match self {
            Self::Sqlite(sqlite) => sqlite.count(table).await,
            Self::Postgres(postgres) => postgres.count(table).await,
        }
    }

    /// The rows of a table, in no order.
    pub(super) async fn rows(&mut self, table: &Table) -> Result<BoxStream<'_, Result<Row>>> {
        match self {
            Self::Sqlite(sqlite) => Ok(sqlite.rows(table)),
            Self::Postgres(postgres) => postgres.rows(table).await,
        }
    }

    pub(super) async fn begin_filling(&mut self, tables: &[Table]) -> Result<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.begin_filling(tables).await,
            Self::Postgres(postgres) => postgres.begin_filling(tables).await,
        }
    }

    pub(super) async fn fill<'c>(&'c mut self, table: &'c Table) -> Result<Filling<'c>> {
        Ok(match self {
            Self::Sqlite(sqlite) => Filling::Sqlite(sqlite.fill(table)),
            Self::Postgres(postgres) => Filling::Postgres(postgres.fill(table).await?),
        })
    }

    pub(super) async fn end_filling(&mut self, tables: &[Table]) -> Result<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.end_filling().await,
            Self::Postgres(postgres) => postgres.end_filling(tables).await,
        }
    }

    pub(super) async fn close(self) -> Result<()> {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            Self::Postgres(postgres) => postgres.close().await,
        }
    }
}

/// Rows on their way into a table.
pub(super) enum Filling<'c> {
    Sqlite(sqlite::Filling<'c>),
    Postgres(postgres::Filling<'c>),
}

impl Filling<'_> {
    pub(super) async fn push(&mut self, row: Row) -> Result<()> {
        match self {
            Self::Sqlite(filling) => filling.push(row).await,
            Self::Postgres(filling) => filling.push(&row).await,
        }
    }

    pub(super) async fn end(self) -> Result<()> {
        match self {
            Self::Sqlite(filling) => filling.end().await,
            Self::Postgres(filling) => filling.end().await,
        }
    }
}

/// The rows of a table: how many, and their digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableDigest {
    /// The table.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// The sum of their SHA-256, in hexadecimal digits; the same on both engines.
    pub digest: String,
}

impl TableDigest {
    pub(super) fn of(table: &Table, tally: &Tally) -> Self {
        Self { table: table.name.clone(), rows: tally.rows, digest: tally.digest() }
    }
}

/// Is nobody else there? PostgreSQL still shows for a moment who has just gone.
async fn is_alone(postgres: &mut Postgres) -> Result<bool> {
    let end = Instant::now() + GONE_WITHIN;
    while postgres.others().await? > 0 {
        if Instant::now() >= end {
            return Ok(false);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(true)
}
