//! The embedded database as a source of rows and as a place for them.

use super::{
    catalogue::{Column, Kind, STEPS, Table, quoted},
    failed,
    value::{Row, Value},
};
use crate::{Error, Result};
use futures::{StreamExt as _, stream::BoxStream};
use sea_orm::sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, SqliteConnection, TypeInfo as _,
    ValueRef as _, query, query_scalar, raw_sql,
    sqlite::{SqliteConnectOptions, SqliteLockingMode, SqliteRow},
};
use std::{collections::BTreeSet, path::Path, str::FromStr as _, time::Duration};

/// Values that a statement can take.
const VALUES_MAX: usize = 30_000;
/// Rows that one statement writes.
const ROWS_MAX: usize = 250;
/// Bytes that wait to be written, about.
const BYTES_MAX: usize = 4 << 20;
/// Rows that are read ahead.
const AHEAD: usize = 256;

/// A connection to an embedded database.
pub(super) struct Sqlite {
    connection: SqliteConnection,
    /// What was taken off for the time of writing: the texts that make it again.
    triggers: Vec<String>,
}

/// What the trouble is, in a sentence.
pub(super) fn trouble(what: &str, error: &sea_orm::sqlx::Error) -> Error {
    let code = error.as_database_error().and_then(|error| error.code());
    // The low byte is the kind of trouble.
    let kind = code.and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff);
    match kind {
        Some(13) => failed(format!("{what}: the disk is full")),
        Some(5) => failed(format!("{what}: another program has the database open")),
        _ => failed(format!("{what}: {error}")),
    }
}

fn unreadable(error: sea_orm::sqlx::Error) -> Error {
    trouble("the embedded database cannot be read", &error)
}

fn unwritable(error: sea_orm::sqlx::Error) -> Error {
    trouble("the embedded database cannot be written", &error)
}

/// The address of a file, whatever its name is made of.
pub(super) fn url_of(file: &Path) -> String {
    format!("sqlite://{}", file.display().to_string().replace('%', "%25").replace('?', "%3F"))
}

/// The file that an address names; none for a database that lives in memory.
pub(super) fn file_of(url: &str) -> Result<std::path::PathBuf> {
    let options = SqliteConnectOptions::from_str(url).map_err(|error| failed(error.to_string()))?;
    let file = options.get_filename().to_owned();
    if file.as_os_str().is_empty() || url.contains(":memory:") || url.contains("mode=memory") {
        return Err(failed("the database has to be a file"));
    }
    Ok(file)
}

