//! Row-level security on PostgreSQL: what holds when a query forgets the tenant's filter.

use super::estate::{Engine, Estate, noon};
use crate::store::{Db, Reach, Scope, statement};
use entity::{
    id::{BusinessId, DeviceId, UserId},
    table::{audit_entry, business, device, device_latest, user},
    user::Effect,
};
use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, EntityTrait as _, TransactionOptions, Value};

/// Tables and the expression for whose a row is.
const TABLES: [(&str, &str); 15] = [
    ("businesses", "id"),
    ("service_locations", "business_id"),
    ("users", "business_id"),
    ("access_grants", "business_id"),
    ("agent_devices", "business_id"),
    ("registration_tokens", "business_id"),
    ("agent_monitored_services", "business_id"),
    ("agent_software_inventory", "business_id"),
    ("device_events", "business_id"),
    ("error_reports", "business_id"),
    ("api_keys", "business_id"),
    ("oidc_providers", "business_id"),
    ("audit_entries", "business_id"),
    (
        "agent_metrics",
        "(SELECT business_id FROM agent_devices d WHERE d.device_key = agent_metrics.device_key)",
    ),
    (
        "device_latest",
        "(SELECT business_id FROM agent_devices d WHERE d.device_key = device_latest.device_key)",
    ),
];

