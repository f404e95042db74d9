//! Raw appends: prepared `INSERT`s into a table without an index on SQLite, binary `COPY` into a table with its key on
//! PostgreSQL. Nobody sends anything and nobody is asked who they are.

use crate::{
    database::connect,
    machine,
    sample::{COLUMNS, Sample, VALUES, Walk, is_whole},
};
use anyhow::Result;
use futures::pin_mut;
use rusqlite::{Connection, params_from_iter, types::Value};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use tokio_postgres::{
    binary_copy::BinaryCopyInWriter,
    types::{ToSql, Type},
};

/// Devices whose rows come in turn.
const DEVICES: usize = 1_000;
/// Rows that are made beforehand; a run that needs more ends early.
const ROWS: usize = 600_000;

/// What a ruler achieved.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    pub rows_per_second: f64,
    /// Microseconds a row, of the database and of who feeds it.
    pub cpu_microseconds: f64,
}

/// Rows of a thousand devices in the order in which they would arrive.
pub fn arrivals(count: usize) -> Vec<(i64, Sample)> {
    let mut walks: Vec<Walk> =
        (0..DEVICES as u64).map(|device| Walk::new(device, 1_760_000_000_000)).collect();
    (0..count).map(|index| ((index % DEVICES) as i64, walks[index % DEVICES].next(60_000))).collect()
}

/// The columns of a ruler's table.
pub fn columns(whole: &str, real: &str) -> String {
    let declared = COLUMNS.map(|name| format!("{name} {}", if is_whole(name) { whole } else { real }));
    declared.join(", ")
}

/// A row as SQLite takes it.
pub fn sqlite_values(device: i64, sample: &Sample) -> impl Iterator<Item = Value> {
    let numbers = sample.numbers().into_iter().zip(COLUMNS);
    let numbers = numbers
        .map(|(value, name)| if is_whole(name) { Value::Integer(value as i64) } else { Value::Real(value) });
    [Value::Integer(device), Value::Integer(sample.at)].into_iter().chain(numbers)
}

/// The statement that inserts a row on SQLite.
pub fn sqlite_insert() -> String {
    format!("INSERT INTO m VALUES ({})", vec!["?"; VALUES + 2].join(", "))
}

/// Appends so many rows a transaction to SQLite, with its write-ahead log synced at each commit or only at
/// checkpoints.
///
/// # Errors
/// With what the database says.
pub fn sqlite(folder: &Path, rows_per_commit: usize, synced: bool, during: Duration) -> Result<Rate> {
    let folder = tempfile::tempdir_in(folder)?;
    let mut connection = Connection::open(folder.path().join("ladder.db"))?;
    let synchronous = if synced { "FULL" } else { "NORMAL" };
    connection.execute_batch(&format!(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}; PRAGMA cache_size=-65536; \
         CREATE TABLE m (device INTEGER NOT NULL, at INTEGER NOT NULL, {}) STRICT;",
        columns("INTEGER", "REAL")
    ))?;
    let rows = arrivals(ROWS);
    let (cpu, start, mut done) = (machine::cpu_seconds(std::process::id()), Instant::now(), 0);
    for batch in rows.chunks(rows_per_commit) {
        if start.elapsed() > during {
            break;
        }
        let change = connection.transaction()?;
        {
            let mut insert = change.prepare_cached(&sqlite_insert())?;
            for (device, sample) in batch {
                insert.execute(params_from_iter(sqlite_values(*device, sample)))?;
            }
        }
        change.commit()?;
        done += batch.len();
    }
    let cpu = machine::cpu_seconds(std::process::id()) - cpu;
    Ok(rate(done, start.elapsed(), cpu))
}

fn rate(done: usize, took: Duration, cpu: f64) -> Rate {
    let done = done as f64;
    Rate { rows_per_second: done / took.as_secs_f64(), cpu_microseconds: cpu * 1e6 / done }
}

/// Copies 10,000 rows a transaction into a PostgreSQL table whose key is device and time.
///
/// # Errors
/// With what the database says.
pub async fn postgres(settings: &str, postmaster: u32, during: Duration) -> Result<Rate> {
    let session = connect(settings).await?;
    session
        .batch_execute(&format!(
            "DROP TABLE IF EXISTS m; CREATE TABLE m (device int4 NOT NULL, at int8 NOT NULL, {}, \
             PRIMARY KEY (device, at)); CHECKPOINT",
            columns("int8", "float8")
        ))
        .await?;
    let rows = arrivals(ROWS * 2);
    let cpu = || machine::family_cpu_seconds(postmaster) + machine::cpu_seconds(std::process::id());
    let (before, start, mut done) = (cpu(), Instant::now(), 0);
    for batch in rows.chunks(10_000) {
        if start.elapsed() > during {
            break;
        }
        copy(&session, batch).await?;
        done += batch.len();
    }
    let rate = rate(done, start.elapsed(), cpu() - before);
    session.batch_execute("DROP TABLE m").await?;
    Ok(rate)
}

/// Copies rows into the table `m`.
///
/// # Errors
/// With what the database says.
pub async fn copy(session: &tokio_postgres::Client, rows: &[(i64, Sample)]) -> Result<()> {
    let sink = session.copy_in("COPY m FROM STDIN BINARY").await?;
    let numbers = COLUMNS.map(|name| if is_whole(name) { Type::INT8 } else { Type::FLOAT8 });
    let types: Vec<Type> = [Type::INT4, Type::INT8].into_iter().chain(numbers).collect();
    let writer = BinaryCopyInWriter::new(sink, &types);
    pin_mut!(writer);
    for (device, sample) in rows {
        let device = i32::try_from(*device)?;
        let reals = sample.numbers();
        let wholes = reals.map(|value| value as i64);
        let mut values: Vec<&(dyn ToSql + Sync)> = vec![&device, &sample.at];
        for (index, name) in COLUMNS.into_iter().enumerate() {
            values.push(if is_whole(name) { &wholes[index] } else { &reals[index] });
        }
        writer.as_mut().write(&values).await?;
    }
    writer.finish().await?;
    Ok(())
}