impl Sqlite {
    /// Opens what is there, for reading; a server may be running on it. `alone`: nobody else may have it open, now or
    /// while this connection lives.
    pub(super) async fn open(url: &str, alone: bool) -> Result<Self> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|error| failed(error.to_string()))?
            .create_if_missing(false)
            .row_buffer_size(AHEAD)
            .disable_statement_logging();
        let options = if alone {
            options.locking_mode(SqliteLockingMode::Exclusive).busy_timeout(Duration::from_secs(1))
        } else {
            options.read_only(true).busy_timeout(Duration::from_secs(10))
        };
        let mut connection = SqliteConnection::connect_with(&options).await.map_err(unreadable)?;
        if alone {
            // The lock is taken with the first look.
            raw_sql("SELECT count(*) FROM sqlite_master")
                .execute(&mut connection)
                .await
                .map_err(unreadable)?;
        }
        Ok(Self { connection, triggers: Vec::new() })
    }

    /// Opens a file that nobody else knows of yet, for writing: what is lost when the machine fails is made again.
    pub(super) async fn open_new(file: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::from_str(&url_of(file))
            .map_err(|error| failed(error.to_string()))?
            .foreign_keys(false)
            .pragma("journal_mode", "OFF")
            .pragma("synchronous", "OFF")
            .pragma("cache_size", "-64000")
            .disable_statement_logging();
        let connection = SqliteConnection::connect_with(&options).await.map_err(unwritable)?;
        Ok(Self { connection, triggers: Vec::new() })
    }

    /// What a schema that was just made holds, in memory.
    pub(super) fn around(connection: SqliteConnection) -> Self {
        Self { connection, triggers: Vec::new() }
    }

    /// From here on everything is read as it is now.
    pub(super) async fn hold_still(&mut self) -> Result<()> {
        self.run("BEGIN").await?;
        // The moment is that of the first look.
        self.run("SELECT count(*) FROM sqlite_master").await
    }

    async fn run(&mut self, sql: &str) -> Result<()> {
        raw_sql(AssertSqlSafe(sql)).execute(&mut self.connection).await.map_err(unwritable)?;
        Ok(())
    }

    async fn texts(&mut self, sql: &'static str, argument: &str) -> Result<Vec<String>> {
        query_scalar(sql).bind(argument).fetch_all(&mut self.connection).await.map_err(unreadable)
    }

    /// Steps of the schema that were taken.
    pub(super) async fn steps(&mut self) -> Result<Vec<String>> {
        let there =
            self.texts("SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?", STEPS).await?;
        if there.is_empty() {
            return Ok(Vec::new());
        }
        self.texts("SELECT version FROM seaql_migrations WHERE ? <> '' ORDER BY version", STEPS).await
    }

    pub(super) async fn tables(&mut self) -> Result<Vec<Table>> {
        let names = self
            .texts(
                "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' \
                 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> ? ORDER BY name",
                STEPS,
            )
            .await?;
        let mut tables = Vec::with_capacity(names.len());
        for name in names {
            let mut columns =
                self.texts("SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0", &name).await?;
            columns.sort();
            let parents = self
                .texts("SELECT DISTINCT \"table\" FROM pragma_foreign_key_list(?)", &name)
                .await?
                .into_iter()
                .collect::<BTreeSet<_>>();
            let columns = columns.into_iter().map(|name| Column { name, kind: Kind::Any }).collect();
            tables.push(Table { name, columns, parents });
        }
        Ok(tables)
    }

    /// Rows of a table.
    pub(super) async fn count(&mut self, table: &Table) -> Result<u64> {
        let sql = format!("SELECT count(*) FROM {}", quoted(&table.name));
        let count: i64 =
            query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.connection).await.map_err(unreadable)?;
        Ok(count.unsigned_abs())
    }

    pub(super) fn rows(&mut self, table: &Table) -> BoxStream<'_, Result<Row>> {
        let sql = format!("SELECT {} FROM {}", table.column_list(), quoted(&table.name));
        query(AssertSqlSafe(sql))
            .fetch(&mut self.connection)
            .map(|row| read(&row.map_err(unreadable)?))
            .boxed()
    }

    /// Makes room in a database that was just migrated: what the steps of the schema put there comes with the rows.
    pub(super) async fn begin_filling(&mut self, tables: &[Table]) -> Result<()> {
        self.run("BEGIN").await?;
        let triggers: Vec<(String, String)> = sea_orm::sqlx::query_as(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name",
        )
        .fetch_all(&mut self.connection)
        .await
        .map_err(unreadable)?;
        for (name, sql) in triggers {
            self.run(&format!("DROP TRIGGER {}", quoted(&name))).await?;
            self.triggers.push(sql);
        }
        for table in tables {
            self.run(&format!("DELETE FROM {}", quoted(&table.name))).await?;
        }
        Ok(())
    }

    /// Begins to write rows of a table.
    pub(super) fn fill(&mut self, table: &Table) -> Filling<'_> {
        let columns = table.columns.len();
        Filling {
            connection: &mut self.connection,
            head: format!("INSERT INTO {} ({}) VALUES ", quoted(&table.name), table.column_list()),
            tuple: format!("({})", crate::store::placeholders(columns)),
            at_once: (VALUES_MAX / columns.max(1)).clamp(1, ROWS_MAX),
            rows: Vec::new(),
            bytes: 0,
        }
    }

    /// Puts back what was taken off, and commits.
    pub(super) async fn end_filling(&mut self) -> Result<()> {
        for sql in std::mem::take(&mut self.triggers) {
            self.run(&sql).await?;
        }
        self.run("COMMIT").await
    }

    /// Writes all there is at this moment into a new file, compactly. Nobody has to wait for it.
    pub(super) async fn copy_whole(&mut self, into: &Path) -> Result<()> {
        query("VACUUM INTO ?")
            .bind(into.display().to_string())
            .execute(&mut self.connection)
            .await
            .map_err(|error| trouble("the database cannot be copied", &error))?;
        Ok(())
    }

    /// Bytes of the pages in use.
    pub(super) async fn bytes(&mut self) -> Result<u64> {
        let mut number = async |sql: &'static str| -> Result<i64> {
            query_scalar(sql).fetch_one(&mut self.connection).await.map_err(unreadable)
        };
        let pages = number("PRAGMA page_count").await? - number("PRAGMA freelist_count").await?;
        Ok((pages * number("PRAGMA page_size").await?).unsigned_abs())
    }

    pub(super) async fn close(self) -> Result<()> {
        self.connection.close().await.map_err(unwritable)
    }
}

fn read(row: &SqliteRow) -> Result<Row> {
    (0..row.len())
        .map(|index| {
            let raw = row.try_get_raw(index)?;
            if raw.is_null() {
                return Ok(Value::Null);
            }
            let kind = raw.type_info().name().to_owned();
            Ok(match kind.as_str() {
                "INTEGER" => Value::Integer(row.try_get_unchecked(index)?),
                "REAL" => Value::Real(row.try_get_unchecked(index)?),
                "TEXT" => Value::Text(row.try_get_unchecked(index)?),
                _ => Value::Bytes(row.try_get_unchecked(index)?),
            })
        })
        .collect::<sea_orm::sqlx::Result<_>>()
        .map_err(unreadable)
}

/// Rows on their way into a table, many in a statement.
pub(super) struct Filling<'c> {
    connection: &'c mut SqliteConnection,
    head: String,
    tuple: String,
    at_once: usize,
    rows: Vec<Row>,
    bytes: usize,
}

impl Filling<'_> {
    pub(super) async fn push(&mut self, row: Row) -> Result<()> {
        self.bytes += row.iter().map(Value::size).sum::<usize>();
        self.rows.push(row);
        if self.rows.len() >= self.at_once || self.bytes >= BYTES_MAX {
            self.write().await?;
        }
        Ok(())
    }

    pub(super) async fn end(mut self) -> Result<()> {
        self.write().await
    }

    async fn write(&mut self) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let is_full = self.rows.len() == self.at_once;
        let tuples = vec![self.tuple.as_str(); self.rows.len()].join(", ");
        // The statement of full batches is prepared once.
        let mut insert = query(AssertSqlSafe(format!("{}{tuples}", self.head))).persistent(is_full);
        for value in self.rows.drain(..).flatten() {
            insert = match value {
                Value::Null => insert.bind(None::<i64>),
                Value::Integer(integer) => insert.bind(integer),
                Value::Real(real) => insert.bind(real),
                Value::Text(text) => insert.bind(text),
                Value::Bytes(bytes) => insert.bind(bytes),
            };
        }
        self.bytes = 0;
        insert.execute(&mut *self.connection).await.map_err(unwritable)?;
        Ok(())
    }
}
