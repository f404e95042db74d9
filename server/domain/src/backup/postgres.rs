//! PostgreSQL as a source of rows and as a place for them, by `COPY` in its binary form.

use super::{
    binary::{self, Decoder},
    catalogue::{Column, Kind, STEPS, Table, quoted},
    failed,
    value::{Row, Value},
};
use crate::{Error, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use sea_orm::sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgCopyIn},
    query_as, query_scalar, raw_sql,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr as _,
};

/// Bytes that are sent at a time, about.
const PIECE: usize = 256 << 10;

/// Columns that a sequence counts, by identity or by default.
const COUNTED: &str = "
    SELECT c.relname::text, a.attname::text, pg_get_serial_sequence(format('public.%I', c.relname), a.attname)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition AND a.attidentity <> ''
    UNION ALL
    SELECT c.relname::text, a.attname::text, s.oid::regclass::text
    FROM pg_attrdef d
    JOIN pg_depend p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass
    JOIN pg_class s ON s.oid = p.refobjid AND s.relkind = 'S'
    JOIN pg_class c ON c.oid = d.adrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.adnum
    WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition";

/// A connection to a PostgreSQL database.
pub(super) struct Postgres {
    connection: PgConnection,
    /// Tables whose row-level security holds their owner too, which was taken off for the time of writing.
    unforced: Vec<String>,
}

fn unreadable(error: sea_orm::sqlx::Error) -> Error {
    failed(format!("PostgreSQL cannot be read: {error}"))
}

fn unwritable(error: sea_orm::sqlx::Error) -> Error {
    failed(format!("PostgreSQL cannot be written: {error}"))
}

