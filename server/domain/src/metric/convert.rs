//! Samples from before there were chunks lie in `agent_metrics`, one in a row; this moves them. An older server on the
//! same database may still be adding some.

use super::{
    fault,
    fold::{fold, settle},
    sample::{DAY, ROW_COLUMNS, Row, around, hundredths},
    shelf,
};
use crate::{
    Result, Store,
    store::{Change, statement},
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use std::ops::Range;

/// Days of devices that are moved in one transaction.
const DAYS_PER_COMMIT: usize = 4;
/// Rows that are read at a time: a day with a sample every ten seconds, and what is left then goes in the next turn.
pub(super) const ROWS_PER_QUESTION: u64 = 8_192;

/// Moves every row into chunks, a few days of devices in one transaction. Says how many.
pub(super) async fn convert(store: &Store) -> Result<u64> {
    if !store.writer().has_rows(store).await? {
        return Ok(0);
    }
    let mut moved = 0;
    let today = around(store.now().timestamp_millis(), DAY).start;
    loop {
        let change = store.begin().await?;
        let before = moved;
        for _ in 0..DAYS_PER_COMMIT {
            match convert_day(&change, today).await? {
                0 => break,
                rows => moved += rows,
            }
        }
        fault::point()?;
        change.commit_unattended().await?;
        fault::point()?;
        if moved == before {
            return Ok(moved);
        }
    }
}

/// Moves the rows of the first device's first day. Says how many.
async fn convert_day(change: &Change, today: i64) -> Result<u64> {
    let backend = change.get_database_backend();
    let sql = "SELECT device_key, collected_at FROM agent_metrics ORDER BY device_key, collected_at LIMIT 1";
    let Some(first) = change.query_one_raw(statement(backend, sql, [])).await? else { return Ok(0) };
    let device_key: i64 = first.try_get_by_index(0)?;
    let day = around(first.try_get_by_index(1)?, DAY);
    shelf::lock(change, device_key).await?;
    let rows = read(&**change, device_key, day.clone()).await?;
    let Some(last) = rows.last().map(|row| row.at) else { return Ok(0) };
    let count = rows.len() as u64;
    fold(change, device_key, rows).await?;
    if last < day.end && count < ROWS_PER_QUESTION && day.end + DAY < today {
        settle(change, device_key, day.clone()).await?;
    }
    let sql = "DELETE FROM agent_metrics WHERE device_key = ? AND collected_at >= ? AND collected_at <= ?";
    let values = [device_key.into(), day.start.into(), last.into()];
    fault::point()?;
    let gone = change.execute_raw(statement(backend, sql, values)).await?.rows_affected();
    if gone != count {
        // An older server has added one meanwhile; the next run finds them all.
        return Err(DbErr::Custom(format!("{gone} rows of samples were there and {count} were moved")).into());
    }
    Ok(count)
}

/// The first rows of a device within a range.
pub(super) async fn read(db: &impl ConnectionTrait, device_key: i64, range: Range<i64>) -> Result<Vec<Row>> {
    let names: Vec<_> = ROW_COLUMNS.iter().map(|(name, _)| *name).collect();
    let sql = format!(
        "SELECT collected_at, {} FROM agent_metrics WHERE device_key = ? AND collected_at >= ? AND collected_at < ? \
         ORDER BY collected_at LIMIT {ROWS_PER_QUESTION}",
        names.join(", ")
    );
    let values = [device_key.into(), range.start.into(), range.end.into()];
    let rows = db.query_all_raw(statement(db.get_database_backend(), &sql, values)).await?;
    rows.iter().map(row).collect()
}

fn row(found: &QueryResult) -> Result<Row> {
    let mut row = Row::new(found.try_get_by_index(0)?);
    for (column, (_, is_real)) in ROW_COLUMNS.iter().enumerate() {
        let value = if *is_real {
            found.try_get_by_index::<Option<f64>>(column + 1)?.map(hundredths)
        } else {
            found.try_get_by_index::<Option<i64>>(column + 1)?
        };
        row.set(column, value);
    }
    Ok(row)
}
