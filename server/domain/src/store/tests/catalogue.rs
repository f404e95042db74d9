//! The schema against the declarations: what the database itself says is compared with what the code says.

use super::estate::{ENGINES, Engine, database, raw, run};
use crate::store::{scoped::tenant_tables, statement};
use migration::Migrator;
use sea_orm::{ConnectionTrait as _, DatabaseBackend, DatabaseConnection};
use sea_orm_migration::MigratorTrait as _;
use std::collections::{BTreeMap, BTreeSet};
use tempfile::TempDir;

/// Whose the rows of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// They are the businesses.
    Itself,
    /// A business's, always.
    Owned,
    /// A business's, or the MSP's own where there is none.
    Shared,
    /// Of the business of their device.
    ByDevice,
    /// Nobody's in particular, or a user's, who is reached first.
    Global,
}

/// Every table that there is.
const SHAPES: [(&str, Shape); 54] = [
    ("access_grants", Shape::Shared),
    ("agent_alert_history", Shape::Owned),
    ("agent_alerts", Shape::Shared),
    ("agent_chain_entries", Shape::Owned),
    ("agent_chain_heads", Shape::Owned),
    ("agent_command_approvals", Shape::Owned),
    ("agent_command_requests", Shape::Owned),
    ("agent_commands", Shape::Owned),
    ("agent_devices", Shape::Owned),
    ("agent_log_totals", Shape::ByDevice),
    ("agent_logs", Shape::ByDevice),
    ("agent_metrics", Shape::ByDevice),
    ("agent_monitored_services", Shape::Owned),
    ("agent_software_inventory", Shape::Owned),
    ("api_keys", Shape::Shared),
    ("approval_policies", Shape::Shared),
    ("audit_entries", Shape::Shared),
    ("audit_head", Shape::Global),
    ("businesses", Shape::Itself),
    ("ceremonies", Shape::Global),
    ("command_suggestions", Shape::Owned),
    ("counters", Shape::Global),
    ("custom_roles", Shape::Global),
    ("device_events", Shape::Owned),
    ("device_latest", Shape::ByDevice),
    ("emergency_rearms", Shape::Shared),
    ("emergency_stops", Shape::Shared),
    ("error_reports", Shape::Owned),
    ("log_sources", Shape::Shared),
    ("metric_batches", Shape::ByDevice),
    ("metric_chunks", Shape::ByDevice),
    ("monitored_service_rules", Shape::Shared),
    ("monitored_service_states", Shape::Owned),
    ("oidc_providers", Shape::Shared),
    ("passkeys", Shape::Global),
    ("recovery_codes", Shape::Global),
    ("registration_tokens", Shape::Owned),
    ("release_artifacts", Shape::Global),
    ("release_roots", Shape::Global),
    ("releases", Shape::Global),
    ("rollout_devices", Shape::Owned),
    ("rollout_waves", Shape::Global),
    ("rollouts", Shape::Global),
    ("script_versions", Shape::Shared),
    ("scripts", Shape::Shared),
    ("seaql_migrations", Shape::Global),
    ("server_nodes", Shape::Global),
    ("server_state", Shape::Global),
    ("service_locations", Shape::Owned),
    ("sessions", Shape::Global),
    ("totp_factors", Shape::Global),
    ("user_identities", Shape::Global),
    ("user_links", Shape::Global),
    ("users", Shape::Shared),
];

/// A table as the database describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Table {
    /// Each column, and whether it must have a value.
    columns: BTreeMap<String, bool>,
    /// Row-level security is on, for the owner too.
    is_guarded: bool,
    /// The rules of its policies.
    policies: Vec<String>,
}

async fn migrated(engine: Engine) -> (TempDir, DatabaseConnection) {
    let folder = tempfile::tempdir().expect("a folder");
    let db = raw(&database(engine, &folder).await).await;
    Migrator::up(&db, None).await.expect("migrates");
    (folder, db)
}

async fn texts(db: &DatabaseConnection, sql: &str) -> Vec<[String; 3]> {
    let rows = db.query_all_raw(statement(db.get_database_backend(), sql, [])).await.expect("a catalogue");
    let text =
        |row: &sea_orm::QueryResult, index: usize| row.try_get_by_index::<String>(index).expect("a text");
    rows.iter().map(|row| [text(row, 0), text(row, 1), text(row, 2)]).collect()
}

async fn catalogue(db: &DatabaseConnection) -> BTreeMap<String, Table> {
    let is_postgres = db.get_database_backend() == DatabaseBackend::Postgres;
    let columns = if is_postgres {
        "SELECT table_name::text, column_name::text, is_nullable::text FROM information_schema.columns \
         WHERE table_schema = 'public'"
    } else {
        "SELECT t.name, c.name, CASE WHEN c.\"notnull\" THEN 'NO' ELSE 'YES' END \
         FROM sqlite_master t JOIN pragma_table_info(t.name) c \
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"
    };
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for [table, column, is_nullable] in texts(db, columns).await {
        tables.entry(table).or_default().columns.insert(column, is_nullable == "NO");
    }
    if is_postgres {
        let guarded = "SELECT relname::text, '', '' FROM pg_class WHERE relnamespace = 'public'::regnamespace \
                       AND relrowsecurity AND relforcerowsecurity";
        for [table, ..] in texts(db, guarded).await {
            tables.entry(table).or_default().is_guarded = true;
        }
        let policies = "SELECT tablename::text, COALESCE(qual, ''), COALESCE(with_check, '') FROM pg_policies \
                        WHERE schemaname = 'public' ORDER BY policyname";
        for [table, reading, writing] in texts(db, policies).await {
            tables.entry(table).or_default().policies.push(format!("{reading} / {writing}"));
        }
    }
    tables
}

