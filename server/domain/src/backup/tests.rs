//! The copier over every table that there is, and over things that the schema of today does not have.

use super::{
    Destination, Origin, Source, Target,
    catalogue::{Kind, Table},
    copier,
    database::Database,
    place,
    postgres::Postgres,
    progress::Watch,
    restore,
    restore::{fill_file, fill_postgres},
    schema,
    sqlite::{self, Sqlite},
    take,
    value::{Row, Value},
};
use crate::{
    clock::ManualClock,
    store::tests::estate::{Engine, database, noon, raw, run},
};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn all() -> u32 {
    u32::try_from(schema::known().len()).expect("few")
}

async fn postgres(url: &str) -> Database {
    Database::Postgres(Box::new(Postgres::open(url).await.expect("opens")))
}

/// An empty PostgreSQL database that has taken every step, and whose owner is no master of the cluster: row-level
/// security binds them.
async fn migrated(folder: &TempDir) -> String {
    let url = database(Engine::Postgres, folder).await;
    let master = raw(&url).await;
    let name = url.split('?').next().and_then(|url| url.rsplit('/').next()).expect("a name");
    for sql in [
        format!("CREATE ROLE owner_{name} LOGIN"),
        format!("ALTER DATABASE {name} OWNER TO owner_{name}"),
        format!("ALTER SCHEMA public OWNER TO owner_{name}"),
    ] {
        run(&master, &sql, []).await.expect("prepared");
    }
    let url = url.replacen("reeve@", &format!("owner_{name}@"), 1);
    schema::migrate(&url, None).await.expect("migrates");
    url
}

/// A row for a table, in which every column has a value. All identities are the same one, and all numbers too, so that
/// whatever names a row names one that is there.
fn row_of(table: &Table) -> Row {
    let value = |kind: Kind| match kind {
        Kind::Truth | Kind::Integer2 | Kind::Integer4 | Kind::Integer8 => Value::Integer(1),
        Kind::Real4 | Kind::Real8 => Value::Real(0.5),
        Kind::Text => Value::Text("ä 'b' \"c\" \\N\n\tund".to_owned()),
        Kind::Time => Value::Text("2026-11-20T12:00:00.123456+00:00".to_owned()),
        Kind::Identity => Value::Bytes((100..116).collect()),
        Kind::Bytes => Value::Bytes(vec![0, 255, 10, 92]),
        Kind::Any => panic!("PostgreSQL says which"),
    };
    table.columns.iter().map(|column| value(column.kind)).collect()
}

/// A file of the embedded database with a row in every table that PostgreSQL has.
async fn full_file(folder: &TempDir, tables: &[Table]) -> PathBuf {
    let file = folder.path().join("full.db");
    schema::make_file(&file, all()).await.expect("made");
    let mut full = Database::Sqlite(Box::new(Sqlite::open_new(&file).await.expect("opens")));
    full.begin_filling(tables).await.expect("begins");
    for table in tables {
        let mut filling = full.fill(table).await.expect("fills");
        filling.push(row_of(table)).await.expect("a row");
        filling.end().await.expect("written");
    }
    full.end_filling(tables).await.expect("committed");
    full.close().await.expect("closes");
    file
}

async fn open(file: &Path) -> Database {
    Database::open(&sqlite::url_of(file), false).await.expect("opens")
}

async fn number(url: &str, sql: &str) -> i64 {
    use sea_orm::ConnectionTrait as _;
    let db = raw(url).await;
    let row = db.query_one_raw(crate::store::statement(db.get_database_backend(), sql, [])).await;
    row.expect("answers").expect("a row").try_get_by_index(0).expect("a number")
}

