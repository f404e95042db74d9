//! The schema against the declarations: what the database itself says is compared with what the code says.

use super::{connect, scoped::tenant_tables};
use migration::Migrator;
use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use sea_orm_migration::MigratorTrait as _;

/// Tables with a business that nobody reads by reach: who was granted what, read while a reach is made.
const NOT_BY_REACH: [&str; 0] = [];

async fn tables(db: &DatabaseConnection) -> Vec<(String, String)> {
    let sql = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
               AND name <> 'seaql_migrations' ORDER BY name";
    let statement = super::statement(db.get_database_backend(), sql, []);
    let rows = db.query_all_raw(statement).await.expect("a catalogue");
    rows.iter()
        .map(|row| (row.try_get("", "name").expect("name"), row.try_get("", "sql").expect("sql")))
        .collect()
}

async fn migrated() -> (tempfile::TempDir, DatabaseConnection) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("reeve.db").display());
    let db = connect(&url, None).await.expect("connects");
    Migrator::up(&db, None).await.expect("migrates");
    (folder, db)
}

#[tokio::test]
async fn every_table_of_a_business_declares_it() {
    let (_folder, db) = migrated().await;
    let mut in_catalogue: Vec<String> = tables(&db)
        .await
        .into_iter()
        .filter(|(_, sql)| sql.contains("business_id"))
        .map(|(name, _)| name)
        .filter(|name| !NOT_BY_REACH.contains(&name.as_str()))
        .collect();
    in_catalogue.push("businesses".to_owned());
    in_catalogue.sort();
    let mut declared = tenant_tables();
    declared.sort_unstable();
    assert_eq!(in_catalogue, declared, "a table with a business_id needs its line in store/scoped.rs");
}

#[tokio::test]
async fn the_schema_goes_down_and_up_again() {
    let (_folder, db) = migrated().await;
    let before = tables(&db).await;
    Migrator::down(&db, None).await.expect("goes down");
    assert!(tables(&db).await.is_empty());
    Migrator::up(&db, None).await.expect("goes up");
    assert_eq!(tables(&db).await, before);
}
