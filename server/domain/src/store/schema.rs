//! The schema's steps as an operator sees them: which were applied, which are missing, and applying them.

use super::{connect, open_for_reading, statement, update};
use crate::Result;
use migration::Migrator;
use sea_orm::{ConnectionTrait, DatabaseBackend};
use sea_orm_migration::MigratorTrait as _;
use std::collections::BTreeSet;

/// One step of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name, which begins with its number.
    pub name: String,
    /// Has it been done?
    pub is_applied: bool,
}

/// The steps of a database that is not there yet.
#[must_use]
pub fn steps_of_nothing() -> Vec<Step> {
    all(&BTreeSet::new())
}

/// The steps of a database; reads only.
///
/// # Errors
/// When the database is not there or cannot be reached.
pub async fn steps(url: &str) -> Result<Vec<Step>> {
    let db = open_for_reading(url).await?;
    let applied = applied(db.connection()).await;
    db.connection().clone().close().await?;
    Ok(all(&applied?))
}

/// Applies what is missing and names it, in order; an embedded database is made when it is not there.
///
/// # Errors
/// When the database cannot be reached or a step fails; what was applied before it stays.
pub async fn migrate(url: &str) -> Result<Vec<String>> {
    let owner = connect(url, None).await?;
    let done = async {
        let before = applied(&owner).await?;
        update(&owner).await?;
        let after = applied(&owner).await?;
        Ok(after.difference(&before).cloned().collect())
    }
    .await;
    owner.close().await?;
    done
}

fn all(applied: &BTreeSet<String>) -> Vec<Step> {
    let steps = Migrator::migrations();
    let step = |name: String| Step { is_applied: applied.contains(&name), name };
    steps.iter().map(|migration| step(migration.name().to_owned())).collect()
}

/// The names of the steps that were applied; those of a newer version too.
pub(super) async fn applied(connection: &impl ConnectionTrait) -> Result<BTreeSet<String>> {
    let backend = connection.get_database_backend();
    let exists = match backend {
        DatabaseBackend::Postgres => "SELECT 1 WHERE to_regclass('seaql_migrations') IS NOT NULL",
        _ => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'seaql_migrations'",
    };
    if connection.query_one_raw(statement(backend, exists, [])).await?.is_none() {
        return Ok(BTreeSet::new());
    }
    let rows = connection
        .query_all_raw(statement(backend, "SELECT version FROM seaql_migrations ORDER BY version", []))
        .await?;
    Ok(rows.into_iter().map(|row| row.try_get("", "version")).collect::<std::result::Result<_, _>>()?)
}