#[tokio::test]
async fn every_table_is_carried_to_the_other_engine_and_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = migrated(&folder).await;
    let tables = postgres(&url).await.tables().await.expect("tables");
    let listed = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public' \
                  AND table_name <> 'seaql_migrations'";
    assert_eq!(i64::try_from(tables.len()).expect("few"), number(&url, listed).await, "a table is not seen");

    let file = full_file(&folder, &tables).await;
    let mut source = open(&file).await;
    let watch = Watch::silent();
    let there = fill_postgres(&mut source, &url, &watch).await.expect("carried");
    assert_eq!(there.len(), tables.len());
    for table in &there {
        assert_eq!(table.rows, 1, "{} was not carried", table.table);
    }

    // What was taken off for writing is back: policies hold the owner, and the log refuses changes.
    let db = raw(&url).await;
    let unguarded = "SELECT count(*) FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity";
    assert_eq!(number(&url, unguarded).await, 0);
    run(&db, "SELECT set_config('reeve.every', 'on', false)", []).await.expect("told");
    let refused =
        run(&db, "UPDATE audit_entries SET summary = ''", []).await.expect_err("refused").to_string();
    assert!(refused.contains("never changed"), "{refused}");
    let refused =
        run(&db, "INSERT INTO users SELECT * FROM users", []).await.expect_err("refused").to_string();
    assert!(refused.contains("duplicate"), "{refused}");

    let mut source = postgres(&url).await;
    source.hold_still(true).await.expect("still");
    let back = folder.path().join("back.db");
    let returned = fill_file(&mut source, &back, all(), &watch).await.expect("carried back");
    assert_eq!(returned, there);
    let mut back = open(&back).await;
    assert_eq!(copier::digests(&mut back, &watch).await.expect("digests"), there);
    let mut first = open(&file).await;
    assert_eq!(copier::digests(&mut first, &watch).await.expect("digests"), there);
}

#[tokio::test]
async fn a_place_that_holds_anything_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = database(Engine::Postgres, &folder).await;
    assert_eq!(place::no_rows(&url).await.expect("empty"), 0);
    run(&raw(&url).await, "CREATE TABLE notes (id uuid)", []).await.expect("made");
    let error = place::no_rows(&url).await.expect_err("refused").to_string();
    assert!(error.contains("it has notes"), "{error}");

    for (sql, named) in [
        ("INSERT INTO server_state (name, value) VALUES ('a', 'b')", "server_state has 1 rows"),
        ("UPDATE counters SET value = 7", "counters was changed"),
    ] {
        let url = migrated(&folder).await;
        assert_eq!(place::no_rows(&url).await.expect("nothing but the schema"), all());
        run(&raw(&url).await, sql, []).await.expect("changed");
        let error = place::no_rows(&url).await.expect_err("refused").to_string();
        assert!(error.contains(named), "{error}");
        let mut source = schema::example(all()).await.expect("an example");
        let error =
            fill_postgres(&mut source, &url, &Watch::silent()).await.expect_err("refused").to_string();
        assert!(error.contains(named), "{error}");
    }
}

#[tokio::test]
async fn counters_go_on_behind_the_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = migrated(&folder).await;
    let db = raw(&url).await;
    for sql in [
        "CREATE TABLE marks (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, twice BIGINT GENERATED ALWAYS AS \
         (7 * 2) STORED, note TEXT)",
        "CREATE SEQUENCE tally_seq",
        "CREATE TABLE tallies (id BIGINT NOT NULL DEFAULT nextval('tally_seq'))",
    ] {
        run(&db, sql, []).await.expect("made");
    }
    let file = folder.path().join("source.db");
    schema::make_file(&file, all()).await.expect("made");
    let source = raw(&sqlite::url_of(&file)).await;
    for sql in [
        "CREATE TABLE marks (id INTEGER PRIMARY KEY AUTOINCREMENT, twice INTEGER GENERATED ALWAYS AS (7 * 2) STORED, \
         note TEXT)",
        "CREATE TABLE tallies (id BIGINT NOT NULL)",
        "INSERT INTO marks (id, note) VALUES (41, NULL), (7, 'seven')",
        "INSERT INTO tallies VALUES (12)",
    ] {
        run(&source, sql, []).await.expect("made");
    }
    let mut target = Postgres::open(&url).await.expect("opens");
    let tables = target.tables().await.expect("tables");
    target.begin_alone(&tables).await.expect("begins");
    let mut target = Database::Postgres(Box::new(target));
    copier::copy(&mut open(&file).await, &mut target, &Watch::silent()).await.expect("carried");
    target.close().await.expect("closes");
    run(&db, "INSERT INTO marks (note) VALUES ('next')", []).await.expect("counted on");
    run(&db, "INSERT INTO tallies DEFAULT VALUES", []).await.expect("counted on");
    assert_eq!(number(&url, "SELECT max(id) FROM marks WHERE twice = 14").await, 42);
    assert_eq!(number(&url, "SELECT max(id) FROM tallies").await, 13);
}

