//! The store: owns the connection, hands out transactions. No noun's rules live here.

mod change;
mod checkpoint;
mod cursor;
mod db;
pub mod inspect;
pub(crate) mod keyset;
mod listen;
mod package;
mod reading;
mod role;
pub mod schema;
mod scoped;
mod seal;
mod sql;
pub(crate) mod state;
mod test_mode;
#[cfg(test)]
pub(crate) mod tests;
mod told;

pub(crate) use change::Change;
use checkpoint::Checkpoints;
pub(crate) use cursor::{decode as decode_cursor, encode as encode_cursor};
#[cfg(test)]
pub(crate) use db::heard;
pub(crate) use db::{Db, Scope};
pub(crate) use reading::open_for_reading;
pub(crate) use scoped::{Reach, Tenant};
pub(crate) use seal::Seal;
pub(crate) use sql::{placeholders, statement};

use crate::{
    Clock, Courier, Error, Mailer, Result, Web,
    access::{BreachedList, Throttle, Turns},
    agent_token::CheckedTokens,
    artifact_store::ArtifactStore,
    audit,
    bus::{Ears, Mouth},
    command::signer::Signer,
    keys::Keys,
    log_entry::{KEPT_DAYS, LogWriter},
    metric::{Retention, Writer},
    node::{self, Cluster, Neighbours},
    oidc::Directory,
    presence::Tracker,
    registration::OfferedPackage,
    release::Freshness,
    report::{Greeter, REPORTS_AT_ONCE},
    telemetry::Telemetry,
    user::LETTERS_UNDER_WAY_MAX,
};
use chrono::{DateTime, Utc};
use entity::{id::NodeId, portal_event::PortalEvent};
use migration::Migrator;
use sea_orm::{
    ConnectOptions, Database, DatabaseBackend, DatabaseConnection, SqliteTransactionMode, TransactionOptions,
    sqlx::Connection as _,
};
use sea_orm_migration::MigratorTrait as _;
use std::{
    path::PathBuf,
    sync::{Arc, OnceLock, Weak},
    time::{Duration, Instant},
};
use tokio::sync::{Mutex, Semaphore, broadcast, watch};

/// Events that a slow portal page may be behind before it is told to look anew.
const EVENTS_KEPT: usize = 1024;

/// Where things are.
#[derive(Clone, Debug)]
pub struct Config {
    /// `sqlite://…` or `postgres://…`.
    pub database_url: String,
    /// Folder for keys; for the embedded database too, by default.
    pub data_dir: PathBuf,
    /// The address under which people and agents reach this server.
    pub public_url: String,
    /// File of the command keys; `command.key` among the keys when absent.
    pub command_key_file: Option<PathBuf>,
}

/// The database and everything around it that verbs need. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

/// A way back to a store that does not keep it.
pub(crate) struct WeakStore(Weak<Inner>);

impl WeakStore {
    pub(crate) fn upgrade(&self) -> Option<Store> {
        self.0.upgrade().map(Store)
    }
}

struct Inner {
    db: Db,
    /// The embedded database has one writer at a time; waiting here is fair and cannot fail.
    turn: Option<Arc<Mutex<()>>>,
    clock: Arc<dyn Clock>,
    keys: Keys,
    seal: Seal,
    signer: Signer,
    freshness: Freshness,
    artifacts: OnceLock<Arc<dyn ArtifactStore>>,
    public_url: String,
    events: broadcast::Sender<PortalEvent>,
    decided: watch::Sender<u64>,
    courier: OnceLock<Arc<dyn Courier>>,
    mailer: OnceLock<Arc<dyn Mailer>>,
    web: OnceLock<Arc<dyn Web>>,
    tracker: Tracker,
    writer: Writer,
    log_writer: LogWriter,
    greeter: Greeter,
    checked_tokens: CheckedTokens,
    checkpoints: Checkpoints,
    telemetry: Telemetry,
    retention: OnceLock<Retention>,
    offered_packages: OnceLock<Vec<OfferedPackage>>,
    logs_kept_days: OnceLock<u32>,
    test_mode: OnceLock<bool>,
    throttle: Throttle,
    directory: Directory,
    hashing: Turns,
    breached: OnceLock<Arc<BreachedList>>,
    letters_under_way: Arc<Semaphore>,
    reports: Semaphore,
    node: NodeId,
    cluster: String,
    neighbours: Neighbours,
    mouth: Mouth,
    ears: Ears,
}

