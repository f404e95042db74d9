//! Where chunks stand in the database: each covers a part of one device's time, and no two cover the same.

use super::{
    fault,
    sample::{DAY, Tier},
};
use crate::{
    Result,
    store::{Change, statement},
};
use sea_orm::{ConnectionTrait, DatabaseBackend, Value};
use std::ops::Range;

/// One chunk and the time that it covers.
pub(super) struct Shelved {
    pub(super) starts_at: i64,
    /// The end of what it covers, not the time of its last row.
    pub(super) ends_at: i64,
    pub(super) payload: Vec<u8>,
}

/// The key of a chunk in the embedded database, which keeps rows in its order: device, tier, start in seconds. Room for
/// 2^29 devices, and for 33 bits of seconds: the year 2242.
const fn id(device_key: i64, tier: Tier, starts_at: i64) -> i64 {
    (device_key << 34) + ((tier.number() as i64) << 33) + starts_at.div_euclid(1000)
}

/// The multiplier of a device's key in [`id`].
pub(super) const IDS_PER_DEVICE: i64 = 1 << 34;

/// A condition for the chunks of a device that begin in a range, and its values.
pub(super) fn beginning_in(
    backend: DatabaseBackend,
    device_key: i64,
    tier: Tier,
    starts: Range<i64>,
) -> (&'static str, Vec<Value>) {
    if backend == DatabaseBackend::Postgres {
        let number = Value::from(i16::from(tier.number()));
        let values = vec![device_key.into(), number, starts.start.into(), starts.end.into()];
        return ("device_key = ? AND tier = ? AND starts_at >= ? AND starts_at < ?", values);
    }
    let key = |at: i64| Value::from(id(device_key, tier, at.saturating_add(999)));
    ("id >= ? AND id < ?", vec![key(starts.start), key(starts.end)])
}

/// The same for the chunks that cover any of a range: none covers more than a day.
pub(super) fn covering(
    backend: DatabaseBackend,
    device_key: i64,
    tier: Tier,
    range: Range<i64>,
) -> (&'static str, Vec<Value>) {
    beginning_in(backend, device_key, tier, (range.start - DAY).max(0)..range.end)
}

/// Makes sure that nobody else puts this device's chunks in order before the change is over. The embedded database has
/// one writer at a time anyway. Devices are to be locked in the order of their keys.
pub(super) async fn lock(change: &Change, device_key: i64) -> Result<()> {
    if change.get_database_backend() == DatabaseBackend::Postgres {
        let sql = "SELECT pg_advisory_xact_lock(hashtextextended('reeve metrics of ' || ?::text, 0))";
        let key = Value::from(device_key.to_string());
        change.execute_raw(statement(DatabaseBackend::Postgres, sql, [key])).await?;
    }
    Ok(())
}

/// The chunks that cover any of a range, in order.
pub(super) async fn read(
    db: &impl ConnectionTrait,
    device_key: i64,
    tier: Tier,
    range: Range<i64>,
) -> Result<Vec<Shelved>> {
    let backend = db.get_database_backend();
    let (condition, mut values) = covering(backend, device_key, tier, range.clone());
    let sql = format!(
        "SELECT starts_at, ends_at, payload FROM metric_chunks WHERE {condition} AND ends_at > ? ORDER BY starts_at"
    );
    values.push(range.start.into());
    let rows = db.query_all_raw(statement(backend, &sql, values)).await?;
    let read = |row: &sea_orm::QueryResult| -> Result<Shelved> {
        Ok(Shelved {
            starts_at: row.try_get_by_index(0)?,
            ends_at: row.try_get_by_index(1)?,
            payload: row.try_get_by_index(2)?,
        })
    };
    rows.iter().map(read).collect()
}

/// What the chunks that cover any of a range cover, in order, and whether they are settled.
pub(super) async fn covered(
    db: &impl ConnectionTrait,
    device_key: i64,
    tier: Tier,
    range: Range<i64>,
) -> Result<(Vec<Range<i64>>, Vec<bool>)> {
    let backend = db.get_database_backend();
    let (condition, mut values) = covering(backend, device_key, tier, range.clone());
    let sql = format!(
        "SELECT starts_at, ends_at, is_settled FROM metric_chunks WHERE {condition} AND ends_at > ? ORDER BY starts_at"
    );
    values.push(range.start.into());
    let (mut covered, mut settled) = (Vec::new(), Vec::new());
    for row in db.query_all_raw(statement(backend, &sql, values)).await? {
        covered.push(row.try_get_by_index(0)?..row.try_get_by_index(1)?);
        settled.push(row.try_get_by_index(2)?);
    }
    Ok((covered, settled))
}

/// Takes chunks away; says how many there were.
pub(super) async fn remove(change: &Change, device_key: i64, tier: Tier, starts: Range<i64>) -> Result<u64> {
    let backend = change.get_database_backend();
    let (condition, values) = beginning_in(backend, device_key, tier, starts);
    let sql = format!("DELETE FROM metric_chunks WHERE {condition}");
    fault::point()?;
    Ok(change.execute_raw(statement(backend, &sql, values)).await?.rows_affected())
}

/// Puts a chunk where there is none.
pub(super) async fn put(
    change: &Change,
    device_key: i64,
    tier: Tier,
    is_settled: bool,
    row_count: usize,
    chunk: Shelved,
) -> Result<()> {
    fault::point()?;
    let sql = "INSERT INTO metric_chunks (id, device_key, tier, starts_at, ends_at, row_count, is_settled, payload) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let values: [Value; 8] = [
        id(device_key, tier, chunk.starts_at).into(),
        device_key.into(),
        i16::from(tier.number()).into(),
        chunk.starts_at.into(),
        chunk.ends_at.into(),
        i64::try_from(row_count).unwrap_or(i64::MAX).into(),
        is_settled.into(),
        chunk.payload.into(),
    ];
    change.execute_raw(statement(change.get_database_backend(), sql, values)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_in_the_order_of_device_tier_and_time() {
        let latest = 8_589_934_591_000;
        let keys = [
            id(1, Tier::Raw, 0),
            id(1, Tier::Raw, 1_000),
            id(1, Tier::Raw, latest),
            id(1, Tier::FiveMinutes, 0),
            id(1, Tier::FiveMinutes, latest),
            id(2, Tier::Raw, 0),
            id((1 << 29) - 1, Tier::FiveMinutes, latest),
        ];
        assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
        assert_eq!(id(3, Tier::Raw, 0), 3 * IDS_PER_DEVICE);
    }
}
