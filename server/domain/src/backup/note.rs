//! What the audit log says about backups, and what a backup says about the audit log.

use super::manifest::AuditState;
use crate::{
    Result,
    audit::{self, Actor, Record},
    store::{self, Db, Scope},
};
use chrono::{DateTime, Utc};
use sea_orm::{ConnectOptions, Database as Orm, DatabaseConnection};
use std::time::Duration;

/// How the log names whoever does it.
const BY: &str = "the server's command line";

/// Appends an entry in a database whose schema is that of this program.
pub(super) async fn append(connection: DatabaseConnection, now: DateTime<Utc>, record: Record) -> Result<()> {
    let db = Db::new(connection, Scope::everything());
    store::begin(&db, now, None, None).await?.commit(&Actor::system(BY), None, record).await
}

/// Appends an entry beside a server that may be running.
pub(super) async fn append_to(url: &str, now: DateTime<Utc>, record: Record) -> Result<()> {
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).max_connections(1).acquire_timeout(Duration::from_secs(10));
    if url.starts_with("sqlite:") {
        options.map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .create_if_missing(false)
                .busy_timeout(Duration::from_secs(10))
                .pragma("synchronous", "FULL")
        });
    }
    let connection = Orm::connect(options).await?;
    append(connection.clone(), now, record).await?;
    Ok(connection.close().await?)
}

/// Follows the chain, and looks for rows that name rows that are not there.
pub(super) async fn check(url: &str) -> (AuditState, Vec<String>) {
    match audit::verify_database(url, None).await {
        Ok(found) => {
            let broken = found.chain.broken.is_some().then(|| found.chain.sentence());
            (AuditState { entries: found.chain.entries, head: found.chain.head, broken }, found.dangling)
        }
        // A database from before there was a chain is one that cannot be checked.
        Err(error) => {
            let broken = Some(format!("It cannot be checked: {error}"));
            (AuditState { entries: 0, head: String::new(), broken }, Vec::new())
        }
    }
}