impl Store {
    /// Connects, brings the schema up to date, and starts the group-commit writer.
    ///
    /// # Errors
    /// When the database cannot be reached or migrated, or the keys cannot be read.
    pub async fn open(config: Config, clock: Arc<dyn Clock>) -> Result<Self> {
        let db = prepare(&config.database_url).await?;
        let Cluster { name, keys, seal, signer } = Cluster::open(&db, &config, Arc::clone(&clock)).await?;
        let node = NodeId::generate();
        let turn = (db.connection().get_database_backend() == DatabaseBackend::Sqlite).then(Arc::default);
        let events = broadcast::Sender::new(EVENTS_KEPT);
        let checkpoints = Checkpoints::start(&config.database_url, turn.as_ref()).await?;
        let telemetry = Telemetry::default();
        let writer =
            Writer::start(db.clone(), turn.clone(), events.clone(), Arc::clone(&clock), telemetry.clone());
        let log_writer =
            LogWriter::start(db.clone(), turn.clone(), events.clone(), Arc::clone(&clock), telemetry.clone());
        let greeter = Greeter::start(db.clone(), turn.clone(), Arc::clone(&clock));
        Ok(Self(Arc::new(Inner {
            db,
            turn,
            clock,
            keys,
            seal,
            signer,
            freshness: Freshness::new(&config.data_dir),
            artifacts: OnceLock::new(),
            public_url: config.public_url.trim_end_matches('/').to_owned(),
            events,
            decided: watch::Sender::default(),
            courier: OnceLock::new(),
            mailer: OnceLock::new(),
            web: OnceLock::new(),
            tracker: Tracker::default(),
            writer,
            log_writer,
            greeter,
            checked_tokens: CheckedTokens::default(),
            throttle: Throttle::default(),
            directory: Directory::default(),
            hashing: Turns::start()?,
            breached: OnceLock::new(),
            checkpoints,
            telemetry,
            retention: OnceLock::new(),
            offered_packages: OnceLock::new(),
            logs_kept_days: OnceLock::new(),
            test_mode: OnceLock::new(),
            reports: Semaphore::new(REPORTS_AT_ONCE),
            letters_under_way: Arc::new(Semaphore::new(LETTERS_UNDER_WAY_MAX)),
            node,
            cluster: name,
            neighbours: Neighbours::default(),
            mouth: Mouth::default(),
            ears: Ears::default(),
        })))
    }

    /// The clock that this server lives by.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        self.0.clock.as_ref()
    }

    /// The address under which people and agents reach this server, without a slash at the end.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.0.public_url
    }

    /// Names this server: the digest of a public key of its own. The same in every process that shares the keys.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.0.keys.id.clone()
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// When it gives none.
    pub async fn ready(&self) -> Result<()> {
        Ok(self.0.db.connection().ping().await?)
    }

    /// Writes down what is in memory only and closes the database.
    pub async fn close(&self) {
        self.0.writer.stop().await;
        self.0.log_writer.stop().await;
        let job = crate::SystemCx::new(self, "close");
        if let Err(error) = crate::job::flush_last_seen(&job).await {
            tracing::warn!(%error, "last seen times were not written");
        }
        if let Err(error) = node::leave(self).await {
            tracing::warn!(%error, "the other servers were not told that this one ends");
        }
        if let Some(bus) = self.0.mouth.bus() {
            bus.close().await;
        }
        self.0.checkpoints.stop().await;
        if let Err(error) = self.0.db.connection().clone().close().await {
            tracing::warn!(%error, "the database did not close cleanly");
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    /// For reading whatever there is; writing goes through [`Store::begin`]. People read through [`crate::Cx::db`].
    pub(crate) fn db(&self) -> &Db {
        &self.0.db
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// Closes and opens secrets that have to be read again.
    pub(crate) fn seal(&self) -> &Seal {
        &self.0.seal
    }

    /// Signs what devices obey.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.0.signer
    }

    pub(crate) fn courier(&self) -> Option<&Arc<dyn Courier>> {
        self.0.courier.get()
    }

    pub(crate) fn mailer(&self) -> Option<&Arc<dyn Mailer>> {
        self.0.mailer.get()
    }

    pub(crate) fn web(&self) -> Option<&Arc<dyn Web>> {
        self.0.web.get()
    }

    pub(crate) fn tracker(&self) -> &Tracker {
        &self.0.tracker
    }

    /// How long samples are kept.
    pub(crate) fn retention(&self) -> Retention {
        self.0.retention.get().copied().unwrap_or_default()
    }

    pub(crate) fn checked_tokens(&self) -> &CheckedTokens {
        &self.0.checked_tokens
    }

    /// How many days log entries are kept.
    pub(crate) fn logs_kept_days(&self) -> u32 {
        self.0.logs_kept_days.get().copied().unwrap_or(KEPT_DAYS)
    }

    pub(crate) fn log_writer(&self) -> &LogWriter {
        &self.0.log_writer
    }

    pub(crate) fn greeter(&self) -> &Greeter {
        &self.0.greeter
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.0.writer
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }

    /// What providers of sign-in published.
    pub(crate) fn directory(&self) -> &Directory {
        &self.0.directory
    }

    pub(crate) fn hashing(&self) -> &Turns {
        &self.0.hashing
    }

    /// Places for letters that nobody waits for.
    pub(crate) fn letters_under_way(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.letters_under_way)
    }

    /// Turns of those who write inventories.
    pub(crate) fn reports(&self) -> &Semaphore {
        &self.0.reports
    }

    pub(crate) fn breached_list(&self) -> Option<&Arc<BreachedList>> {
        self.0.breached.get()
    }

    /// This process, among those on the database.
    pub(crate) fn node(&self) -> NodeId {
        self.0.node
    }

    /// True on the embedded database, which has one process.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.0.turn.is_some()
    }

    /// Names the database among others that share a bus.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.0.cluster
    }

    pub(crate) fn neighbours(&self) -> &Neighbours {
        &self.0.neighbours
    }

    pub(crate) fn mouth(&self) -> &Mouth {
        &self.0.mouth
    }

    pub(crate) fn ears(&self) -> &Ears {
        &self.0.ears
    }

    /// A way back to the store that does not keep it.
    pub(crate) fn downgrade(&self) -> WeakStore {
        WeakStore(Arc::downgrade(&self.0))
    }

    /// Tells open pages. Nobody listening is fine.
    pub(crate) fn publish(&self, event: PortalEvent) {
        let _ = self.0.events.send(event);
    }

    /// Begins a transaction that may write to whatever there is.
    pub(crate) async fn begin(&self) -> Result<Change> {
        self.begin_within(self.0.db.clone()).await
    }

    /// What this process counts.
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.0.telemetry
    }

    /// Begins a transaction that may write within the scope of `db`.
    pub(crate) async fn begin_within(&self, db: Db) -> Result<Change> {
        let asked = Instant::now();
        let begun = begin(&db, self.now(), Some(self.0.decided.clone()), self.0.turn.as_ref()).await;
        self.0.telemetry.write_wait_seconds.observe(asked.elapsed().as_secs_f64());
        begun
    }
}

