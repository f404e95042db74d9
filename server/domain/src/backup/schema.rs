//! Which steps of the schema a database has taken, and taking them.

use super::{database::Database, failed, sqlite, sqlite::Sqlite};
use crate::{Result, audit};
use migration::Migrator;
use sea_orm::{ConnectOptions, Database as Orm, DatabaseConnection};
use sea_orm_migration::MigratorTrait as _;
use std::path::Path;

/// The steps that this program knows, in order.
pub(super) fn known() -> Vec<String> {
    Migrator::migrations().iter().map(|step| step.name().to_owned()).collect()
}

/// How many steps `taken` is, when they are the first of those that this program knows.
///
/// # Errors
/// When they are of a newer program, or of another.
pub(super) fn level(taken: &[String], whose: &str) -> Result<u32> {
    let known = known();
    if taken.is_empty() {
        return Err(failed(format!("{whose} has no tables of Reeve")));
    }
    if known.starts_with(taken) {
        return u32::try_from(taken.len()).map_err(|error| failed(error.to_string()));
    }
    Err(match taken.iter().find(|step| !known.contains(step)) {
        Some(step) => failed(format!(
            "{whose} is newer than this program: it has taken the step {step}; use that version of Reeve or a later one"
        )),
        None => failed(format!("{whose} has not taken the steps of its schema in their order")),
    })
}

async fn connect(url: &str, in_file: bool) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).max_connections(1);
    if in_file {
        options.map_sqlx_sqlite_opts(|sqlite| {
            // One file and nothing beside it; whoever calls writes it out when all is done.
            sqlite.pragma("journal_mode", "DELETE").pragma("synchronous", "OFF")
        });
    }
    Ok(Orm::connect(options).await?)
}

/// Takes the first `level` steps in a new file.
pub(super) async fn make_file(file: &Path, level: u32) -> Result<()> {
    let db = connect(&format!("{}?mode=rwc", sqlite::url_of(file)), true).await?;
    Migrator::up(&db, Some(level)).await?;
    Ok(db.close().await?)
}

/// Takes what steps are left in a file that nobody else knows of; the connection, to do more with it.
pub(super) async fn finish_file(file: &Path) -> Result<DatabaseConnection> {
    let db = connect(&sqlite::url_of(file), true).await?;
    Migrator::up(&db, None).await?;
    audit::chain::begin(&db).await?;
    Ok(db)
}

/// Takes steps in a PostgreSQL database: the first `level`, or all.
pub(super) async fn migrate(url: &str, level: Option<u32>) -> Result<()> {
    let db = connect(url, false).await?;
    match level {
        Some(level) => {
            let taken = Migrator::get_applied_migrations(&db).await?.len();
            let left = level.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX));
            if left > 0 {
                Migrator::up(&db, Some(left)).await?;
            }
        }
        None => {
            Migrator::up(&db, None).await?;
            audit::chain::begin(&db).await?;
        }
    }
    Ok(db.close().await?)
}

/// A database in memory that has taken the first `level` steps: what is in it is what the steps themselves put there.
pub(super) async fn example(level: u32) -> Result<Database> {
    let db = connect("sqlite::memory:", false).await?;
    Migrator::up(&db, Some(level)).await?;
    let pooled = db.get_sqlite_connection_pool().acquire().await;
    let connection = pooled.map_err(|error| failed(error.to_string()))?.detach();
    Ok(Database::Sqlite(Box::new(Sqlite::around(connection))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_of_the_known_steps_are_a_level() {
        let known = known();
        assert_eq!(level(&known, "It").expect("all"), u32::try_from(known.len()).expect("few"));
        assert_eq!(level(&known[..3], "It").expect("some"), 3);
        let mut newer = known.clone();
        newer.push("m9999_later".to_owned());
        let error = level(&newer, "The backup").expect_err("newer").to_string();
        assert!(error.starts_with("The backup is newer") && error.contains("m9999_later"), "{error}");
        assert!(level(&known[1..], "It").is_err());
        assert!(level(&[], "It").is_err());
    }
}
