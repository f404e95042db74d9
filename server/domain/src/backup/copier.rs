//! Carries every row of every table from one database to another of the same schema, in pieces, and compares what
//! arrived with what was sent.

use super::{
    catalogue::{Table, compare, in_order},
    database::{Database, TableDigest},
    failed,
    progress::{Progress, Watch},
    value::Value,
};
use crate::Result;
use futures::TryStreamExt as _;

/// Rows after which somebody who waits is told.
const TELL_EVERY: u64 = 512;

/// Carries everything. The source has to hold still, and the target to hold nothing but what its schema's steps made;
/// whatever goes wrong, nothing is committed.
pub(super) async fn copy(
    source: &mut Database,
    target: &mut Database,
    watch: &Watch,
) -> Result<Vec<TableDigest>> {
    let tables = source.tables().await?;
    let ordered = in_order(target.tables().await?)?;
    compare(&tables, &ordered)?;
    target.begin_filling(&ordered).await?;
    let mut sent = Vec::with_capacity(ordered.len());
    for table in &ordered {
        sent.push(carry(source, target, &tables, table, watch).await?);
    }
    for (table, sent) in ordered.iter().zip(&sent) {
        let arrived = digest(target, table, Some(sent.rows), watch).await?;
        if arrived != *sent {
            return Err(failed(format!(
                "{} rows of {} were sent and {} arrived, or they arrived as others; nothing was kept",
                sent.rows, table.name, arrived.rows
            )));
        }
    }
    target.end_filling(&ordered).await?;
    sent.sort_by(|one, other| one.table.cmp(&other.table));
    Ok(sent)
}

async fn carry(
    source: &mut Database,
    target: &mut Database,
    tables: &[Table],
    table: &Table,
    watch: &Watch,
) -> Result<TableDigest> {
    let from = tables.iter().find(|from| from.name == table.name).unwrap_or(table);
    let mut progress = Progress {
        step: "copying",
        what: table.name.clone(),
        done: 0,
        total: source.count(from).await?,
        unit: "rows",
    };
    watch.tell(&progress);
    let mut tally = table.tally();
    let mut rows = source.rows(from).await?;
    let mut filling = target.fill(table).await?;
    while let Some(row) = rows.try_next().await? {
        tally.add(&row);
        filling.push(row).await?;
        progress.done = tally.rows;
        if tally.rows.is_multiple_of(TELL_EVERY) {
            watch.tell(&progress);
        }
    }
    filling.end().await?;
    watch.tell(&progress);
    Ok(TableDigest::of(table, &tally))
}

/// Digests of every table, by name.
pub(super) async fn digests(database: &mut Database, watch: &Watch) -> Result<Vec<TableDigest>> {
    let tables = database.tables().await?;
    let mut digests = Vec::with_capacity(tables.len());
    for table in &tables {
        digests.push(digest(database, table, None, watch).await?);
    }
    digests.sort_by(|one, other| one.table.cmp(&other.table));
    Ok(digests)
}

async fn digest(
    database: &mut Database,
    table: &Table,
    expected: Option<u64>,
    watch: &Watch,
) -> Result<TableDigest> {
    let total = expected.unwrap_or_default();
    let mut progress = Progress { step: "checking", what: table.name.clone(), done: 0, total, unit: "rows" };
    watch.tell(&progress);
    let mut tally = table.tally();
    let mut rows = database.rows(table).await?;
    while let Some(row) = rows.try_next().await? {
        let row: Vec<Value> = row;
        tally.add(&row);
        progress.done = tally.rows;
        if tally.rows.is_multiple_of(TELL_EVERY) {
            watch.tell(&progress);
        }
    }
    watch.tell(&progress);
    Ok(TableDigest::of(table, &tally))
}
