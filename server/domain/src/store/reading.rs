//! A database opened to be read and no more: nothing is migrated, made or written, and a server may be running on it.

use super::{Db, Scope};
use crate::{Error, Result};
use sea_orm::{ConnectOptions, Database};
use std::time::Duration;

/// Opens a database for reading everything.
///
/// # Errors
/// When it is not there or cannot be reached.
pub(crate) async fn open_for_reading(url: &str) -> Result<Db> {
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).max_connections(1).acquire_timeout(Duration::from_secs(10));
    if url.starts_with("sqlite:") {
        options.map_sqlx_sqlite_opts(|sqlite| {
            sqlite.read_only(true).create_if_missing(false).busy_timeout(Duration::from_secs(10))
        });
    } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        options
            .map_sqlx_postgres_opts(|postgres| postgres.options([("default_transaction_read_only", "on")]));
    } else {
        return Err(Error::Internal("the database URL must start with sqlite: or postgres:".to_owned()));
    }
    Ok(Db::new(Database::connect(options).await?, Scope::everything()))
}