impl Postgres {
    pub(super) async fn open(url: &str) -> Result<Self> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| failed("the address of the PostgreSQL database is not one"))?
            .application_name("reeve backup")
            .options([
                ("statement_timeout", "0"),
                ("idle_in_transaction_session_timeout", "0"),
                ("lock_timeout", "10000"),
            ])
            .disable_statement_logging();
        let connection = PgConnection::connect_with(&options)
            .await
            .map_err(|error| failed(format!("PostgreSQL cannot be reached: {error}")))?;
        Ok(Self { connection, unforced: Vec::new() })
    }

    async fn run(&mut self, sql: &str) -> Result<()> {
        raw_sql(AssertSqlSafe(sql)).execute(&mut self.connection).await.map_err(unwritable)?;
        Ok(())
    }

    async fn texts(&mut self, sql: &'static str, argument: &str) -> Result<Vec<String>> {
        query_scalar(sql).bind(argument).fetch_all(&mut self.connection).await.map_err(unreadable)
    }

    /// From here on everything is read as it is now, whosever it is; `alone`: nobody can write meanwhile.
    pub(super) async fn hold_still(&mut self, alone: bool) -> Result<()> {
        let tables = if alone { self.tables().await? } else { Vec::new() };
        self.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        if alone {
            // Before the first look, which is the moment.
            self.lock(&tables, "SHARE").await?;
        }
        self.run("SELECT set_config('reeve.every', 'on', true)").await
    }

    async fn lock(&mut self, tables: &[Table], mode: &str) -> Result<()> {
        let names: Vec<_> = tables.iter().map(|table| format!("public.{}", quoted(&table.name))).collect();
        self.run(&format!("LOCK TABLE {} IN {mode} MODE", names.join(", "))).await.map_err(|error| {
            failed(format!("the database is in use; stop every server on it first ({error})"))
        })
    }

    /// Other connections to the same database.
    pub(super) async fn others(&mut self) -> Result<u64> {
        let count: i64 = query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
             AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
        )
        .fetch_one(&mut self.connection)
        .await
        .map_err(unreadable)?;
        Ok(count.unsigned_abs())
    }

    /// Steps of the schema that were taken.
    pub(super) async fn steps(&mut self) -> Result<Vec<String>> {
        let there = self
            .texts(
                "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename = $1",
                STEPS,
            )
            .await?;
        if there.is_empty() {
            return Ok(Vec::new());
        }
        self.texts("SELECT version::text FROM public.seaql_migrations WHERE $1 <> '' ORDER BY version", STEPS)
            .await
    }

    /// Names of everything that somebody made in the schema; what extensions brought is nobody's.
    pub(super) async fn things(&mut self) -> Result<Vec<String>> {
        self.texts(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace \
             AND relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT relispartition AND relname <> $1 \
             AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = pg_class.oid AND d.deptype = 'e') ORDER BY 1",
            STEPS,
        )
        .await
    }

    pub(super) async fn tables(&mut self) -> Result<Vec<Table>> {
        let columns: Vec<(String, String, String)> = query_as(
            "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL) \
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition \
             AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND c.relname <> $1 \
             AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') \
             ORDER BY c.relname::text COLLATE \"C\", a.attname::text COLLATE \"C\"",
        )
        .bind(STEPS)
        .fetch_all(&mut self.connection)
        .await
        .map_err(unreadable)?;
        let parents: Vec<(String, String)> = query_as(
            "SELECT c.relname::text, p.relname::text FROM pg_constraint k \
             JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid \
             WHERE k.contype = 'f' AND k.conparentid = 0 AND c.relnamespace = 'public'::regnamespace",
        )
        .fetch_all(&mut self.connection)
        .await
        .map_err(unreadable)?;
        let mut tables: BTreeMap<String, Table> = BTreeMap::new();
        for (table, column, type_name) in columns {
            let kind = Kind::of_postgres(&type_name).ok_or_else(|| {
                failed(format!("{table}.{column} has a type that cannot be carried: {type_name}"))
            })?;
            let fresh = || Table { name: table.clone(), columns: Vec::new(), parents: BTreeSet::new() };
            tables.entry(table.clone()).or_insert_with(fresh).columns.push(Column { name: column, kind });
        }
        for (child, parent) in parents {
            if let Some(table) = tables.get_mut(&child) {
                table.parents.insert(parent);
            }
        }
        Ok(tables.into_values().collect())
    }

    /// Rows of a table.
    pub(super) async fn count(&mut self, table: &Table) -> Result<u64> {
        let sql = format!("SELECT count(*) FROM public.{}", quoted(&table.name));
        let count: i64 =
            query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.connection).await.map_err(unreadable)?;
        Ok(count.unsigned_abs())
    }

    pub(super) async fn rows(&mut self, table: &Table) -> Result<BoxStream<'_, Result<Row>>> {
        let sql = format!(
            "COPY (SELECT {} FROM public.{}) TO STDOUT (FORMAT binary)",
            table.column_list(),
            quoted(&table.name)
        );
        let pieces = self.connection.copy_out_raw(&sql).await.map_err(unreadable)?.map_err(unreadable);
        let begin = (pieces, Decoder::new(table));
        let rows = futures::stream::try_unfold(begin, async |(mut pieces, mut decoder)| {
            loop {
                if let Some(row) = decoder.next()? {
                    return Ok(Some((row, (pieces, decoder))));
                }
                match pieces.try_next().await? {
                    Some(piece) => decoder.feed(&piece),
                    None if decoder.has_ended() => return Ok(None),
                    None => return Err(failed("PostgreSQL's rows end in the middle")),
                }
            }
        });
        Ok(rows.boxed())
    }

    /// Takes the database for itself, so that nothing can come in between.
    pub(super) async fn begin_alone(&mut self, tables: &[Table]) -> Result<()> {
        self.run("BEGIN; SELECT set_config('reeve.every', 'on', true)").await?;
        self.lock(tables, "ACCESS EXCLUSIVE").await
    }

    /// Makes room in a database that was just migrated: what the steps of the schema put there comes with the rows.
    /// All of it is undone unless it is committed.
    pub(super) async fn begin_filling(&mut self, tables: &[Table]) -> Result<()> {
        self.unforced = self
            .texts(
                "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace \
                 AND relforcerowsecurity AND relname <> $1",
                STEPS,
            )
            .await?;
        // `COPY` writes to no table whose policies bind it.
        for name in self.unforced.clone() {
            self.run(&format!("ALTER TABLE public.{} NO FORCE ROW LEVEL SECURITY", quoted(&name))).await?;
        }
        for table in tables {
            let name = quoted(&table.name);
            self.run(&format!("ALTER TABLE public.{name} DISABLE TRIGGER USER")).await?;
        }
        for table in tables.iter().rev() {
            self.run(&format!("DELETE FROM public.{}", quoted(&table.name))).await?;
        }
        Ok(())
    }

    /// Begins to write rows of a table.
    pub(super) async fn fill<'c>(&'c mut self, table: &'c Table) -> Result<Filling<'c>> {
        let sql = format!(
            "COPY public.{} ({}) FROM STDIN (FORMAT binary)",
            quoted(&table.name),
            table.column_list()
        );
        let copy = self.connection.copy_in_raw(&sql).await.map_err(unwritable)?;
        Ok(Filling { copy, table, waiting: binary::HEAD.to_vec() })
    }

    /// Puts back what was taken off, lets counters go on behind the rows, and commits.
    pub(super) async fn end_filling(&mut self, tables: &[Table]) -> Result<()> {
        let counted: Vec<(String, String, String)> =
            query_as(COUNTED).fetch_all(&mut self.connection).await.map_err(unreadable)?;
        for (table, column, sequence) in counted {
            let (table, column) = (quoted(&table), quoted(&column));
            self.run(&format!(
                "SELECT setval('{}', m.last) FROM (SELECT max({column}) AS last FROM public.{table}) m \
                 WHERE m.last IS NOT NULL",
                sequence.replace('\'', "''")
            ))
            .await?;
        }
        for table in tables {
            self.run(&format!("ALTER TABLE public.{} ENABLE TRIGGER USER", quoted(&table.name))).await?;
        }
        for name in std::mem::take(&mut self.unforced) {
            self.run(&format!("ALTER TABLE public.{} FORCE ROW LEVEL SECURITY", quoted(&name))).await?;
        }
        self.run("COMMIT").await?;
        // Lists are asked for the moment it starts again.
        self.run("ANALYZE").await
    }

    pub(super) async fn close(self) -> Result<()> {
        self.connection.close().await.map_err(unwritable)
    }
}

/// Rows on their way into a table.
pub(super) struct Filling<'c> {
    copy: PgCopyIn<&'c mut PgConnection>,
    table: &'c Table,
    waiting: Vec<u8>,
}

impl Filling<'_> {
    pub(super) async fn push(&mut self, row: &[Value]) -> Result<()> {
        binary::encode(self.table, row, &mut self.waiting)?;
        if self.waiting.len() >= PIECE {
            self.send().await?;
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<()> {
        self.copy.send(self.waiting.as_slice()).await.map_err(unwritable)?;
        self.waiting.clear();
        Ok(())
    }

    pub(super) async fn end(mut self) -> Result<()> {
        self.waiting.extend(binary::TAIL);
        self.send().await?;
        self.copy.finish().await.map_err(|error| {
            failed(format!("PostgreSQL refuses the rows of {}: {error}", self.table.name))
        })?;
        Ok(())
    }
}
