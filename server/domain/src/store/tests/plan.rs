//! Row-level security must not cost the indexes: the function that decides is taken into the query, and the tenant's
//! filter still finds its rows by index.

use super::estate::{Engine, Estate, run};
use crate::store::{Db, statement};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, Value};

async fn plan(db: &Db, sql: &str, values: Vec<Value>) -> String {
    let explain = format!("EXPLAIN (COSTS OFF) {sql}");
    let rows =
        db.query_all_raw(statement(DatabaseBackend::Postgres, &explain, values)).await.expect("a plan");
    rows.iter().map(|row| row.try_get_by_index::<String>(0).expect("a line")).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn the_tenants_filter_finds_its_rows_by_index() {
    let estate = Estate::on(Engine::Postgres).await;
    let owner = estate.raw().await;
    for sql in [
        "INSERT INTO businesses (id, business_name, created_at) \
         SELECT gen_random_uuid(), 'Business ' || n, now() FROM generate_series(1, 200) n",
        "INSERT INTO agent_devices (id, device_key, business_id, device_name, hostname, public_key, state, os_type, \
         os_architecture, agent_version, presence, facts, samples_dropped, search_text, created_at) \
         SELECT gen_random_uuid(), 1000 + row_number() OVER (), b.id, 'device ' || n, 'h', b.id::text || n, 'active', \
         'linux', 'x86_64', '0.1.0', 'online', '{}', 0, '', now() FROM businesses b, generate_series(1, 50) n",
        "INSERT INTO audit_entries (id, seq, at, actor_name, source_ip, business_id, action, summary, hash) \
         SELECT gen_random_uuid(), 1000 + row_number() OVER (), now(), 'a', 'a', business_id, 'a', 'a', 'a' \
         FROM agent_devices",
        "ANALYZE",
    ] {
        run(&owner, sql, []).await.expect("prepared");
    }
    let ours = estate.db_of(estate.ours);
    for (sql, value) in [
        ("SELECT * FROM agent_devices WHERE business_id IN (?)", Value::from(estate.ours)),
        ("SELECT * FROM agent_devices WHERE id = ?", estate.device.into()),
        (
            "SELECT * FROM audit_entries WHERE business_id IN (?) AND seq < 100000 ORDER BY seq DESC LIMIT 50",
            estate.ours.into(),
        ),
    ] {
        let plan = plan(&ours, sql, vec![value]).await;
        assert!(plan.contains("Index"), "{sql}:\n{plan}");
        assert!(!plan.contains("reeve_sees"), "the function is called for each row:\n{plan}");
    }
}
