//! What an operator wants to know about a database: reads only, and makes nothing.

use super::{open_for_reading, schema, statement};
use crate::Result;
use chrono::{DateTime, Utc};
use migration::Migrator;
use sea_orm::{ConnectionTrait as _, DatabaseBackend, DatabaseConnection, QueryResult};
use sea_orm_migration::MigratorTrait as _;

/// What was found.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Name and version of the engine.
    pub engine: String,
    /// Steps of the schema that are missing.
    pub missing: Vec<String>,
    /// Steps of a newer version of Reeve.
    pub unknown: Vec<String>,
    /// The time of the database's own machine, where it has one.
    pub now: Option<DateTime<Utc>>,
    /// Sentences about what keeps the data in order and is as it should be.
    pub good: Vec<String>,
    /// Sentences about what is not.
    pub warnings: Vec<String>,
}

/// Looks at a database.
///
/// # Errors
/// When it is not there or cannot be reached.
pub async fn inspect(url: &str) -> Result<Inspection> {
    let db = open_for_reading(url).await?;
    let found = look(db.connection()).await;
    db.connection().clone().close().await?;
    found
}

async fn look(db: &DatabaseConnection) -> Result<Inspection> {
    let applied = schema::applied(db).await?;
    let known: Vec<_> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    let mut found = Inspection {
        engine: String::new(),
        missing: known.iter().filter(|name| !applied.contains(*name)).cloned().collect(),
        unknown: applied.iter().filter(|name| !known.contains(name)).cloned().collect(),
        now: None,
        good: vec![],
        warnings: vec![],
    };
    match db.get_database_backend() {
        DatabaseBackend::Postgres => postgres(db, !applied.is_empty(), &mut found).await?,
        _ => sqlite(db, &mut found).await?,
    }
    Ok(found)
}

async fn sqlite(db: &DatabaseConnection, found: &mut Inspection) -> Result<()> {
    let version: String = one(db, "SELECT sqlite_version() AS answer").await?.try_get("", "answer")?;
    found.engine = format!("SQLite {version}");
    let mode: String = one(db, "PRAGMA journal_mode").await?.try_get_by_index(0)?;
    if mode.eq_ignore_ascii_case("wal") {
        found.good.push("It keeps a write-ahead log.".to_owned());
    } else {
        found
            .warnings
            .push(format!("Its journal is {mode} and not a write-ahead log; the server switches it."));
    }
    let dangling = db
        .query_one_raw(statement(
            DatabaseBackend::Sqlite,
            "SELECT 1 FROM pragma_foreign_key_check LIMIT 1",
            [],
        ))
        .await?;
    match dangling {
        None => found.good.push("Its foreign keys hold.".to_owned()),
        Some(_) => {
            found.warnings.push("Rows name rows that are not there; `reeve verify` lists them.".to_owned())
        }
    }
    Ok(())
}

async fn postgres(db: &DatabaseConnection, is_ours: bool, found: &mut Inspection) -> Result<()> {
    let version: String =
        one(db, "SELECT current_setting('server_version') AS answer").await?.try_get("", "answer")?;
    found.engine = format!("PostgreSQL {version}");
    found.now = Some(one(db, "SELECT clock_timestamp() AS answer").await?.try_get("", "answer")?);
    let role = one(
        db,
        "SELECT current_user::text AS login, \
         (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_super, \
         COALESCE((SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = 'reeve_app'), \
         FALSE) AS is_member, \
         EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'reeve_app') AS role_exists",
    )
    .await?;
    let login: String = role.try_get("", "login")?;
    if role.try_get("", "is_super")? {
        found.warnings.push(format!(
            "The login {login} is a superuser; give Reeve a login of its own, which is a member of reeve_app."
        ));
    } else if role.try_get("", "is_member")? {
        found.good.push(format!("The login {login} becomes reeve_app, which owns nothing."));
    } else if role.try_get("", "role_exists")? {
        found.warnings.push(format!(
            "The login {login} is no member of the role reeve_app: GRANT reeve_app TO {login}."
        ));
    }
    if !is_ours {
        return Ok(());
    }
    let open = db
        .query_all_raw(statement(
            DatabaseBackend::Postgres,
            "SELECT c.relname::text AS name FROM pg_class c WHERE c.relkind IN ('r', 'p') \
             AND NOT c.relispartition AND c.relnamespace = current_schema()::regnamespace AND NOT c.relrowsecurity \
             AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'business_id') \
             ORDER BY 1",
            [],
        ))
        .await?;
    let open: Vec<String> =
        open.iter().map(|row| row.try_get("", "name")).collect::<std::result::Result<_, _>>()?;
    if open.is_empty() {
        found.good.push("Row-level security is on.".to_owned());
    } else {
        found.warnings.push(format!("Row-level security is off for {}.", open.join(", ")));
    }
    Ok(())
}

/// The one row of an answer.
async fn one(db: &DatabaseConnection, sql: &str) -> Result<QueryResult> {
    let row = db.query_one_raw(statement(db.get_database_backend(), sql, [])).await?;
    row.ok_or_else(|| crate::Error::Internal("the database answered nothing".to_owned()))
}
