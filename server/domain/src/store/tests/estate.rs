//! A store on each engine with two businesses in it, and roads into its database that are not the product's.

// The tests of the server stand on the same cluster.
#[path = "../../../../tests/it/support/postgres.rs"]
mod postgres;

use crate::{
    Config, Store,
    audit::{Actor, Record},
    clock::ManualClock,
    store::{Db, Reach, statement},
};
use chrono::{DateTime, TimeZone as _, Utc};
use entity::{
    id::{BusinessId, DeviceId},
    table::business,
};
use sea_orm::{
    ActiveModelTrait as _, ConnectOptions, ConnectionTrait as _, Database, DatabaseBackend,
    DatabaseConnection, DbErr, Set, Value,
};
use std::sync::Arc;
use tempfile::TempDir;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

pub(crate) const ENGINES: [Engine; 2] = [Engine::Sqlite, Engine::Postgres];

/// A store with two businesses, each with a device: there is always a neighbour.
pub(crate) struct Estate {
    pub(crate) store: Store,
    pub(crate) url: String,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) ours: BusinessId,
    pub(crate) theirs: BusinessId,
    pub(crate) device: DeviceId,
    pub(crate) folder: TempDir,
}

/// Runs a test on SQLite, then on PostgreSQL.
pub(crate) async fn each_engine(test: impl AsyncFn(Estate)) {
    for engine in ENGINES {
        test(Estate::on(engine).await).await;
    }
}

pub(crate) fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).single().expect("a moment")
}

/// A new, empty database in a folder or in the cluster.
pub(crate) async fn database(engine: Engine, folder: &TempDir) -> String {
    match engine {
        Engine::Sqlite => format!("sqlite://{}?mode=rwc", folder.path().join("reeve.db").display()),
        Engine::Postgres => tokio::task::spawn_blocking(postgres::database).await.expect("a database"),
    }
}

/// Opens a store on a database, as the server does.
pub(crate) async fn open(url: &str, folder: &TempDir, clock: Arc<ManualClock>) -> crate::Result<Store> {
    let config = Config {
        database_url: url.to_owned(),
        data_dir: folder.path().to_owned(),
        public_url: "https://reeve.example".to_owned(),
        command_key_file: None,
    };
    Store::open(config, clock).await
}

/// A connection of one's own, as whoever the URL names: on PostgreSQL the owner of the tables.
pub(crate) async fn raw(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).max_connections(1);
    Database::connect(options).await.expect("connects")
}

/// Runs a statement.
pub(crate) async fn run(
    db: &DatabaseConnection,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<u64, DbErr> {
    let statement = statement(db.get_database_backend(), sql, values);
    Ok(db.execute_raw(statement).await?.rows_affected())
}

impl Estate {
    pub(crate) async fn on(engine: Engine) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = database(engine, &folder).await;
        let clock = Arc::new(ManualClock::new(noon()));
        let store = open(&url, &folder, Arc::clone(&clock)).await.expect("the store opens");
        let (ours, theirs) = (BusinessId::generate(), BusinessId::generate());
        let (device, other) = (DeviceId::generate(), DeviceId::generate());
        let estate = Self { store, url, clock, ours, theirs, device, folder };
        estate.add_business(ours, "Acme").await;
        estate.add_business(theirs, "Neighbour").await;
        estate.add_device(ours, device, 1).await;
        estate.add_device(theirs, other, 2).await;
        estate
    }

    /// What a person of this business would read and write through.
    pub(crate) fn db_of(&self, business: BusinessId) -> Db {
        self.store.db().within(Reach::of(business).scope())
    }

    pub(crate) async fn raw(&self) -> DatabaseConnection {
        raw(&self.url).await
    }

    async fn add_business(&self, id: BusinessId, name: &str) {
        let change = self.store.begin().await.expect("begins");
        business::ActiveModel {
            id: Set(id),
            business_name: Set(name.to_owned()),
            name_key: Set(name.to_lowercase()),
            is_active: Set(true),
            created_at: Set(noon()),
            release_channel: Set(entity::release::Channel::Stable),
        }
        .insert(&*change)
        .await
        .expect("a business");
        let record = Record::new("business.add", format!("Added the business {name}")).after(name);
        change.commit(&Actor::system("test"), Some(id), record).await.expect("committed");
    }

    async fn add_device(&self, business: BusinessId, id: DeviceId, key: i64) {
        let change = self.store.begin().await.expect("begins");
        let backend = change.get_database_backend();
        let sql = "INSERT INTO agent_devices (id, device_key, business_id, device_name, hostname, public_key, state, \
                   os_type, os_architecture, agent_version, presence, facts, samples_dropped, search_text, created_at) \
                   VALUES (?, ?, ?, ?, 'host', ?, 'active', 'linux', 'x86_64', '0.1.0', 'unknown', '{}', 0, '', ?)";
        let name = format!("device {key}");
        let values: [Value; 6] = [
            id.into(),
            key.into(),
            business.into(),
            name.as_str().into(),
            name.as_str().into(),
            noon().into(),
        ];
        change.execute_raw(statement(backend, sql, values)).await.expect("a device");
        for sql in [
            "INSERT INTO agent_metrics (device_key, collected_at, cpu_percent) VALUES (?, 1, 1.0)",
            "INSERT INTO device_latest (device_key, collected_at, received_at, sample) \
             VALUES (?, 1, '2026-11-20T12:00:00Z', '{}')",
        ] {
            change.execute_raw(statement(backend, sql, [key.into()])).await.expect("a sample");
        }
        change.commit_unattended().await.expect("committed");
    }

    /// Writes an entry, with everything in it.
    pub(crate) async fn note(&self, number: u32) {
        let change = self.store.begin().await.expect("begins");
        let record = Record::new("device.change", format!("Change number {number}"))
            .device(self.device)
            .before(serde_json::json!({"number": number}))
            .after(serde_json::json!({"number": number + 1}));
        change.commit(&Actor::system("test"), Some(self.ours), record).await.expect("committed");
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.store.db().get_database_backend() == DatabaseBackend::Postgres
    }
}
