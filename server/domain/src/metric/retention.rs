//! Retention: after its time a day of samples becomes rows of five minutes, and these go after theirs. Each group of
//! days is one transaction.

use super::{
    append::raw_until,
    fault,
    five_minutes::{self, COLUMNS_KEPT},
    fold::decoded,
    merge::in_order,
    sample::{DAY, Tier, around, days},
    shelf::{self, Shelved},
};
use crate::{
    Error, Result, Store,
    store::{Change, statement},
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend};
use std::ops::Range;

/// How long samples are kept. Both count from now, so that there are rows of five minutes from the end of the one to the
/// end of the other; none when the second is not longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Days that every sample is kept.
    pub raw_days: u32,
    /// Days that rows of five minutes are kept.
    pub five_minute_days: u32,
}

impl Default for Retention {
    /// Thirteen months of samples: one full year to compare with, and the month that is running. Five years in rows of
    /// five minutes.
    fn default() -> Self {
        Self { raw_days: 396, five_minute_days: 5 * 366 }
    }
}

/// Days of devices of one run of the question.
const DAYS_PER_QUESTION: u64 = 512;
/// Days of devices of one transaction.
const DAYS_PER_COMMIT: usize = 8;
/// Chunks that are dropped in one transaction.
const CHUNKS_PER_COMMIT: u64 = 512;

/// Makes five minutes of samples that are past their time, and drops what is past all time. Says how many days of
/// devices were changed.
pub(super) async fn retain(store: &Store) -> Result<u64> {
    let Retention { raw_days, five_minute_days } = store.retention();
    let now = store.now().timestamp_millis();
    let kept_since = around(now - days(five_minute_days), DAY).start;
    let changed = thin_out(store, raw_until(now, raw_days), kept_since).await?;
    Ok(changed + drop_kept(store, kept_since).await?)
}

async fn thin_out(store: &Store, until: i64, kept_since: i64) -> Result<u64> {
    let sql = format!(
        "SELECT starts_at / {DAY} AS day, device_key FROM metric_chunks WHERE tier = 0 AND starts_at < ? \
         GROUP BY 1, 2 ORDER BY 1, 2 LIMIT {DAYS_PER_QUESTION}"
    );
    let (mut changed, mut broken) = (0, 0_usize);
    loop {
        let db = store.db();
        let found = db.query_all_raw(statement(db.get_database_backend(), &sql, [until.into()])).await?;
        let mut waiting = Vec::with_capacity(found.len());
        for row in &found {
            waiting.push((row.try_get_by_index::<i64>(0)?, row.try_get_by_index::<i64>(1)?));
        }
        // What cannot be read stays, and stands in front the next time.
        let waiting = waiting.split_off(broken.min(waiting.len()));
        if waiting.is_empty() {
            return Ok(changed);
        }
        for group in waiting.chunk_by(|a, b| a.0 == b.0).flat_map(|day| day.chunks(DAYS_PER_COMMIT)) {
            let change = store.begin().await?;
            for (day, device_key) in group {
                shelf::lock(&change, *device_key).await?;
                let day = day * DAY..(day + 1) * DAY;
                match thin_day(&change, *device_key, day, kept_since).await {
                    Ok(()) => changed += 1,
                    Err(Error::Internal(reason)) => {
                        broken += 1;
                        tracing::error!(device_key, reason, "a day of samples cannot be thinned out");
                    }
                    Err(error) => return Err(error),
                }
            }
            fault::point()?;
            change.commit_unattended().await?;
            fault::point()?;
        }
    }
}

/// Makes one chunk of five minutes of a day of samples, and takes these away.
async fn thin_day(change: &Change, device_key: i64, day: Range<i64>, kept_since: i64) -> Result<()> {
    if day.start >= kept_since {
        let chunks = shelf::read(&**change, device_key, Tier::Raw, day.clone()).await?;
        let samples = in_order(decoded(device_key, &chunks)?);
        let before = last_before(change, device_key, day.start).await?;
        let there = shelf::read(&**change, device_key, Tier::FiveMinutes, day.clone()).await?;
        let mut rows = Vec::new();
        for chunk in &there {
            let read = chunk::decode::<COLUMNS_KEPT>(Tier::FiveMinutes.number(), &chunk.payload);
            rows.append(&mut read.map_err(|error| super::fold::unreadable(device_key, &error))?);
        }
        // Five minutes that were made before stay as they are: samples that come so late are past their time.
        rows.extend(five_minutes::rows(&samples, before));
        let rows = in_order(rows);
        shelf::remove(change, device_key, Tier::FiveMinutes, day.clone()).await?;
        if !rows.is_empty() {
            let payload = chunk::encode(Tier::FiveMinutes.number(), &rows)
                .map_err(|error| Error::Internal(error.to_string()))?;
            let chunk = Shelved { starts_at: day.start, ends_at: day.end, payload };
            shelf::put(change, device_key, Tier::FiveMinutes, true, rows.len(), chunk).await?;
        }
    }
    shelf::remove(change, device_key, Tier::Raw, day).await.map(drop)
}

/// When the last sample of the day before was taken, which may have been thinned out already.
async fn last_before(change: &Change, device_key: i64, moment: i64) -> Result<Option<i64>> {
    let day = moment - DAY..moment;
    if let Some(last) = shelf::read(&**change, device_key, Tier::Raw, day.clone()).await?.pop() {
        return Ok(decoded(device_key, &[last])?.last().map(|row| row.at));
    }
    let Some(last) = shelf::read(&**change, device_key, Tier::FiveMinutes, day).await?.pop() else {
        return Ok(None);
    };
    let rows = chunk::decode::<COLUMNS_KEPT>(Tier::FiveMinutes.number(), &last.payload)
        .map_err(|error| super::fold::unreadable(device_key, &error))?;
    Ok(rows.last().map(|row| row.at + row.get(1).unwrap_or_default()))
}

/// Drops rows of five minutes that are past their time.
async fn drop_kept(store: &Store, until: i64) -> Result<u64> {
    let key = match store.db().get_database_backend() {
        DatabaseBackend::Postgres => "(device_key, tier, starts_at)",
        _ => "(id)",
    };
    let columns = key.trim_matches(['(', ')']);
    let sql = format!(
        "DELETE FROM metric_chunks WHERE {key} IN \
         (SELECT {columns} FROM metric_chunks WHERE tier = 1 AND starts_at < ? LIMIT {CHUNKS_PER_COMMIT})"
    );
    let mut dropped = 0;
    loop {
        let change = store.begin().await?;
        let result =
            change.execute_raw(statement(change.get_database_backend(), &sql, [until.into()])).await?;
        change.commit_unattended().await?;
        dropped += result.rows_affected();
        if result.rows_affected() < CHUNKS_PER_COMMIT {
            return Ok(dropped);
        }
    }
}
