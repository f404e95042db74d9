//! Batches into PostgreSQL: one statement for all, with a list for each column. `COPY` would be as fast at this size,
//! but PostgreSQL refuses it on tables under row-level security.

use super::{Commit, Entry, believed_until, failed, newest};
use crate::Result;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sqlx::{self, PgConnection, PgPool};

/// Commits under way at the same time: while one waits for the disk, another is sent.
const AT_ONCE: usize = 3;

pub(super) struct Postgres(pub(super) PgPool);

#[async_trait]
impl Commit for Postgres {
    async fn commit(&self, entries: &[Entry<'_>], now: DateTime<Utc>) -> Result<()> {
        let mut tx = self.0.begin().await.map_err(failed)?;
        sqlx::query(
            "SELECT set_config('reeve.every', 'on', true), set_config('reeve.businesses', '{}', true), \
             set_config('reeve.denied', '{}', true)",
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        insert(&mut tx, entries, now).await.map_err(failed)?;
        upsert(&mut tx, &newest(entries), now).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    fn at_once(&self) -> usize {
        AT_ONCE
    }
}

/// A list of one column.
fn column<'a, T>(entries: &'a [Entry<'a>], value: impl Fn(&'a Entry<'a>) -> T) -> Vec<T> {
    entries.iter().map(value).collect()
}

async fn insert(
    tx: &mut PgConnection,
    entries: &[Entry<'_>],
    now: DateTime<Utc>,
) -> std::result::Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO metric_batches (device_key, received_at, first_at, last_at, payload) \
         SELECT device_key, $1, first_at, last_at, payload \
         FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[]) \
         AS batch (device_key, first_at, last_at, payload)",
    )
    .bind(now.timestamp_millis())
    .bind(column(entries, |entry| entry.device_key))
    .bind(column(entries, |entry| entry.payload.first_at))
    .bind(column(entries, |entry| entry.payload.last_at))
    .bind(column(entries, |entry| entry.payload.bytes.as_slice()))
    .execute(tx)
    .await
    .map(drop)
}

async fn upsert(
    tx: &mut PgConnection,
    newest: &[&Entry<'_>],
    now: DateTime<Utc>,
) -> std::result::Result<(), sqlx::Error> {
    let percent = |value: fn(&Entry<'_>) -> Option<f32>| -> Vec<Option<f64>> {
        newest.iter().map(|entry| value(entry).map(f64::from)).collect()
    };
    sqlx::query(
        "INSERT INTO device_latest \
         (device_key, collected_at, received_at, cpu_percent, memory_percent, disk_percent, sample) \
         SELECT device_key, collected_at, $1, cpu_percent, memory_percent, disk_percent, sample \
         FROM unnest($2::bigint[], $3::bigint[], $4::float8[], $5::float8[], $6::float8[], $7::text[]) \
         AS latest (device_key, collected_at, cpu_percent, memory_percent, disk_percent, sample) \
         ON CONFLICT (device_key) DO UPDATE SET collected_at = excluded.collected_at, \
         received_at = excluded.received_at, cpu_percent = excluded.cpu_percent, \
         memory_percent = excluded.memory_percent, disk_percent = excluded.disk_percent, \
         sample = excluded.sample WHERE excluded.collected_at >= device_latest.collected_at \
         OR device_latest.collected_at > $8",
    )
    .bind(now)
    .bind(newest.iter().map(|entry| entry.device_key).collect::<Vec<_>>())
    .bind(newest.iter().map(|entry| entry.latest.collected_at.timestamp_millis()).collect::<Vec<_>>())
    .bind(percent(|entry| entry.latest.cpu_percent))
    .bind(percent(|entry| entry.latest.memory_percent))
    .bind(percent(|entry| entry.latest.disk_percent))
    .bind(newest.iter().map(|entry| entry.latest.json.as_str()).collect::<Vec<_>>())
    .bind(believed_until(now))
    .execute(tx)
    .await
    .map(drop)
}
