//! The hot path: many devices' batches in one transaction, in the database's own words. Everything else in `domain` goes
//! through the ORM.

mod postgres;
mod sqlite;

use crate::{Error, Result, store::Db};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use entity::metric::MetricSample;
use sea_orm::{DatabaseBackend, DbErr, sqlx};
use std::{collections::HashMap, sync::Arc};
use tokio::sync::Mutex;

/// A latest sample that is further ahead than this came by a clock that was wrong, and gives way to any other.
const AHEAD_BELIEVED: TimeDelta = TimeDelta::minutes(5);

fn believed_until(now: DateTime<Utc>) -> i64 {
    (now + AHEAD_BELIEVED).timestamp_millis()
}

/// The samples of one message as they are stored.
pub(super) struct Payload {
    pub(super) first_at: i64,
    pub(super) last_at: i64,
    pub(super) bytes: Vec<u8>,
}

/// The newest sample of a message, whole.
pub(super) struct Latest {
    pub(super) collected_at: DateTime<Utc>,
    pub(super) cpu_percent: Option<f32>,
    pub(super) memory_percent: Option<f32>,
    pub(super) disk_percent: Option<f32>,
    pub(super) json: String,
}

impl Latest {
    pub(super) fn of(sample: &MetricSample) -> Result<Self> {
        Ok(Self {
            collected_at: sample.collected_at,
            cpu_percent: sample.cpu_percent,
            memory_percent: sample.memory_percent,
            disk_percent: sample.disk_percent(),
            json: serde_json::to_string(sample).map_err(|error| Error::Internal(error.to_string()))?,
        })
    }
}

/// What a commit writes of one device.
pub(super) struct Entry<'a> {
    pub(super) device_key: i64,
    pub(super) payload: &'a Payload,
    pub(super) latest: &'a Latest,
}

/// Writes and commits; one of these for each engine.
#[async_trait]
pub(super) trait Commit: Send + Sync {
    /// Writes batches and the latest samples, and makes them durable. All or nothing.
    async fn commit(&self, entries: &[Entry<'_>], now: DateTime<Utc>) -> Result<()>;

    /// How many commits may be under way at the same time.
    fn at_once(&self) -> usize;
}

/// Who writes to this database.
pub(super) fn committer(db: &Db, turn: Option<Arc<Mutex<()>>>) -> Arc<dyn Commit> {
    let connection = db.connection();
    if connection.get_database_backend() == DatabaseBackend::Postgres {
        return Arc::new(postgres::Postgres(connection.get_postgres_connection_pool().clone()));
    }
    Arc::new(sqlite::Sqlite { pool: connection.get_sqlite_connection_pool().clone(), turn })
}

/// The newest sample of each device, in order of the devices: one statement meets each once, and statements of others
/// meet them in the same order.
fn newest<'a>(entries: &'a [Entry<'a>]) -> Vec<&'a Entry<'a>> {
    let mut newest: HashMap<i64, &Entry<'_>> = HashMap::with_capacity(entries.len());
    for entry in entries {
        newest
            .entry(entry.device_key)
            .and_modify(|known| {
                if entry.latest.collected_at >= known.latest.collected_at {
                    *known = entry;
                }
            })
            .or_insert(entry);
    }
    let mut newest: Vec<_> = newest.into_values().collect();
    newest.sort_unstable_by_key(|entry| entry.device_key);
    newest
}

fn failed(error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Error::unavailable(5),
        error => Error::Database(DbErr::Custom(error.to_string())),
    }
}
