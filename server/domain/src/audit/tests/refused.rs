//! What the database itself does not let happen, to the product's own connection and to others.

use super::{is_whole, report};
use crate::store::tests::estate::{Engine, Estate, each_engine, run};
use sea_orm::DatabaseConnection;

/// Whatever would change, remove or replace an entry.
const CHANGES: [&str; 6] = [
    "UPDATE audit_entries SET summary = 'Nothing happened' WHERE seq = 3",
    "UPDATE audit_entries SET hash = NULL",
    "UPDATE audit_entries SET seq = 100 WHERE seq = 3",
    "DELETE FROM audit_entries WHERE seq = 3",
    "DELETE FROM audit_entries",
    "DELETE FROM audit_head",
];
const OF_POSTGRES: [&str; 2] = ["TRUNCATE audit_entries", "TRUNCATE audit_head"];
/// An insert that replaces a row deletes it without asking the triggers for deletions.
const OF_SQLITE: [&str; 5] = [
    "REPLACE INTO audit_entries SELECT * FROM audit_entries WHERE seq = 3",
    "INSERT OR REPLACE INTO audit_entries (id, at, actor_name, source_ip, action, summary, seq) \
     SELECT randomblob(16), at, 'x', 'x', 'x', 'x', 3 FROM audit_entries WHERE seq = 3",
    "INSERT INTO audit_entries SELECT * FROM audit_entries WHERE seq = 3 \
     ON CONFLICT (id) DO UPDATE SET summary = 'Nothing happened'",
    "REPLACE INTO audit_head VALUES (1, 0, '')",
    "UPDATE OR REPLACE audit_entries SET seq = 3 WHERE seq = 4",
];
/// Whatever would take the locks off.
const UNLOCKING: [&str; 7] = [
    "ALTER TABLE audit_entries DISABLE TRIGGER ALL",
    "DROP TRIGGER audit_entries_no_update ON audit_entries",
    "DROP TABLE audit_entries",
    "ALTER TABLE audit_entries DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE audit_entries NO FORCE ROW LEVEL SECURITY",
    "DROP POLICY reading ON audit_entries",
    "CREATE OR REPLACE FUNCTION reeve_sees(business uuid) RETURNS boolean LANGUAGE sql AS 'SELECT TRUE'",
];

async fn why_refused(db: &DatabaseConnection, sql: &str) -> String {
    match run(db, sql, []).await {
        Ok(rows) => panic!("{sql}: {rows} rows"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn no_connection_changes_an_entry() {
    each_engine(async |estate: Estate| {
        for number in 0..4 {
            estate.note(number).await;
        }
        let product = estate.store.db().connection();
        let other = estate.raw().await;
        let own: &[&str] = if estate.is_postgres() { &OF_POSTGRES } else { &OF_SQLITE };
        for sql in CHANGES.iter().chain(own) {
            let (by_product, by_other) = (why_refused(product, sql).await, why_refused(&other, sql).await);
            let by_trigger = |text: &str| text.contains("never") || text.contains("one head");
            assert!(by_trigger(&by_other), "{sql}: {by_other}");
            let is_denied = estate.is_postgres() && by_product.contains("permission denied");
            assert!(is_denied || by_trigger(&by_product), "{sql}: {by_product}");
        }
        if estate.is_postgres() {
            for sql in UNLOCKING {
                let why = why_refused(product, sql).await;
                assert!(why.contains("must be owner") || why.contains("permission denied"), "{sql}: {why}");
            }
        }
        is_whole(&report(&estate.url, None).await, 6);
    })
    .await;
}

/// A row without a hash may be taken up into the chain, and so may be updated; not over another one.
#[tokio::test]
async fn a_row_that_is_no_entry_cannot_take_the_place_of_one() {
    let estate = Estate::on(Engine::Sqlite).await;
    let other = estate.raw().await;
    let sql = "INSERT INTO audit_entries (id, at, actor_name, source_ip, action, summary) \
               SELECT randomblob(16), at, 'x', 'x', 'x', 'x' FROM audit_entries WHERE seq = 1";
    run(&other, sql, []).await.expect("a row that is no entry");
    for sql in [
        "UPDATE OR REPLACE audit_entries SET seq = 1 WHERE hash IS NULL",
        "UPDATE OR REPLACE audit_entries SET id = (SELECT id FROM audit_entries WHERE seq = 1) WHERE hash IS NULL",
    ] {
        assert!(why_refused(&other, sql).await.contains("never"), "{sql}");
    }
}

#[tokio::test]
async fn the_head_goes_on_by_one_alone() {
    each_engine(async |estate: Estate| {
        let other = estate.raw().await;
        for sql in [
            "UPDATE audit_head SET seq = 0",
            "UPDATE audit_head SET hash = ''",
            "UPDATE audit_head SET seq = seq + 2",
        ] {
            let why = why_refused(&other, sql).await;
            assert!(why.contains("never changed") || why.contains("goes on by one"), "{sql}: {why}");
        }
    })
    .await;
}