/// What does not fit.
fn faults(tables: &BTreeMap<String, Table>, engine: Engine) -> Vec<String> {
    let mut faults = Vec::new();
    let shapes: BTreeMap<&str, Shape> = SHAPES.into_iter().collect();
    faults.extend(
        shapes
            .keys()
            .filter(|name| !tables.contains_key(**name))
            .map(|name| format!("{name}: no such table")),
    );
    for (name, table) in tables {
        let Some(shape) = shapes.get(name.as_str()) else {
            faults.push(format!("{name}: say whose its rows are"));
            continue;
        };
        let business = table.columns.get("business_id").copied();
        let fits = match shape {
            Shape::Owned => business == Some(true),
            Shape::Shared => business == Some(false),
            Shape::Itself | Shape::Global => business.is_none(),
            Shape::ByDevice => business.is_none() && table.columns.get("device_key") == Some(&true),
        };
        if !fits {
            faults.push(format!("{name}: its columns are not those of {shape:?}"));
        }
        let needs_guard = engine == Engine::Postgres && *shape != Shape::Global;
        let has_policy = table.policies.iter().any(|policy| policy.contains("reeve_sees"));
        if needs_guard && !(table.is_guarded && has_policy) {
            faults.push(format!("{name}: row-level security does not hold it"));
        }
    }
    faults
}

#[tokio::test]
async fn every_table_says_whose_its_rows_are_and_is_held_to_it() {
    for engine in ENGINES {
        let (_folder, db) = migrated(engine).await;
        assert_eq!(faults(&catalogue(&db).await, engine), Vec::<String>::new(), "{engine:?}");
    }
}

#[test]
fn what_has_a_business_is_read_by_reach() {
    let by_reach = |shape: Shape| matches!(shape, Shape::Itself | Shape::Owned | Shape::Shared);
    let of_shape = SHAPES.into_iter().filter(|(_, shape)| by_reach(*shape)).map(|(name, _)| name);
    let declared: BTreeSet<_> = tenant_tables().into_iter().collect();
    assert_eq!(
        of_shape.collect::<BTreeSet<_>>(),
        declared,
        "a table with a business_id needs its line in scoped.rs"
    );
}

#[tokio::test]
async fn a_table_that_does_not_fit_is_found() {
    for (engine, sql, expected) in [
        (Engine::Sqlite, "CREATE TABLE notes (id TEXT, business_id TEXT)", "notes: say whose"),
        (Engine::Postgres, "CREATE TABLE notes (id uuid, business_id uuid)", "notes: say whose"),
        (
            Engine::Postgres,
            "ALTER TABLE agent_devices ALTER COLUMN business_id DROP NOT NULL",
            "agent_devices: its columns",
        ),
        (Engine::Postgres, "ALTER TABLE sessions ADD COLUMN business_id uuid", "sessions: its columns"),
        (Engine::Postgres, "ALTER TABLE users NO FORCE ROW LEVEL SECURITY", "users: row-level"),
        (Engine::Postgres, "ALTER TABLE users DISABLE ROW LEVEL SECURITY", "users: row-level"),
        (Engine::Postgres, "DROP POLICY device ON agent_metrics", "agent_metrics: row-level"),
    ] {
        let (_folder, db) = migrated(engine).await;
        run(&db, sql, []).await.expect("changed");
        let found = faults(&catalogue(&db).await, engine);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{sql}: {found:?}");
    }
}

#[tokio::test]
async fn the_schema_goes_down_and_up_again() {
    for engine in ENGINES {
        let (_folder, db) = migrated(engine).await;
        let (before, things) = (catalogue(&db).await, things(&db).await);
        Migrator::down(&db, None).await.expect("goes down");
        let left: Vec<_> = catalogue(&db).await.into_keys().collect();
        assert_eq!(left, ["seaql_migrations"], "{engine:?}");
        let of_migrations = |thing: &String| thing.contains("seaql_migrations");
        assert!(self::things(&db).await.iter().all(of_migrations), "{engine:?}");
        Migrator::up(&db, None).await.expect("goes up");
        assert_eq!(catalogue(&db).await, before, "{engine:?}");
        assert_eq!(self::things(&db).await, things, "{engine:?}");
    }
}

/// Indexes, triggers and functions, by name and table.
async fn things(db: &DatabaseConnection) -> BTreeSet<String> {
    let sql = if db.get_database_backend() == DatabaseBackend::Postgres {
        "SELECT indexname::text, tablename::text, indexdef FROM pg_indexes WHERE schemaname = 'public' \
         UNION ALL SELECT tgname::text, tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger \
         WHERE NOT tgisinternal \
         UNION ALL SELECT proname::text, 'function', prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    } else {
        "SELECT name, tbl_name, COALESCE(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' \
         AND type IN ('index', 'trigger', 'table')"
    };
    texts(db, sql).await.into_iter().map(|[name, table, sql]| format!("{table}: {name}: {sql}")).collect()
}
