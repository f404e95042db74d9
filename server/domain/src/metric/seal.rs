//! Sealing: what has arrived becomes chunks. Each group of devices is one transaction in which the batches go and the
//! chunks come, so that a crash at any point loses and doubles nothing.

use super::{
    fault,
    fold::{fold, settle},
    sample::{DAY, HOUR, Row, Tier, around},
    shelf,
};
use crate::{
    Error, Result, Store,
    store::{Change, placeholders, statement},
};
use sea_orm::{ConnectionTrait as _, Value};

/// Samples of an hour that is over are waited for this long before it is sealed.
const GRACE: i64 = 5 * 60 * 1000;
/// Batches of a device that may lie in wait during an hour; with more they are sealed at once, so that who reads has
/// few to open.
const BATCHES_MAX: i64 = 16;
/// Batches of one device that are sealed in one transaction.
const BATCHES_PER_TURN: usize = 256;
/// Rows after which a transaction is committed, so that ingest never waits long.
const ROWS_PER_COMMIT: usize = 8_192;
/// Devices of one transaction.
const DEVICES_PER_COMMIT: usize = 32;
/// Devices asked for at a time.
const DEVICES_PER_QUESTION: u64 = 512;
/// Days of devices that are settled in one run, so that the others get their turn.
const DAYS_PER_RUN: u64 = 2_048;
/// Days of devices that are settled in one transaction.
const DAYS_PER_COMMIT: usize = 8;
/// A day is settled when it has been over for so long.
const DAY_GRACE: i64 = 2 * HOUR;

/// Seals the batches of every device that has enough of them or whose hour is over. Says how many batches.
pub(super) async fn seal(store: &Store) -> Result<u64> {
    let over = around(store.now().timestamp_millis() - GRACE, HOUR).start;
    let mut sealed = 0;
    let mut after = i64::MIN;
    loop {
        let devices = ripe(store, over, after).await?;
        let Some(last) = devices.last() else { return Ok(sealed) };
        after = *last;
        let mut waiting = devices.as_slice();
        while !waiting.is_empty() {
            let done = seal_some(store, waiting, &mut sealed).await?;
            waiting = &waiting[done..];
        }
    }
}

/// Devices behind `after` whose batches are to be sealed, in order.
async fn ripe(store: &Store, over: i64, after: i64) -> Result<Vec<i64>> {
    let sql = format!(
        "SELECT device_key FROM metric_batches WHERE device_key > ? GROUP BY device_key \
         HAVING count(*) >= {BATCHES_MAX} OR min(last_at) < ? ORDER BY device_key LIMIT {DEVICES_PER_QUESTION}"
    );
    let db = store.db();
    let rows =
        db.query_all_raw(statement(db.get_database_backend(), &sql, [after.into(), over.into()])).await?;
    rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
}

/// Seals the first of these devices in one transaction. Says how many are done.
async fn seal_some(store: &Store, devices: &[i64], sealed: &mut u64) -> Result<usize> {
    let change = store.begin().await?;
    let (mut done, mut rows, mut batches) = (0, 0, 0);
    for device_key in devices.iter().take(DEVICES_PER_COMMIT) {
        shelf::lock(&change, *device_key).await?;
        match seal_device(&change, *device_key).await {
            Ok(turn) => {
                rows += turn.rows;
                batches += turn.batches;
                done += usize::from(turn.is_done);
                if !turn.is_done || rows >= ROWS_PER_COMMIT {
                    break;
                }
            }
            // One device whose chunks are broken must not hold up the others.
            Err(Error::Internal(reason)) => {
                tracing::error!(device_key, reason, "the samples of a device cannot be sealed");
                done += 1;
            }
            Err(error) => return Err(error),
        }
    }
    fault::point()?;
    change.commit_unattended().await?;
    fault::point()?;
    *sealed += batches;
    Ok(done)
}

struct Turn {
    rows: usize,
    batches: u64,
    is_done: bool,
}

async fn seal_device(change: &Change, device_key: i64) -> Result<Turn> {
    let backend = change.get_database_backend();
    let sql = format!(
        "SELECT arrival, payload FROM metric_batches WHERE device_key = ? ORDER BY arrival LIMIT {BATCHES_PER_TURN}"
    );
    let found = change.query_all_raw(statement(backend, &sql, [device_key.into()])).await?;
    let is_done = found.len() < BATCHES_PER_TURN;
    let mut rows: Vec<Row> = Vec::new();
    let mut arrivals: Vec<Value> = Vec::new();
    for batch in &found {
        let arrival: i64 = batch.try_get_by_index(0)?;
        let payload: Vec<u8> = batch.try_get_by_index(1)?;
        match chunk::decode(Tier::Raw.number(), &payload) {
            Ok(mut read) => {
                rows.append(&mut read);
                arrivals.push(arrival.into());
            }
            // It stays where it is, for `reeve verify` to name and for somebody to look at.
            Err(error) => tracing::error!(device_key, arrival, %error, "a batch of samples cannot be read"),
        }
    }
    let turn =
        Turn { rows: rows.len(), batches: arrivals.len() as u64, is_done: is_done || arrivals.is_empty() };
    if arrivals.is_empty() {
        return Ok(turn);
    }
    fold(change, device_key, rows).await?;
    fault::point()?;
    let sql = format!(
        "DELETE FROM metric_batches WHERE device_key = ? AND arrival IN ({})",
        placeholders(arrivals.len())
    );
    let values = std::iter::once(device_key.into()).chain(arrivals);
    let gone = change.execute_raw(statement(backend, &sql, values)).await?.rows_affected();
    if gone != turn.batches {
        // Cannot be while the device is locked; if it is all the same, nothing of this is committed.
        return Err(Error::Database(sea_orm::DbErr::Custom(format!(
            "{gone} of {} batches of device number {device_key} were there to be sealed",
            turn.batches
        ))));
    }
    Ok(turn)
}

/// Puts the chunks of each day that is long over into one. Says how many days of devices.
pub(super) async fn settle_days(store: &Store) -> Result<u64> {
    let over = around(store.now().timestamp_millis() - DAY_GRACE, DAY).start;
    let sql = format!(
        "SELECT starts_at / {DAY} AS day, device_key FROM metric_chunks WHERE NOT is_settled \
         AND starts_at < ? GROUP BY 1, 2 ORDER BY 1, 2 LIMIT {DAYS_PER_RUN}"
    );
    let db = store.db();
    let rows = db.query_all_raw(statement(db.get_database_backend(), &sql, [over.into()])).await?;
    let mut days = Vec::with_capacity(rows.len());
    for row in &rows {
        days.push((row.try_get_by_index::<i64>(0)?, row.try_get_by_index::<i64>(1)?));
    }
    let mut settled = 0;
    // By day and device: locks are taken in the same order everywhere.
    for group in days.chunk_by(|a, b| a.0 == b.0).flat_map(|day| day.chunks(DAYS_PER_COMMIT)) {
        let change = store.begin().await?;
        for (day, device_key) in group {
            shelf::lock(&change, *device_key).await?;
            match settle(&change, *device_key, day * DAY..(day + 1) * DAY).await {
                Ok(_) => settled += 1,
                Err(Error::Internal(reason)) => {
                    tracing::error!(device_key, reason, "a day of samples cannot be settled");
                }
                Err(error) => return Err(error),
            }
        }
        fault::point()?;
        change.commit_unattended().await?;
        fault::point()?;
    }
    Ok(settled)
}