/// Begins a transaction that may write: on the embedded database one at a time, and as a writer from the start, so
/// that it can neither starve nor fail half-way for want of the lock.
pub(crate) async fn begin(
    db: &Db,
    now: DateTime<Utc>,
    decided: Option<watch::Sender<u64>>,
    turn: Option<&Arc<Mutex<()>>>,
) -> Result<Change> {
    let guard = match turn {
        Some(turn) => Some(Arc::clone(turn).lock_owned().await),
        None => None,
    };
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    Ok(Change::new(db.begin(options).await?, now, decided, guard))
}

/// Connects, brings the schema up to date, and steps down to a role that row-level security binds.
pub(crate) async fn prepare(url: &str) -> Result<Db> {
    let owner = connect(url, None).await?;
    let connection = match update(&owner).await? {
        None => owner,
        Some(role) => {
            owner.close().await?;
            connect(url, Some(role)).await?
        }
    };
    Ok(Db::new(connection, Scope::everything()))
}

/// Brings the schema up to date, and says which role the server takes.
async fn update(owner: &DatabaseConnection) -> Result<Option<&'static str>> {
    let others_wait = node::alone_at_start(owner).await?;
    Migrator::up(owner, None).await?;
    audit::chain::begin(owner).await?;
    let role = role::prepare(owner).await?;
    if let Some(others_wait) = others_wait {
        others_wait.commit().await?;
    }
    Ok(role)
}

/// `role`: what every connection becomes, on PostgreSQL.
async fn connect(url: &str, role: Option<&'static str>) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).acquire_timeout(Duration::from_secs(10));
    if url.starts_with("sqlite:") {
        // A full disk rolls a transaction back behind the connection's back, which then counts wrongly and refuses to begin
        // another one for ever: such a connection is replaced.
        options.map_sqlx_sqlite_pool_opts(|pool| {
            pool.before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
        });
        options.max_connections(8).map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .pragma("journal_mode", "WAL")
                .pragma("wal_autocheckpoint", checkpoint::PAGES_OF_WRITER)
                .pragma("synchronous", "FULL")
                .pragma("foreign_keys", "ON")
                .pragma("cache_size", "-16000")
                .busy_timeout(Duration::from_secs(10))
        });
    } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        options.max_connections(16).map_sqlx_postgres_opts(move |postgres| match role {
            Some(role) => postgres.options([("role", role)]),
            None => postgres,
        });
    } else {
        return Err(Error::Internal("the database URL must start with sqlite: or postgres:".to_owned()));
    }
    Ok(Database::connect(options).await?)
}
