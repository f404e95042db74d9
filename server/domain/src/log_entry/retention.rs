//! Retention: entries go after their time, some at a time, so that nobody waits long behind it.

use crate::{Result, Store, store::statement};
use chrono::Duration;
use sea_orm::{ConnectionTrait as _, Value};

/// Entries of one transaction.
const ROWS_PER_COMMIT: i64 = 5_000;

/// Drops what is past its time. Says how many entries.
pub(crate) async fn retain(store: &Store) -> Result<u64> {
    let oldest = (store.now() - Duration::days(i64::from(store.logs_kept_days()))).timestamp_millis();
    let sql = "DELETE FROM agent_logs WHERE (device_key, position) IN \
               (SELECT device_key, position FROM agent_logs WHERE at < ? ORDER BY at LIMIT ?)";
    let mut dropped = 0;
    loop {
        let change = store.begin().await?;
        let values: [Value; 2] = [oldest.into(), ROWS_PER_COMMIT.into()];
        let some =
            change.execute_raw(statement(change.get_database_backend(), sql, values)).await?.rows_affected();
        change.commit_unattended().await?;
        dropped += some;
        if some < ROWS_PER_COMMIT.unsigned_abs() {
            return Ok(dropped);
        }
    }
}
