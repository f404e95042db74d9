//! The table that anybody would begin with: a row a sample, keyed by device and time. What density and history are
//! measured against.

use super::ladder::{columns, copy, sqlite_insert, sqlite_values};
use crate::{
    database::connect,
    measure::Latencies,
    sample::{Sample, Walk},
};
use anyhow::Result;
use rusqlite::{Connection, params, params_from_iter};
use std::{path::PathBuf, time::Instant};
use tempfile::TempDir;

/// Rows of one transaction while loading.
const ROWS_PER_COMMIT: usize = 50_000;
/// What both sides answer: average, least and most of four metrics.
const ASKED: [&str; 4] = ["cpu_percent", "memory_percent", "disk_percent", "load_average_1m"];

/// The metrics as a query string of the product names them.
pub fn asked() -> String {
    ASKED.join(",")
}

/// A loaded table.
pub enum Rows {
    Sqlite { connection: Connection, file: PathBuf, _folder: TempDir },
    Postgres(tokio_postgres::Client),
}

/// A stretch of the history in milliseconds, and how wide a point is.
#[derive(Clone, Copy)]
pub struct Question {
    pub device: usize,
    pub start: i64,
    pub end: i64,
    pub width: i64,
}

/// The samples of some devices, a minute apart, in the order in which they would arrive: minute by minute.
pub fn month(devices: usize, start: i64, minutes: usize) -> impl Iterator<Item = (i64, Sample)> {
    let mut walks: Vec<Walk> = (0..devices as u64).map(|device| Walk::new(device, start)).collect();
    (0..devices * minutes).map(move |index| ((index % devices) as i64, walks[index % devices].next(60_000)))
}

impl Rows {
    /// Loads a month into SQLite.
    ///
    /// # Errors
    /// With what the database says.
    pub fn sqlite(folder: &std::path::Path, rows: impl Iterator<Item = (i64, Sample)>) -> Result<Self> {
        let folder = tempfile::tempdir_in(folder)?;
        let file = folder.path().join("rows.db");
        let mut connection = Connection::open(&file)?;
        connection.execute_batch(&format!(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-131072; \
             CREATE TABLE m (device INTEGER NOT NULL, at INTEGER NOT NULL, {}, PRIMARY KEY (device, at)) \
             STRICT, WITHOUT ROWID;",
            columns("INTEGER", "REAL")
        ))?;
        let mut rows = rows.peekable();
        while rows.peek().is_some() {
            let change = connection.transaction()?;
            {
                let mut insert = change.prepare_cached(&sqlite_insert())?;
                for (device, sample) in rows.by_ref().take(ROWS_PER_COMMIT) {
                    insert.execute(params_from_iter(sqlite_values(device, &sample)))?;
                }
            }
            change.commit()?;
        }
        connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
        Ok(Self::Sqlite { connection, file, _folder: folder })
    }

    /// Loads a month into PostgreSQL.
    ///
    /// # Errors
    /// With what the database says.
    pub async fn postgres(settings: &str, rows: impl Iterator<Item = (i64, Sample)>) -> Result<Self> {
        let session = connect(settings).await?;
        session
            .batch_execute(&format!(
                "CREATE TABLE m (device int4 NOT NULL, at int8 NOT NULL, {}, PRIMARY KEY (device, at))",
                columns("int8", "float8")
            ))
            .await?;
        let mut rows = rows.peekable();
        while rows.peek().is_some() {
            let batch: Vec<_> = rows.by_ref().take(ROWS_PER_COMMIT).collect();
            copy(&session, &batch).await?;
        }
        session.batch_execute("VACUUM ANALYZE m").await?;
        Ok(Self::Postgres(session))
    }

    /// Bytes of the table and its index.
    ///
    /// # Errors
    /// With what the database says.
    pub async fn bytes(&self) -> Result<u64> {
        Ok(match self {
            Self::Sqlite { file, .. } => std::fs::metadata(file)?.len(),
            Self::Postgres(session) => {
                let row = session.query_one("SELECT pg_total_relation_size('m')", &[]).await?;
                row.try_get::<_, i64>(0)?.unsigned_abs()
            }
        })
    }

    /// Asks the questions one after the other; how long each took, and how many points they had.
    ///
    /// # Errors
    /// With what the database says.
    pub async fn ask(&self, questions: &[Question]) -> Result<(Latencies, usize)> {
        let values = ASKED.map(|name| format!("avg({name}), min({name}), max({name})")).join(", ");
        let (mut latencies, mut points) = (Latencies::default(), 0);
        for question in questions {
            let found = match self {
                Self::Sqlite { connection, .. } => ask_sqlite(connection, &values, question, &mut latencies)?,
                Self::Postgres(session) => {
                    let sql = format!(
                        "SELECT at / {} AS slot, {values} FROM m WHERE device = $1 AND at >= $2 AND at < $3 \
                         GROUP BY slot ORDER BY slot",
                        question.width
                    );
                    let device = i32::try_from(question.device)?;
                    let statement = session.prepare(&sql).await?;
                    let start = Instant::now();
                    let rows = session.query(&statement, &[&device, &question.start, &question.end]).await?;
                    latencies.add(start.elapsed());
                    rows.len()
                }
            };
            points += found;
        }
        Ok((latencies, points))
    }
}

fn ask_sqlite(
    connection: &Connection,
    values: &str,
    question: &Question,
    latencies: &mut Latencies,
) -> Result<usize> {
    let sql = format!(
        "SELECT at / {} AS slot, {values} FROM m WHERE device = ?1 AND at >= ?2 AND at < ?3 GROUP BY slot ORDER BY slot",
        question.width
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let start = Instant::now();
    let mut rows = statement.query(params![question.device as i64, question.start, question.end])?;
    let mut points = 0;
    while let Some(row) = rows.next()? {
        std::hint::black_box(row.get::<_, f64>(1)?);
        points += 1;
    }
    latencies.add(start.elapsed());
    Ok(points)
}
