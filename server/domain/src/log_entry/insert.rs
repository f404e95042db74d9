//! Rows of log entries into the database, many in one statement.

use crate::{
    Result,
    store::{Change, statement},
};
use entity::log_entry::LogLevel;
use sea_orm::{ConnectionTrait as _, Value};
use std::collections::HashMap;

/// Rows of one statement.
const ROWS_PER_STATEMENT: usize = 256;

/// An entry as it is stored.
pub(super) struct Row {
    pub(super) device_key: i64,
    pub(super) position: i64,
    /// In milliseconds.
    pub(super) at: i64,
    pub(super) level: LogLevel,
    pub(super) source: String,
    pub(super) message: String,
}

impl Row {
    /// The room that it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.source.len() + self.message.len()
    }
}

/// Inserts rows; those that are there already stay as they are. Answers when the errors among the new ones were written,
/// by device, in milliseconds.
pub(super) async fn insert(change: &Change, rows: &[&Row]) -> Result<HashMap<i64, Vec<i64>>> {
    let mut errors: HashMap<i64, Vec<i64>> = HashMap::new();
    for some in rows.chunks(ROWS_PER_STATEMENT) {
        let sql = format!(
            "INSERT INTO agent_logs (device_key, position, at, level, source, message) VALUES {} \
             ON CONFLICT (device_key, position) DO NOTHING RETURNING device_key, at, level",
            vec!["(?, ?, ?, ?, ?, ?)"; some.len()].join(", ")
        );
        let values = some.iter().flat_map(|row| -> [Value; 6] {
            [
                row.device_key.into(),
                row.position.into(),
                row.at.into(),
                row.level.number().into(),
                row.source.as_str().into(),
                row.message.as_str().into(),
            ]
        });
        let sql = statement(change.get_database_backend(), &sql, values.collect::<Vec<_>>());
        for row in change.query_all_raw(sql).await? {
            if row.try_get_by_index::<i16>(2)? <= LogLevel::Error.number() {
                errors.entry(row.try_get_by_index(0)?).or_default().push(row.try_get_by_index(1)?);
            }
        }
    }
    Ok(errors)
}

/// Takes note of how much a device has left out and dropped in all; totals only grow.
pub(super) async fn note_totals(
    change: &Change,
    device_key: i64,
    dropped: i64,
    suppressed: i64,
) -> Result<()> {
    let sql = "INSERT INTO agent_log_totals (device_key, dropped, suppressed) VALUES (?, ?, ?) \
               ON CONFLICT (device_key) DO UPDATE SET \
               dropped = CASE WHEN excluded.dropped > agent_log_totals.dropped THEN excluded.dropped \
               ELSE agent_log_totals.dropped END, \
               suppressed = CASE WHEN excluded.suppressed > agent_log_totals.suppressed THEN excluded.suppressed \
               ELSE agent_log_totals.suppressed END";
    let values: [Value; 3] = [device_key.into(), dropped.into(), suppressed.into()];
    change.execute_raw(statement(change.get_database_backend(), sql, values)).await?;
    Ok(())
}
