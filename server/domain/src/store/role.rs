//! The role that the server takes on PostgreSQL: it owns nothing, so that row-level security binds it and the audit
//! log cannot be unlocked by it.
//!
//! What this is worth: the role guards against our own mistakes, such as a query that forgets its filter. It is taken
//! and not logged in with, so a connection that can be made to run any statement can put it down again (`SET ROLE
//! NONE`) and is then what its login is. Let the login be little: one of its own, no superuser, owner of nothing but
//! this database, and a member of `reeve_app`:
//!
//! ```sql
//! CREATE ROLE reeve_app NOLOGIN;
//! CREATE ROLE reeve LOGIN PASSWORD '…' IN ROLE reeve_app;
//! CREATE DATABASE reeve OWNER reeve;
//! ```
//!
//! The owner of the tables can take the locks off them and write the audit log anew, as a file's owner can with the
//! embedded database. Who kept the head of the chain elsewhere can tell.

use crate::{Error, Result};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, DatabaseConnection};

/// What every connection becomes.
const ROLE: &str = "reeve_app";

/// Makes the role where there is none, lets it work with the tables, and says what it is called. None on the embedded
/// database, and where the server's own user may make no roles but is itself bound by row-level security.
pub(super) async fn prepare(owner: &DatabaseConnection) -> Result<Option<&'static str>> {
    if owner.get_database_backend() != DatabaseBackend::Postgres {
        return Ok(None);
    }
    // Others may be making it at the same moment.
    owner
        .execute_unprepared(
            "DO $$ BEGIN CREATE ROLE reeve_app NOLOGIN NOSUPERUSER NOBYPASSRLS; \
             EXCEPTION WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN NULL; END $$",
        )
        .await?;
    owner
        .execute_unprepared(
            "DO $$ BEGIN EXECUTE format('GRANT reeve_app TO %I', current_user); \
             EXCEPTION WHEN OTHERS THEN NULL; END $$",
        )
        .await?;
    if is(
        owner,
        "pg_has_role(current_user, (SELECT oid FROM pg_roles WHERE rolname = 'reeve_app'), 'MEMBER')",
    )
    .await?
    {
        if is(owner, "(SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = 'reeve_app')").await? {
            return Err(Error::Internal(
                "the database role reeve_app must not be a superuser and must not bypass row-level security"
                    .to_owned(),
            ));
        }
        if is(owner, "(SELECT rolsuper FROM pg_roles WHERE rolname = session_user)").await? {
            tracing::warn!(
                "the database login is a superuser; give Reeve a login of its own, which is a member of reeve_app"
            );
        }
        for sql in [
            "GRANT USAGE ON SCHEMA public TO reeve_app",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO reeve_app",
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO reeve_app",
            "GRANT EXECUTE ON FUNCTION reeve_make_partition, reeve_drop_partitions TO reeve_app",
            "REVOKE UPDATE, DELETE, TRUNCATE ON audit_entries FROM reeve_app",
            "REVOKE INSERT, DELETE, TRUNCATE ON audit_head FROM reeve_app",
        ] {
            owner.execute_unprepared(sql).await?;
        }
        return Ok(Some(ROLE));
    }
    if is(owner, "(SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)").await? {
        return Err(Error::Internal(
            "the database user bypasses row-level security and cannot become reeve_app; let it be a member of that \
             role, or connect as another user"
                .to_owned(),
        ));
    }
    Ok(None)
}

async fn is(owner: &DatabaseConnection, condition: &str) -> Result<bool> {
    let sql = format!("SELECT COALESCE({condition}, FALSE) AS answer");
    let row = owner.query_one_raw(super::statement(DatabaseBackend::Postgres, &sql, [])).await?;
    Ok(row.map(|row| row.try_get("", "answer")).transpose()?.unwrap_or(false))
}
