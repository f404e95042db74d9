//! Retention: samples older than we promise to keep go.

use crate::{Result, Store, store::statement};
use chrono::Duration;
use sea_orm::ConnectionTrait as _;

/// Samples are kept for 13 months: one full year to compare with, and the month that is running.
const KEPT: Duration = Duration::days(396);
/// Rows of one transaction, so that ingest never waits long.
const ROWS_PER_COMMIT: u32 = 20_000;

/// Drops samples that are past retention; says how many.
pub(crate) async fn thin(store: &Store) -> Result<u64> {
    let before = (store.now() - KEPT).timestamp_millis();
    let sql = format!(
        "DELETE FROM agent_metrics WHERE (device_key, collected_at) IN \
         (SELECT device_key, collected_at FROM agent_metrics WHERE collected_at < ? LIMIT {ROWS_PER_COMMIT})"
    );
    let mut dropped = 0;
    loop {
        let change = store.begin().await?;
        let result =
            change.execute_raw(statement(change.get_database_backend(), &sql, [before.into()])).await?;
        change.commit_unattended().await?;
        dropped += result.rows_affected();
        if result.rows_affected() < u64::from(ROWS_PER_COMMIT) {
            return Ok(dropped);
        }
    }
}
