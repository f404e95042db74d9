//! The role that the server takes: what it may not do, and logins that are none of the cluster's masters.

use super::estate::{Engine, Estate, database, noon, open, raw, run};
use crate::{clock::ManualClock, store::statement};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, DatabaseConnection};
use std::sync::Arc;

async fn answer(db: &DatabaseConnection, condition: &str) -> bool {
    let sql = format!("SELECT ({condition}) AS answer");
    let row = db.query_one_raw(statement(DatabaseBackend::Postgres, &sql, [])).await.expect("asks");
    row.expect("a row").try_get("", "answer").expect("an answer")
}

#[tokio::test]
async fn the_role_owns_nothing_and_bypasses_nothing() {
    let estate = Estate::on(Engine::Postgres).await;
    let db = estate.store.db().connection();
    for condition in [
        "current_user = 'reeve_app'",
        "(SELECT NOT rolsuper AND NOT rolbypassrls AND NOT rolcreaterole AND NOT rolcreatedb AND NOT rolcanlogin \
          AND NOT rolreplication FROM pg_roles WHERE rolname = current_user)",
        "NOT EXISTS (SELECT 1 FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = 'reeve_app')",
        "NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner WHERE r.rolname = 'reeve_app')",
        "NOT EXISTS (SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = 'reeve_app')",
        "NOT has_schema_privilege('public', 'CREATE')",
        "NOT has_table_privilege('audit_entries', 'UPDATE')",
        "NOT has_table_privilege('audit_entries', 'DELETE')",
        "NOT has_table_privilege('audit_entries', 'TRUNCATE')",
        "NOT has_table_privilege('audit_entries', 'TRIGGER')",
        "NOT has_table_privilege('audit_head', 'INSERT')",
        "NOT has_table_privilege('audit_head', 'DELETE')",
        "row_security_active('agent_devices')",
    ] {
        assert!(answer(db, condition).await, "{condition}");
    }
    for sql in [
        "ALTER TABLE agent_devices DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE agent_devices NO FORCE ROW LEVEL SECURITY",
        "CREATE POLICY all_of_it ON agent_devices USING (TRUE)",
        "ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_no_update",
        "CREATE TABLE mine (id int)",
        "ALTER ROLE reeve_app BYPASSRLS",
        "SET session_replication_role = replica",
    ] {
        assert!(run(db, sql, []).await.is_err(), "{sql}");
    }
    // Asking for no row-level security is answered with an error, not with the rows.
    let sql = "BEGIN; SET LOCAL row_security = off; SELECT count(*) FROM agent_devices; COMMIT";
    let why = db.execute_unprepared(sql).await.expect_err("refused").to_string();
    assert!(why.contains("row-level security"), "{why}");
}

/// The honest limit: what was taken can be put down. Whoever can run any statement is then what the login is, so that
/// should be as little as can be.
#[tokio::test]
async fn a_connection_that_puts_the_role_down_is_what_its_login_is() {
    let estate = Estate::on(Engine::Postgres).await;
    let tx = estate.store.begin().await.expect("begins");
    tx.execute_unprepared("SET LOCAL ROLE NONE").await.expect("runs");
    let sql = "SELECT current_user::text = session_user::text AS answer";
    let row = tx.query_one_raw(statement(DatabaseBackend::Postgres, sql, [])).await.expect("asks");
    assert!(row.expect("a row").try_get::<bool>("", "answer").expect("an answer"));
}

/// Servers of others often give a login that owns its database and may make no roles.
#[tokio::test]
async fn an_owner_that_is_no_master_is_bound_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = database(Engine::Postgres, &folder).await;
    let master = raw(&url).await;
    let name = url.split('?').next().and_then(|url| url.rsplit('/').next()).expect("a name");
    for sql in [
        format!("CREATE ROLE plain_{name} LOGIN"),
        format!("ALTER DATABASE {name} OWNER TO plain_{name}"),
        format!("GRANT ALL ON SCHEMA public TO plain_{name}"),
    ] {
        run(&master, &sql, []).await.expect("prepared");
    }
    let plain = url.replacen("reeve@", &format!("plain_{name}@"), 1);
    let clock = Arc::new(ManualClock::new(noon()));
    let store = open(&plain, &folder, Arc::clone(&clock)).await.expect("opens");
    let db = store.db().connection();
    assert!(answer(db, &format!("current_user = 'plain_{name}'")).await, "there is no other role to take");
    assert!(answer(db, "row_security_active('agent_devices')").await);
    // And once more, when everything is there already.
    open(&plain, &folder, clock).await.expect("opens again");
}
