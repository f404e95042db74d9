//! Checking the chain: every hash computed anew, every link followed from the first entry to the head, in one
//! snapshot of the database and a page at a time.

use super::{chain, list};
use crate::{
    Cx, Error, Result,
    store::{self, Db, statement},
};
use entity::{
    audit::{BrokenLink, ChainReport},
    problem::Problem,
    table::{audit_entry, audit_head},
};
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseBackend, DatabaseTransaction, EntityName as _, FromQueryResult as _,
    IsolationLevel, QueryResult, TransactionOptions,
};
use tokio::sync::Semaphore;

/// Entries that are read at a time.
const PAGE: i64 = 1000;
/// Checks of people that run at the same time: each reads the whole log.
static AT_ONCE: Semaphore = Semaphore::const_new(1);

/// What `reeve verify` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The audit chain.
    pub chain: ChainReport,
    /// Rows that name a row that is not there, in words, the first few; the embedded database alone can have them.
    pub dangling: Vec<String>,
}

/// Checks the chain. With the head of an earlier report it is also known that nothing up to there was written anew.
///
/// # Errors
/// Forbidden for those who do not see all of the log; invalid names the field.
pub async fn verify(cx: &Cx, expected_head: Option<&str>) -> Result<ChainReport> {
    list::check(cx)?;
    if !cx.reach().is_everything() {
        return Err(Error::forbidden("The chain runs through every business, and you see some of them."));
    }
    let expected = parse(expected_head)?;
    let _turn = AT_ONCE.acquire().await.map_err(|error| Error::Internal(error.to_string()))?;
    check(cx.store().db(), expected).await
}

/// Checks a database from outside of the server, which may be running: reads only, migrates nothing.
///
/// # Errors
/// When the database cannot be read, or is older than the chain; invalid names the field.
pub async fn verify_database(database_url: &str, expected_head: Option<&str>) -> Result<Verification> {
    let expected = parse(expected_head)?;
    let db = store::open_for_reading(database_url).await?;
    let chain = check(&db, expected).await?;
    let dangling = dangling(&db).await?;
    Ok(Verification { chain, dangling })
}

/// A head as a report shows it.
fn parse(expected: Option<&str>) -> Result<Option<String>> {
    let Some(text) = expected.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(Some(text.to_ascii_lowercase()))
    } else {
        Err(Problem::invalid("expected_head", "A head is 64 hexadecimal digits.").into())
    }
}

async fn check(db: &Db, expected: Option<String>) -> Result<ChainReport> {
    // One snapshot: entries that are added meanwhile are not half seen.
    let is_postgres = db.get_database_backend() == DatabaseBackend::Postgres;
    let options = TransactionOptions {
        isolation_level: is_postgres.then_some(IsolationLevel::RepeatableRead),
        access_mode: is_postgres.then_some(AccessMode::ReadOnly),
        ..TransactionOptions::default()
    };
    let tx = db.begin(options).await?;
    let report = walk(&tx, expected).await;
    tx.rollback().await?;
    report
}

/// How far the walk has come.
struct Walk {
    /// Entries that were followed; the place of the last.
    seq: i64,
    /// Hash of the last.
    hash: String,
    expected: Option<String>,
    expected_at: Option<i64>,
}

async fn walk(tx: &DatabaseTransaction, expected: Option<String>) -> Result<ChainReport> {
    let backend = tx.get_database_backend();
    let head = tx
        .query_one_raw(statement(backend, "SELECT id, seq, hash FROM audit_head WHERE id = 1", []))
        .await?
        .and_then(|row| audit_head::Model::from_query_result(&row, "").ok());
    let mut walk = Walk { seq: 0, hash: String::new(), expected, expected_at: None };
    let Some(head) = head else {
        return Ok(walk.report(Some((1, "The head of the chain is missing.".to_owned()))));
    };
    let table = audit_entry::Entity.table_name();
    let sql = format!("SELECT * FROM {table} WHERE seq > ? ORDER BY seq, id LIMIT {PAGE}");
    loop {
        let rows = tx.query_all_raw(statement(backend, &sql, [walk.seq.into()])).await?;
        let is_last = rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        for row in rows {
            if let Err(reason) = walk.follow(&row, head.seq) {
                let at = walk.seq + 1;
                return Ok(walk.report(Some((at, reason))));
            }
        }
        if is_last {
            break;
        }
    }
    let broken = match walk.end(&head) {
        Some(reason) => Some(reason),
        None => outside(tx, walk.seq).await?,
    };
    let broken = broken.or_else(|| walk.rewritten());
    Ok(walk.report(broken))
}