#[tokio::test]
async fn what_cannot_be_carried_is_named_and_nothing_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let cases = [
        ("CREATE TABLE notes (id INTEGER)", "SELECT 1", "the target has no table notes"),
        ("SELECT 1", "CREATE TABLE notes (id BIGINT)", "the source has no table notes"),
        ("CREATE TABLE notes (at TEXT)", "CREATE TABLE notes (at interval)", "notes.at has a type"),
        (
            "CREATE TABLE notes AS SELECT 'a' || char(0) AS body",
            "CREATE TABLE notes (body TEXT)",
            "a value of notes.body: it holds a character of value zero",
        ),
        (
            "CREATE TABLE notes AS SELECT 1 AS body UNION SELECT 2",
            "CREATE TABLE notes (body BIGINT CHECK (body < 2))",
            "PostgreSQL refuses the rows of notes",
        ),
    ];
    for (number_of, (on_source, on_target, named)) in cases.into_iter().enumerate() {
        let url = migrated(&folder).await;
        run(&raw(&url).await, on_target, []).await.expect("made");
        let file = folder.path().join(format!("{number_of}.db"));
        schema::make_file(&file, all()).await.expect("made");
        let source = raw(&sqlite::url_of(&file)).await;
        run(&source, on_source, []).await.expect("made");
        let sql = "INSERT INTO server_state (name, value) VALUES ('a', 'b')";
        run(&source, sql, []).await.expect("a row");
        let mut source = open(&file).await;
        let error = fill_postgres(&mut source, &url, &Watch::silent()).await.expect_err(named).to_string();
        assert!(error.contains(named), "{error}");
        assert_eq!(number(&url, "SELECT count(*) FROM server_state").await, 0, "{named}");
    }
}

/// A database that has taken the first steps only, and its keys.
async fn older(folder: &Path, level: u32) -> Source {
    std::fs::create_dir_all(folder.join("keys")).expect("made");
    std::fs::write(folder.join("keys/seal.key"), "ab".repeat(32)).expect("written");
    let file = folder.join("reeve.db");
    schema::make_file(&file, level).await.expect("made");
    Source { database_url: sqlite::url_of(&file), data_dir: Some(folder.to_owned()), with_command_keys: true }
}

#[tokio::test]
async fn an_older_backup_is_brought_up_to_date_and_a_newer_one_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = ManualClock::new(noon());
    let watch = Watch::silent();
    let source = older(folder.path(), all() - 1).await;
    let file = folder.path().join("older.tar.zst");
    let to = Destination::File { file: file.clone(), scratch: None };
    let taken = take(&source, &to, &clock, &watch).await.expect("taken");
    assert!(taken.unnoted.is_some(), "a program that is newer does not write to it");
    let data_dir = folder.path().join("restored");
    let target =
        Target { database_url: sqlite::url_of(&data_dir.join("reeve.db")), data_dir: data_dir.clone() };
    let restored = restore(&Origin::File(file), &target, &clock, &watch).await.expect("restored");
    assert!(restored.was_older);
    let mut database = open(&data_dir.join("reeve.db")).await;
    assert_eq!(database.steps().await.expect("steps"), schema::known());
    database.close().await.expect("closes");

    let later = raw(&source.database_url).await;
    run(&later, "INSERT INTO seaql_migrations VALUES ('m9999_later', 0)", []).await.expect("a step");
    let to = Destination::File { file: folder.path().join("newer.tar.zst"), scratch: None };
    let error = take(&source, &to, &clock, &watch).await.expect_err("refused").to_string();
    assert!(error.contains("newer than this program") && error.contains("m9999_later"), "{error}");
}
