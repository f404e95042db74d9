//! The databases that the product and the rulers run on, and how a bench looks at them from outside.

use crate::{machine, postgres::Cluster};
use anyhow::{Context, Result};
use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};
use uuid::Uuid;

/// Which engine.
#[derive(Clone)]
pub enum Engine {
    Sqlite,
    Postgres(Arc<Cluster>),
}

impl Engine {
    /// How it is called in the tables.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// The process of which the database's others are children, when it has processes of its own.
    pub fn postmaster(&self) -> Option<u32> {
        match self {
            Self::Sqlite => None,
            Self::Postgres(cluster) => cluster.postmaster().ok(),
        }
    }

    /// Processor seconds that the database's own processes have used.
    pub fn cpu_seconds(&self) -> f64 {
        self.postmaster().map_or(0.0, machine::family_cpu_seconds)
    }
}

/// One database.
#[derive(Clone)]
pub struct Database {
    pub engine: Engine,
    name: String,
    url: String,
    file: PathBuf,
}

impl Database {
    /// A new one for the product; on SQLite its file lies in the server's data folder.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(engine: &Engine, name: &str, data_dir: &Path) -> Result<Self> {
        let file = data_dir.join("reeve.db");
        let url = match engine {
            Engine::Sqlite => format!("sqlite://{}?mode=rwc", file.display()),
            Engine::Postgres(cluster) => cluster.database(name)?,
        };
        Ok(Self { engine: engine.clone(), name: name.to_owned(), url, file })
    }

    /// What `reeve --database-url` takes.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs statements without parameters.
    ///
    /// # Errors
    /// With what the database says.
    pub async fn execute(&self, sql: &str) -> Result<()> {
        match &self.engine {
            Engine::Sqlite => {
                let connection = rusqlite::Connection::open(&self.file)?;
                connection.busy_timeout(std::time::Duration::from_secs(30))?;
                Ok(connection.execute_batch(sql)?)
            }
            Engine::Postgres(cluster) => {
                Ok(connect(&cluster.settings(&self.name)).await?.batch_execute(sql).await?)
            }
        }
    }

    /// Asks for one whole number.
    ///
    /// # Errors
    /// With what the database says.
    pub async fn number(&self, sql: &str) -> Result<i64> {
        match &self.engine {
            Engine::Sqlite => {
                let connection = rusqlite::Connection::open(&self.file)?;
                Ok(connection.query_row(sql, [], |row| row.get(0))?)
            }
            Engine::Postgres(cluster) => {
                let row = connect(&cluster.settings(&self.name)).await?.query_one(sql, &[]).await?;
                Ok(row.try_get(0)?)
            }
        }
    }

    /// Bytes in use by all tables and their indexes; what was freed and not given back does not count.
    ///
    /// # Errors
    /// With what the database says.
    pub async fn used_bytes(&self) -> Result<i64> {
        match &self.engine {
            Engine::Sqlite => {
                self.number(
                    "SELECT (SELECT page_count FROM pragma_page_count()) * (SELECT page_size FROM pragma_page_size()) \
                     - (SELECT freelist_count FROM pragma_freelist_count()) * (SELECT page_size FROM pragma_page_size())",
                )
                .await
            }
            Engine::Postgres(_) => {
                self.execute("VACUUM").await?;
                self.number(
                    "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class \
                     WHERE relkind = 'r' AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')",
                )
                .await
            }
        }
    }

    /// Takes the database's file out of the system's cache. False where that is not possible from outside.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn evict(&self) -> Result<bool> {
        if !matches!(self.engine, Engine::Sqlite) {
            return Ok(false);
        }
        for end in ["", "-wal"] {
            let name = format!("{}{end}", self.file.display());
            let Ok(file) = File::open(&name) else { continue };
            rustix::fs::fdatasync(&file)?;
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)
                .with_context(|| format!("cannot evict {name}"))?;
        }
        Ok(true)
    }

    /// An id as a statement of this engine writes it.
    pub fn id(&self, id: Uuid) -> String {
        match self.engine {
            Engine::Sqlite => format!("X'{}'", id.simple()),
            Engine::Postgres(_) => format!("'{id}'"),
        }
    }
}

/// A connection that lives as long as it is used.
///
/// # Errors
/// When the cluster does not take it.
pub async fn connect(settings: &str) -> Result<tokio_postgres::Client> {
    let (session, connection) = tokio_postgres::connect(settings, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(session)
}
