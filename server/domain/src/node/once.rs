//! Jobs that run once for all processes on a database: whoever gets the lock and finds that it is time, runs it.

use crate::{
    Result, SystemCx,
    store::{state, statement},
};
use chrono::{DateTime, Duration, Utc};
use entity::table::server_state;
use sea_orm::{
    ConnectionTrait as _, DatabaseBackend, DatabaseTransaction, EntityTrait as _, TransactionOptions,
};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

/// Locks that this process may hold: each holds a connection of the pool, and the jobs need others.
static AT_ONCE: Semaphore = Semaphore::const_new(4);

/// Runs a job unless another process does, or did within this period. True when it ran here. On the embedded database,
/// which has one process, it always does.
///
/// The lock is PostgreSQL's and of a transaction that does nothing else: it ends with the connection, so a process that
/// dies holds up nobody, and it is never left behind in the pool.
///
/// # Errors
/// When the database or the job fails.
pub async fn once(cx: &SystemCx, period: Duration, job: impl Future<Output = Result<()>>) -> Result<bool> {
    let store = cx.store();
    if store.is_alone() {
        return job.await.map(|()| true);
    }
    let Ok(_place) = AT_ONCE.acquire().await else { return Ok(false) };
    let lock = store.db().begin(TransactionOptions::default()).await?;
    let sql = "SELECT pg_try_advisory_xact_lock(?) AS is_ours";
    let asked = lock.query_one_raw(statement(DatabaseBackend::Postgres, sql, [key(cx.job()).into()])).await?;
    let is_ours = asked.map(|row| row.try_get::<bool>("", "is_ours")).transpose()?.unwrap_or(false);
    if !is_ours || !is_due(cx, &lock, period).await? {
        return Ok(false);
    }
    note_start(cx).await?;
    let done = job.await;
    // It wrote nothing; if its connection was lost meanwhile, so was the lock, which is worth a line.
    if let Err(error) = lock.commit().await {
        tracing::warn!(job.name = cx.job(), %error, "the lock of a job was lost before it had ended");
    }
    done.map(|()| true)
}

/// A number that belongs to this job alone, among all locks of the database.
pub(super) fn key(job: &str) -> i64 {
    let digest = Sha256::digest(format!("reeve job {job}"));
    let (head, _) = digest.split_at(8);
    head.iter().fold(0, |key, byte| key << 8 | i64::from(*byte))
}

fn name(cx: &SystemCx) -> String {
    format!("job_started.{}", cx.job())
}

/// Is it a period ago that the job was started? A tenth less: nobody's ticks are exact.
async fn is_due(cx: &SystemCx, db: &DatabaseTransaction, period: Duration) -> Result<bool> {
    let Some(row) = server_state::Entity::find_by_id(name(cx)).one(db).await? else { return Ok(true) };
    let Ok(started) = row.value.parse::<DateTime<Utc>>() else { return Ok(true) };
    let ago = cx.store().now() - started;
    // What was started in the future was started by a clock that was wrong.
    Ok(ago >= period - period / 10 || ago < -period)
}

/// In a transaction of its own: the one that holds the lock stays empty, and so in nobody's way.
async fn note_start(cx: &SystemCx) -> Result<()> {
    let store = cx.store();
    let change = store.begin().await?;
    state::keep(&*change, &name(cx), &store.now().to_rfc3339()).await?;
    change.commit_unattended().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_job_has_a_lock_of_its_own() {
        assert_ne!(key("expire"), key("thin metrics"));
        assert_eq!(key("expire"), key("expire"));
    }
}
