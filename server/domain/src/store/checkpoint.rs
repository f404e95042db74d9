//! Checkpoints of the embedded database: what was written to the log is brought into the file beside the work and not
//! by whoever happens to write, so that no commit waits for it; and the log does not grow without end.

use crate::{Error, Result};
use sea_orm::sqlx::{self, ConnectOptions as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{str::FromStr as _, sync::Arc, time::Duration};
use tokio::{sync::Mutex, task::JoinHandle};

/// How often the log is looked at.
const PERIOD: Duration = Duration::from_secs(2);
/// Pages in the log, 16 MB of them, from which on writers are held up for a moment so that it begins anew.
const PAGES_MAX: i64 = 4_096;
/// How long readers of old pages are waited for, while writers wait.
const PATIENCE: Duration = Duration::from_millis(50);
/// Pages after which a writer has to make a checkpoint itself, because nobody else does: 1 GB.
pub(super) const PAGES_OF_WRITER: &str = "262144";

/// Makes checkpoints until it is stopped or dropped.
pub(super) struct Checkpoints(Mutex<Option<JoinHandle<()>>>);

impl Checkpoints {
    /// Starts the task, on the embedded database; `turn` is that of the writers.
    pub(super) async fn start(url: &str, turn: Option<&Arc<Mutex<()>>>) -> Result<Self> {
        let Some(turn) = turn else { return Ok(Self(Mutex::new(None))) };
        let mut connection = connect(url).await?;
        let turn = Arc::clone(turn);
        let task = tokio::spawn(async move {
            let mut pace = tokio::time::interval(PERIOD);
            pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                pace.tick().await;
                if let Err(error) = checkpoint(&mut connection, &turn).await {
                    tracing::warn!(%error, "a checkpoint of the database failed; the next one goes on");
                }
            }
        });
        Ok(Self(Mutex::new(Some(task))))
    }

    /// Ends the task; its connection is closed when this returns.
    pub(super) async fn stop(&self) {
        if let Some(task) = self.0.lock().await.take() {
            task.abort();
            // Told that it was aborted, as it should be.
            let _ = task.await;
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        if let Some(task) = self.0.get_mut().take() {
            task.abort();
        }
    }
}

async fn connect(url: &str) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::from_str(url).map_err(failed)?;
    options
        .busy_timeout(PATIENCE)
        .pragma("synchronous", "FULL")
        .disable_statement_logging()
        .connect()
        .await
        .map_err(failed)
}

/// Brings the log into the file; where it has become long, writers wait while the last of it is brought over, and it
/// begins anew.
async fn checkpoint(connection: &mut SqliteConnection, turn: &Mutex<()>) -> Result<()> {
    if pages(connection, "PRAGMA wal_checkpoint(PASSIVE)").await? < PAGES_MAX {
        return Ok(());
    }
    let _turn = turn.lock().await;
    pages(connection, "PRAGMA wal_checkpoint(RESTART)").await.map(drop)
}

/// Makes a checkpoint; says how many pages are in the log.
async fn pages(connection: &mut SqliteConnection, sql: &'static str) -> Result<i64> {
    let row = sqlx::query(sql).fetch_one(connection).await.map_err(failed)?;
    row.try_get(1).map_err(failed)
}

fn failed(error: sqlx::Error) -> Error {
    Error::Internal(format!("the log of the database: {error}"))
}

/// Ends a connection in order; for tests that open one by themselves.
#[cfg(test)]
async fn close(connection: SqliteConnection) {
    sqlx::Connection::close(connection).await.expect("closes");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_log_does_not_grow_without_end_and_loses_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("reeve.db");
        let url = format!("sqlite://{}?mode=rwc", file.display());
        let options = SqliteConnectOptions::from_str(&url).expect("a URL");
        let options = options.pragma("journal_mode", "WAL").pragma("wal_autocheckpoint", PAGES_OF_WRITER);
        let mut writer = options.connect().await.expect("connects");
        sqlx::query("CREATE TABLE t (x BLOB)").execute(&mut writer).await.expect("runs");
        let mut connection = connect(&url).await.expect("connects");
        let turn = Mutex::new(());
        let mut longest = 0;
        for _ in 0..4 {
            // Five thousand pages a round: more than the log may have.
            let sql = "INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
                       SELECT zeroblob(4000) FROM n";
            sqlx::query(sql).execute(&mut writer).await.expect("runs");
            checkpoint(&mut connection, &turn).await.expect("makes a checkpoint");
            let log = folder.path().join("reeve.db-wal");
            longest = longest.max(std::fs::metadata(log).expect("a log").len());
        }
        assert!(longest < 2 * 5_200 * 4_120, "{longest} bytes: it began anew each time");
        let row = sqlx::query("SELECT count(*) FROM t").fetch_one(&mut writer).await.expect("asks");
        assert_eq!(row.get::<i64, _>(0), 20_000);
        close(connection).await;
        close(writer).await;
    }
}