async fn execute(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<u64, DbErr> {
    Ok(db.execute_raw(statement(DatabaseBackend::Postgres, sql, values)).await?.rows_affected())
}

async fn number(db: &impl ConnectionTrait, sql: &str, values: impl IntoIterator<Item = Value>) -> i64 {
    let row = db.query_one_raw(statement(DatabaseBackend::Postgres, sql, values)).await.expect("asks");
    row.expect("a row").try_get_by_index(0).expect("a number")
}

/// A row for the business in every table, and one of nobody's where that can be.
async fn fill(estate: &Estate, business: BusinessId, name: &str) {
    let db = estate.raw().await;
    let user = UserId::generate();
    let device: Value = {
        let sql = "SELECT id FROM agent_devices WHERE business_id = ?";
        let row = db.query_one_raw(statement(DatabaseBackend::Postgres, sql, [business.into()])).await;
        row.expect("asks").expect("a device").try_get::<DeviceId>("", "id").expect("an id").into()
    };
    let (b, u, now): (Value, Value, Value) = (business.into(), user.into(), noon().into());
    let text = |what: &str| -> Value { format!("{what} {name}").into() };
    let inserts: [(&str, Vec<Value>); 10] = [
        (
            "INSERT INTO service_locations VALUES (gen_random_uuid(), ?, ?, NULL, NULL, NULL, TRUE, ?)",
            vec![b.clone(), text("Main"), now.clone()],
        ),
        (
            "INSERT INTO users (id, business_id, email, full_name, role, password_hash, must_change_password, is_active, \
             created_at) VALUES (?, ?, ?, 'Somebody', 'contact', '', FALSE, TRUE, ?)",
            vec![u.clone(), b.clone(), text("mail"), now.clone()],
        ),
        (
            "INSERT INTO access_grants (id, user_id, effect, business_id) VALUES (gen_random_uuid(), ?, ?, ?)",
            vec![u.clone(), Effect::Allow.into(), b.clone()],
        ),
        (
            "INSERT INTO registration_tokens (id, business_id, token_hash, state, created_at, expires_at) \
             VALUES (gen_random_uuid(), ?, ?, 'issued', ?, ?)",
            vec![b.clone(), text("hash"), now.clone(), now.clone()],
        ),
        (
            "INSERT INTO agent_monitored_services (device_id, business_id, service_name, status, last_state_change_at) \
             VALUES (?, ?, 'nginx', 'running', ?)",
            vec![device.clone(), b.clone(), now.clone()],
        ),
        (
            "INSERT INTO agent_software_inventory (device_id, business_id, software_name, software_version, architecture, \
             source, first_seen_at) VALUES (?, ?, 'nginx', '1', 'x86_64', 'dpkg', ?)",
            vec![device.clone(), b.clone(), now.clone()],
        ),
        (
            "INSERT INTO device_events (id, device_id, business_id, at, kind, summary) \
             VALUES (gen_random_uuid(), ?, ?, ?, 'registered', 'Registered')",
            vec![device.clone(), b.clone(), now.clone()],
        ),
        (
            "INSERT INTO error_reports (id, device_id, business_id, fingerprint, error_type, error_message, search_text, \
             details, agent_version, occurrences, first_at, last_at, state, report_ids) \
             VALUES (gen_random_uuid(), ?, ?, 'f', 'other', 'm', 'm', 'null', '1', 1, ?, ?, 'new', '')",
            vec![device, b.clone(), now.clone(), now.clone()],
        ),
        (
            "INSERT INTO api_keys (id, business_id, user_id, key_name, secret_hash, hint, permissions, allowed_networks, \
             created_by, created_at, expires_at) VALUES (gen_random_uuid(), ?, ?, 'key', ?, '', '[]', '[]', ?, ?, ?)",
            vec![b.clone(), u.clone(), text("key"), u, now.clone(), now.clone()],
        ),
        (
            "INSERT INTO oidc_providers (id, business_id, provider_name, issuer, client_id, asks_for_factor, is_active, \
             created_at) VALUES (gen_random_uuid(), ?, 'p', 'https://id.example', 'c', FALSE, TRUE, ?)",
            vec![b, now],
        ),
    ];
    for (sql, values) in inserts {
        execute(&db, sql, values).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

async fn filled() -> Estate {
    let estate = Estate::on(Engine::Postgres).await;
    fill(&estate, estate.ours, "ours").await;
    fill(&estate, estate.theirs, "theirs").await;
    let db = estate.raw().await;
    let sql = "INSERT INTO users (id, email, full_name, role, password_hash, must_change_password, is_active, created_at) \
               VALUES (gen_random_uuid(), 'msp', 'Somebody', 'technician', '', FALSE, TRUE, now())";
    execute(&db, sql, []).await.expect("one of the MSP's own");
    estate
}

/// How many rows of a table are this business's, and how many are not, by a query that filters nothing.
async fn seen(db: &impl ConnectionTrait, table: (&str, &str), business: BusinessId) -> (i64, i64) {
    let (name, whose) = table;
    let own = format!("SELECT count(*) FROM {name} WHERE {whose} = ?");
    let all = number(db, &format!("SELECT count(*) FROM {name}"), []).await;
    let own = number(db, &own, [business.into()]).await;
    (own, all - own)
}

#[tokio::test]
async fn a_query_without_a_filter_finds_their_own_rows_alone() {
    let estate = filled().await;
    let everything = estate.store.db();
    let ours = estate.db_of(estate.ours);
    for table in TABLES {
        let (own, others) = seen(everything, table, estate.ours).await;
        assert!(own > 0 && others > 0, "{}: there has to be something to see", table.0);
        assert_eq!(seen(&ours, table, estate.ours).await, (own, 0), "{}", table.0);
    }
    // The same as a verb would forget it.
    let devices = device::Entity::find().all(&ours).await.expect("rows");
    assert!(devices.len() == 1 && devices.iter().all(|row| row.business_id == estate.ours));
    assert!(
        user::Entity::find()
            .all(&ours)
            .await
            .expect("rows")
            .iter()
            .all(|row| row.business_id == Some(estate.ours))
    );
    assert_eq!(business::Entity::find().all(&ours).await.expect("rows").len(), 1);
    assert_eq!(device_latest::Entity::find().all(&ours).await.expect("rows").len(), 1);
    let entries = audit_entry::Entity::find().all(&ours).await.expect("rows");
    assert!(!entries.is_empty() && entries.iter().all(|row| row.business_id == Some(estate.ours)));
}

#[tokio::test]
async fn a_change_without_a_filter_changes_their_own_rows_alone() {
    let estate = filled().await;
    let (ours, theirs) = (estate.db_of(estate.ours), estate.theirs);
    for (sql, rows) in [
        ("UPDATE agent_devices SET device_name = 'Mine'", 1),
        ("UPDATE users SET full_name = 'Mine'", 1),
        ("UPDATE agent_metrics SET cpu_percent = 2.0", 1),
        ("DELETE FROM device_events", 1),
        ("DELETE FROM device_latest", 1),
    ] {
        assert_eq!(execute(&ours, sql, []).await.expect("runs"), rows, "{sql}");
    }
    let theirs_of_it: Value = theirs.into();
    for sql in [
        "INSERT INTO service_locations VALUES (gen_random_uuid(), ?, 'Theirs', NULL, NULL, NULL, FALSE, now())",
        "UPDATE service_locations SET business_id = ?",
        "UPDATE users SET business_id = ?",
        "INSERT INTO businesses (id, business_name, created_at) SELECT gen_random_uuid(), ?::text, now()",
    ] {
        let why = execute(&ours, sql, [theirs_of_it.clone()]).await.expect_err(sql).to_string();
        assert!(why.contains("row-level security"), "{sql}: {why}");
    }
    // To nobody's is out of reach too.
    let why =
        execute(&ours, "UPDATE users SET business_id = NULL", []).await.expect_err("refused").to_string();
    assert!(why.contains("row-level security"), "{why}");
    let metrics = "INSERT INTO agent_metrics (device_key, collected_at) VALUES (2, 2)";
    assert!(execute(&ours, metrics, []).await.is_err(), "a sample of their device");
}

#[tokio::test]
async fn without_a_scope_there_is_nothing() {
    let estate = filled().await;
    // The pool itself, as a query would have it that goes round the scope.
    let bare = estate.store.db().connection();
    let nothing = estate.store.db().within(Reach::nothing().scope());
    for table in TABLES {
        assert_eq!(seen(bare, table, estate.ours).await, (0, 0), "{}: unset", table.0);
        assert_eq!(seen(&nothing, table, estate.ours).await, (0, 0), "{}: nothing", table.0);
    }
    let sql =
        "INSERT INTO service_locations VALUES (gen_random_uuid(), ?, 'New', NULL, NULL, NULL, FALSE, now())";
    assert!(execute(bare, sql, [estate.ours.into()]).await.is_err());
}

#[tokio::test]
async fn what_is_denied_is_out_of_reach_of_those_who_reach_everything() {
    let estate = filled().await;
    let but_theirs = Scope::new(true, std::iter::empty(), std::iter::once(estate.theirs));
    let but_theirs: Db = estate.store.db().within(but_theirs);
    for table in TABLES {
        let (own, others) = seen(estate.store.db(), table, estate.ours).await;
        let (seen_own, seen_others) = seen(&but_theirs, table, estate.ours).await;
        let (name, whose) = table;
        let denied = format!("SELECT count(*) FROM {name} WHERE {whose} = ?");
        assert_eq!(number(&but_theirs, &denied, [estate.theirs.into()]).await, 0, "{name}");
        assert!(seen_own == own && seen_others < others, "{name}");
    }
    assert_eq!(number(&but_theirs, "SELECT count(*) FROM users WHERE business_id IS NULL", []).await, 1);
}

/// A transaction keeps to the scope it was begun for, and nothing in it widens that by accident.
#[tokio::test]
async fn a_transaction_keeps_its_scope_to_its_end() {
    let estate = filled().await;
    let tx = estate.db_of(estate.ours).begin(TransactionOptions::default()).await.expect("begins");
    assert_eq!(seen(&tx, TABLES[4], estate.ours).await, (1, 0));
    execute(&tx, "SAVEPOINT a", []).await.expect("runs");
    assert!(execute(&tx, "SELECT 1 / 0", []).await.is_err());
    execute(&tx, "ROLLBACK TO SAVEPOINT a", []).await.expect("runs");
    assert_eq!(seen(&tx, TABLES[4], estate.ours).await, (1, 0));
    tx.rollback().await.expect("rolls back");
}
