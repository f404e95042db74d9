//! Batches into the embedded database: statements of a few fixed lengths, so that each is prepared once.

use super::{Commit, Entry, believed_until, failed, newest};
use crate::Result;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sqlx::{self, AssertSqlSafe, SqliteConnection, SqlitePool};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Rows of one statement; what is left goes into shorter ones.
const LENGTHS: [usize; 3] = [64, 8, 1];

pub(super) struct Sqlite {
    pub(super) pool: SqlitePool,
    pub(super) turn: Option<Arc<Mutex<()>>>,
}

#[async_trait]
impl Commit for Sqlite {
    async fn commit(&self, entries: &[Entry<'_>], now: DateTime<Utc>) -> Result<()> {
        let _turn = match &self.turn {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        insert(&mut tx, entries, now).await.map_err(failed)?;
        upsert(&mut tx, &newest(entries), now).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    /// There is one writer at a time anyway; what comes meanwhile makes the next commit.
    fn at_once(&self) -> usize {
        1
    }
}

/// Slices of the few lengths.
fn slices<T>(mut rest: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = LENGTHS.into_iter().find(|length| *length <= rest.len())?;
        let (slice, left) = rest.split_at(length);
        rest = left;
        Some(slice)
    })
}

async fn insert(
    tx: &mut SqliteConnection,
    entries: &[Entry<'_>],
    now: DateTime<Utc>,
) -> std::result::Result<(), sqlx::Error> {
    for slice in slices(entries) {
        let sql = format!(
            "INSERT INTO metric_batches (device_key, received_at, first_at, last_at, payload) VALUES {}",
            vec!["(?, ?, ?, ?, ?)"; slice.len()].join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for entry in slice {
            query = query
                .bind(entry.device_key)
                .bind(now.timestamp_millis())
                .bind(entry.payload.first_at)
                .bind(entry.payload.last_at)
                .bind(entry.payload.bytes.as_slice());
        }
        query.execute(&mut *tx).await?;
    }
    Ok(())
}

async fn upsert(
    tx: &mut SqliteConnection,
    newest: &[&Entry<'_>],
    now: DateTime<Utc>,
) -> std::result::Result<(), sqlx::Error> {
    for slice in slices(newest) {
        let sql = format!(
            "INSERT INTO device_latest \
             (device_key, collected_at, received_at, cpu_percent, memory_percent, disk_percent, sample) VALUES {} \
             ON CONFLICT (device_key) DO UPDATE SET collected_at = excluded.collected_at, \
             received_at = excluded.received_at, cpu_percent = excluded.cpu_percent, \
             memory_percent = excluded.memory_percent, disk_percent = excluded.disk_percent, \
             sample = excluded.sample WHERE excluded.collected_at >= device_latest.collected_at \
             OR device_latest.collected_at > ?",
            vec!["(?, ?, ?, ?, ?, ?, ?)"; slice.len()].join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for entry in slice {
            let latest = entry.latest;
            query = query
                .bind(entry.device_key)
                .bind(latest.collected_at.timestamp_millis())
                .bind(now)
                .bind(latest.cpu_percent.map(f64::from))
                .bind(latest.memory_percent.map(f64::from))
                .bind(latest.disk_percent.map(f64::from))
                .bind(latest.json.as_str());
        }
        let query = query.bind(believed_until(now));
        query.execute(&mut *tx).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn slices_have_few_lengths_and_leave_nothing_out() {
        let all: Vec<u32> = (0..147).collect();
        let lengths: Vec<_> = super::slices(&all).map(<[u32]>::len).collect();
        assert_eq!(lengths, [64, 64, 8, 8, 1, 1, 1]);
        assert_eq!(super::slices(&all).flatten().copied().collect::<Vec<_>>(), all);
    }
}
