//! The store: owns the connection, hands out transactions. No noun's rules live here.

mod change;
mod cursor;
mod db;
mod reading;
mod role;
mod scoped;
mod seal;
mod sql;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use change::Change;
pub(crate) use cursor::{decode as decode_cursor, encode as encode_cursor};
pub(crate) use db::{Db, Scope};
pub(crate) use reading::open_for_reading;
pub(crate) use scoped::{Reach, Tenant};
pub(crate) use sql::{placeholders, statement};

use crate::{
    Clock, Courier, Error, Mailer, Result, Web,
    access::{BreachedList, Throttle, Turns},
    audit,
    keys::Keys,
    metric::Writer,
    oidc::Directory,
    presence::Tracker,
    show_once::ShowOnce,
    user::LETTERS_UNDER_WAY_MAX,
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
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
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
    decided: watch::Sender<u64>,
    courier: OnceLock<Arc<dyn Courier>>,
    mailer: OnceLock<Arc<dyn Mailer>>,
    web: OnceLock<Arc<dyn Web>>,
    tracker: Tracker,
    writer: Writer,
    throttle: Throttle,
    directory: Directory,
    hashing: Turns,
    breached: OnceLock<Arc<BreachedList>>,
    letters_under_way: Arc<Semaphore>,
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
            decided: watch::Sender::default(),
            courier: OnceLock::new(),
            mailer: OnceLock::new(),
            web: OnceLock::new(),
            tracker,
            writer,
            throttle: Throttle::default(),
            directory: Directory::default(),
            hashing: Turns::start()?,
            breached: OnceLock::new(),
            letters_under_way: Arc::new(Semaphore::new(LETTERS_UNDER_WAY_MAX)),
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

    /// Changes whenever somebody did something that may change who may see what: a hint to ask again, sooner than by
    /// the clock.
    #[must_use]
    pub fn decisions(&self) -> watch::Receiver<u64> {
        self.0.decided.subscribe()
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

    /// Names a file of stolen passwords that nobody may choose, in the format of Pwned Passwords ordered by hash. The
    /// first to say so wins.
    ///
    /// # Errors
    /// When the file cannot be read or is none of that kind.
    pub fn set_breached_list(&self, file: &Path) -> Result<()> {
        let list = BreachedList::open(file)?;
        let _ = self.0.breached.set(Arc::new(list));
        Ok(())
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

    pub(crate) fn breached_list(&self) -> Option<&Arc<BreachedList>> {
        self.0.breached.get()
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
        begin(&db, self.now(), Some(self.0.decided.clone()), self.0.turn.as_ref()).await
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
