//! The store: owns the connection, hands out transactions. No noun's rules live here.

mod change;
mod cursor;
mod db;
mod role;
mod scoped;
mod seal;
mod sql;
#[cfg(test)]
mod tests;

pub(crate) use change::Change;
pub(crate) use cursor::{decode as decode_cursor, encode as encode_cursor};
pub(crate) use db::{Db, Scope};
pub(crate) use scoped::{Reach, Tenant};
pub(crate) use sql::{placeholders, statement};

use crate::{
    Clock, Courier, Error, Mailer, Result, Web, access::Throttle, audit, keys::Keys, metric::Writer,
    presence::Tracker, show_once::ShowOnce,
};
use chrono::{DateTime, Utc};
use entity::{
    id::{ApiKeyId, RegistrationTokenId, UserId},
    portal_event::PortalEvent,
    registration::IssuedRegistrationToken,
    user::IssuedLink,
};
use migration::Migrator;
use sea_orm::{
    ConnectOptions, Database, DatabaseBackend, DatabaseConnection, SqliteTransactionMode, TransactionOptions,
};
use sea_orm_migration::MigratorTrait as _;
use seal::Seal;
use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::sync::{Mutex, Semaphore, broadcast};

/// Events that a slow portal page may be behind before it is told to look anew.
const EVENTS_KEPT: usize = 1024;
/// Passwords hashed at the same time; each takes 19 MiB and a core.
const HASHING_AT_ONCE: usize = 2;

/// Where things are.
#[derive(Clone, Debug)]
pub struct Config {
    /// `sqlite://…` or `postgres://…`.
    pub database_url: String,
    /// Folder for keys; for the embedded database too, by default.
    pub data_dir: PathBuf,
    /// The address under which people and agents reach this server.
    pub public_url: String,
}

/// The database and everything around it that verbs need. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    db: Db,
    /// The embedded database has one writer at a time; waiting here is fair and cannot fail.
    turn: Option<Arc<Mutex<()>>>,
    clock: Arc<dyn Clock>,
    keys: Keys,
    seal: Seal,
    public_url: String,
    events: broadcast::Sender<PortalEvent>,
    courier: OnceLock<Arc<dyn Courier>>,
    mailer: OnceLock<Arc<dyn Mailer>>,
    web: OnceLock<Arc<dyn Web>>,
    tracker: Tracker,
    writer: Writer,
    throttle: Throttle,
    hashing: Semaphore,
    tokens_to_show: ShowOnce<RegistrationTokenId, IssuedRegistrationToken>,
    links_to_show: ShowOnce<UserId, IssuedLink>,
    keys_to_show: ShowOnce<ApiKeyId, String>,
}

impl Store {
    /// Connects, brings the schema up to date, and starts the group-commit writer.
    ///
    /// # Errors
    /// When the database cannot be reached or migrated, or the keys cannot be read.
    pub async fn open(config: Config, clock: Arc<dyn Clock>) -> Result<Self> {
        let keys = Keys::load_or_create(&config.data_dir)?;
        let seal = Seal::load_or_create(&config.data_dir)?;
        let db = prepare(&config.database_url).await?;
        let turn = (db.connection().get_database_backend() == DatabaseBackend::Sqlite).then(Arc::default);
        let events = broadcast::Sender::new(EVENTS_KEPT);
        let writer = Writer::start(db.clone(), turn.clone(), events.clone(), Arc::clone(&clock));
        let tracker = Tracker::load(&db, clock.now()).await?;
        Ok(Self(Arc::new(Inner {
            db,
            turn,
            clock,
            keys,
            seal,
            public_url: config.public_url.trim_end_matches('/').to_owned(),
            events,
            courier: OnceLock::new(),
            mailer: OnceLock::new(),
            web: OnceLock::new(),
            tracker,
            writer,
            throttle: Throttle::default(),
            hashing: Semaphore::new(HASHING_AT_ONCE),
            tokens_to_show: ShowOnce::default(),
            links_to_show: ShowOnce::default(),
            keys_to_show: ShowOnce::default(),
        })))
    }

    /// Everything that open pages are told.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<PortalEvent> {
        self.0.events.subscribe()
    }

    /// Says who holds the agents' sockets. The first to say so wins.
    pub fn set_courier(&self, courier: Arc<dyn Courier>) {
        // A second courier would be a programming error that loses only a nudge.
        let _ = self.0.courier.set(courier);
    }

    /// Says who sends mail; without, links are shown to those who make them. The first to say so wins.
    pub fn set_mailer(&self, mailer: Arc<dyn Mailer>) {
        let _ = self.0.mailer.set(mailer);
    }

    /// Says who reaches other servers. The first to say so wins.
    pub fn set_web(&self, web: Arc<dyn Web>) {
        let _ = self.0.web.set(web);
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
        let job = crate::SystemCx::new(self, "close");
        if let Err(error) = crate::job::flush_last_seen(&job).await {
            tracing::warn!(%error, "last seen times were not written");
        }
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

    pub(crate) fn writer(&self) -> &Writer {
        &self.0.writer
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }

    pub(crate) fn hashing(&self) -> &Semaphore {
        &self.0.hashing
    }

    pub(crate) fn tokens_to_show(&self) -> &ShowOnce<RegistrationTokenId, IssuedRegistrationToken> {
        &self.0.tokens_to_show
    }

    pub(crate) fn links_to_show(&self) -> &ShowOnce<UserId, IssuedLink> {
        &self.0.links_to_show
    }

    pub(crate) fn keys_to_show(&self) -> &ShowOnce<ApiKeyId, String> {
        &self.0.keys_to_show
    }

    /// Tells open pages. Nobody listening is fine.
    pub(crate) fn publish(&self, event: PortalEvent) {
        let _ = self.0.events.send(event);
    }

    /// Begins a transaction that may write to whatever there is.
    pub(crate) async fn begin(&self) -> Result<Change> {
        self.begin_within(self.0.db.clone()).await
    }

    /// Begins a transaction that may write within the scope of `db`.
    pub(crate) async fn begin_within(&self, db: Db) -> Result<Change> {
        begin(&db, self.now(), self.0.turn.as_ref()).await
    }
}

/// Begins a transaction that may write: on the embedded database one at a time, and as a writer from the start, so
/// that it can neither starve nor fail half-way for want of the lock.
pub(crate) async fn begin(db: &Db, now: DateTime<Utc>, turn: Option<&Arc<Mutex<()>>>) -> Result<Change> {
    let guard = match turn {
        Some(turn) => Some(Arc::clone(turn).lock_owned().await),
        None => None,
    };
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    Ok(Change::new(db.begin(options).await?, now, guard))
}

/// Connects, brings the schema up to date, and steps down to a role that row-level security binds.
async fn prepare(url: &str) -> Result<Db> {
    let owner = connect(url, None).await?;
    Migrator::up(&owner, None).await?;
    audit::chain::begin(&owner).await?;
    let connection = match role::prepare(&owner).await? {
        None => owner,
        Some(role) => {
            owner.close().await?;
            connect(url, Some(role)).await?
        }
    };
    Ok(Db::new(connection, Scope::everything()))
}

/// `role`: what every connection becomes, on PostgreSQL.
async fn connect(url: &str, role: Option<&'static str>) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).acquire_timeout(Duration::from_secs(10));
    if url.starts_with("sqlite:") {
        options.max_connections(8).map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .pragma("journal_mode", "WAL")
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