impl Walk {
    /// Goes on to the next entry, or says what is wrong at its place.
    fn follow(&mut self, row: &QueryResult, head: i64) -> std::result::Result<(), String> {
        let place = self.seq + 1;
        let Ok(entry) = audit_entry::Model::from_query_result(row, "") else {
            return Err("The entry cannot be read: it was changed.".to_owned());
        };
        let seq = entry.seq.unwrap_or_default();
        if seq < place {
            return Err(format!("There is another entry at place {seq}: it was put in."));
        }
        if place > head {
            return Err(format!(
                "The head of the chain names entry {head}, and there is one behind it: it was put in, or the head \
                 was set back."
            ));
        }
        if seq > place {
            let which = if seq == place + 1 {
                "The entry is".to_owned()
            } else {
                format!("Entries {place} to {} are", seq - 1)
            };
            return Err(format!("{which} missing: removed from the middle of the chain."));
        }
        let Some(hash) = &entry.hash else {
            return Err("The entry has no hash: it was put in.".to_owned());
        };
        let computed = chain::digest(&entry).map_err(|error| error.to_string())?;
        if computed != *hash {
            return Err(format!(
                "The entry is not what it was when its hash was computed: it was changed. It reads now: {}",
                entry.summary
            ));
        }
        if entry.previous_hash.as_deref() != Some(self.hash.as_str()) {
            return Err(format!(
                "The entry was written behind another entry than the one that stands at place {} now: that one was \
                 changed together with its hash, exchanged, or put in.",
                self.seq
            ));
        }
        self.seq = place;
        self.hash.clone_from(hash);
        if self.expected.as_deref() == Some(hash.as_str()) {
            self.expected_at = Some(place);
        }
        Ok(())
    }

    /// Compares the end with the head.
    fn end(&self, head: &audit_head::Model) -> Option<(i64, String)> {
        if head.seq > self.seq {
            let count = head.seq - self.seq;
            let what = if count == 1 {
                "The last entry is".to_owned()
            } else {
                format!("The last {count} entries are")
            };
            return Some((self.seq + 1, format!("{what} missing: cut off the end of the chain.")));
        }
        (head.hash != self.hash).then(|| {
            (
                self.seq,
                "The head of the chain has another hash than the last entry: one of them was changed."
                    .to_owned(),
            )
        })
    }

    /// A chain that is whole in itself but does not have the head that was expected is not the same chain.
    fn rewritten(&self) -> Option<(i64, String)> {
        let expected = self.expected.as_deref().filter(|_| self.expected_at.is_none())?;
        Some((
            self.seq,
            format!(
                "The chain is whole in itself, but no entry has the hash {expected}: it was written anew."
            ),
        ))
    }

    fn report(self, broken: Option<(i64, String)>) -> ChainReport {
        ChainReport {
            entries: self.seq.unsigned_abs(),
            head: self.hash,
            expected_at: self.expected_at,
            broken: broken.map(|(seq, reason)| BrokenLink { seq, reason }),
        }
    }
}

/// Rows that the walk has not met.
async fn outside(tx: &DatabaseTransaction, walked: i64) -> Result<Option<(i64, String)>> {
    let count = format!("SELECT count(*) AS count FROM {}", audit_entry::Entity.table_name());
    let row = tx.query_one_raw(statement(tx.get_database_backend(), &count, [])).await?;
    let count: i64 = row.map(|row| row.try_get("", "count")).transpose()?.unwrap_or_default();
    Ok(match count - walked {
        0 => None,
        1 => Some((walked, "One more row stands outside of the chain: it was put in.".to_owned())),
        more => Some((walked, format!("{more} more rows stand outside of the chain: they were put in."))),
    })
}

/// Rows that name a row that is not there. PostgreSQL does not let it come to that.
async fn dangling(db: &Db) -> Result<Vec<String>> {
    if db.get_database_backend() == DatabaseBackend::Postgres {
        return Ok(Vec::new());
    }
    let sql = "SELECT \"table\" AS child, count(*) AS count, parent FROM pragma_foreign_key_check \
               GROUP BY \"table\", parent ORDER BY 1, 3 LIMIT 20";
    let rows = db.query_all_raw(statement(DatabaseBackend::Sqlite, sql, [])).await?;
    rows.iter()
        .map(|row| {
            let (child, parent): (String, String) = (row.try_get("", "child")?, row.try_get("", "parent")?);
            let count: i64 = row.try_get("", "count")?;
            Ok(format!("{count} in {child} name a row of {parent} that is not there"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_head_is_read_as_it_is_shown() {
        let head = "AB".repeat(32);
        assert_eq!(parse(Some(&format!(" {head} "))).expect("good"), Some(head.to_lowercase()));
        assert_eq!(parse(Some(" ")).expect("none"), None);
        for bad in ["abc", &"g".repeat(64), &"a".repeat(65)] {
            assert!(parse(Some(bad)).is_err(), "{bad}");
        }
    }
}
