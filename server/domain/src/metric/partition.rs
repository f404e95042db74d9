//! Partitions on PostgreSQL: batches by the day on which they came, chunks by month. They are made ahead and dropped
//! when nothing is in them any more. The server owns no tables, so it asks functions that run as their owner.

use super::{
    append::raw_until,
    retention::Retention,
    sample::{DAY, Tier, around, days},
};
use crate::{Result, Store, store::statement};
use chrono::{DateTime, Datelike as _, Months, NaiveDate, Utc};
use sea_orm::{ConnectionTrait as _, DatabaseBackend};
use std::ops::Range;

/// The partitions of batches.
const BATCHES: &str = "batches";
/// Days that have a partition before they begin.
const DAYS_AHEAD: i64 = 3;
/// Months that have a partition before they begin.
const MONTHS_AHEAD: u32 = 2;

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    kind: &'static str,
    name: String,
    range: Range<i64>,
}

/// Makes the partitions that are needed now and soon, and drops those that are over and empty. Says how many were made
/// or dropped. Nothing on the embedded database.
pub(super) async fn keep(store: &Store) -> Result<u64> {
    if store.db().get_database_backend() != DatabaseBackend::Postgres {
        return Ok(0);
    }
    let (now, retention) = (store.now(), store.retention());
    let mut changed = 0;
    for part in needed(now, retention) {
        let sql = "SELECT CASE WHEN reeve_make_partition(?, ?, ?, ?) THEN 1::bigint ELSE 0 END";
        let values = [part.kind.into(), part.name.into(), part.range.start.into(), part.range.end.into()];
        changed += ask(store, sql, values).await?;
    }
    let now = now.timestamp_millis();
    for (kind, before) in [
        (BATCHES, now - DAY),
        (Tier::Raw.word(), raw_until(now, retention.raw_days)),
        (Tier::FiveMinutes.word(), now - days(retention.five_minute_days)),
    ] {
        changed += ask(store, "SELECT reeve_drop_partitions(?, ?)", [kind.into(), before.into()]).await?;
    }
    Ok(changed)
}

/// Each in a transaction of its own, so that none is locked for long.
async fn ask<const N: usize>(store: &Store, sql: &str, values: [sea_orm::Value; N]) -> Result<u64> {
    let row = store.db().query_one_raw(statement(DatabaseBackend::Postgres, sql, values)).await?;
    let count: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
    Ok(count.unsigned_abs())
}

fn needed(now: DateTime<Utc>, retention: Retention) -> Vec<Part> {
    let today = around(now.timestamp_millis(), DAY).start;
    let mut parts = Vec::new();
    for day in 0..=DAYS_AHEAD {
        let start = today + day * DAY;
        let name = DateTime::from_timestamp_millis(start).map(|at| at.format("%Y%m%d").to_string());
        parts.extend(name.map(|name| Part { kind: BATCHES, name, range: start..start + DAY }));
    }
    let soon = now.date_naive() + Months::new(MONTHS_AHEAD);
    let since = |days: u32| (now - chrono::Duration::days(i64::from(days) + 2)).date_naive();
    parts.extend(months(Tier::Raw, since(retention.raw_days), soon));
    if retention.five_minute_days > retention.raw_days {
        parts.extend(months(
            Tier::FiveMinutes,
            since(retention.raw_days.saturating_add(31)),
            since(retention.raw_days.saturating_sub(31)),
        ));
    }
    parts
}

/// The months from one day to another.
fn months(tier: Tier, from: NaiveDate, to: NaiveDate) -> Vec<Part> {
    let first = |date: NaiveDate| date.with_day(1);
    let start = |date: NaiveDate| date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis();
    let mut months = Vec::new();
    let mut month = first(from);
    while let Some(this) = month.filter(|month| *month <= to) {
        let next = this.checked_add_months(Months::new(1));
        if let Some(next) = next {
            let name = this.format("%Y%m").to_string();
            months.push(Part { kind: tier.word(), name, range: start(this)..start(next) });
        }
        month = next;
    }
    months
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    #[test]
    fn there_is_a_partition_for_every_moment_that_is_kept_and_for_soon() {
        let now = Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).single().expect("a moment");
        let parts = needed(now, Retention::default());
        let names = |kind: &str| -> Vec<_> {
            parts.iter().filter(|part| part.kind == kind).map(|part| part.name.as_str()).collect()
        };
        assert_eq!(names("batches"), ["20261120", "20261121", "20261122", "20261123"]);
        let raw = names("raw");
        assert_eq!((raw.first(), raw.last(), raw.len()), (Some(&"202510"), Some(&"202701"), 16));
        assert_eq!(names("five_minutes"), ["202509", "202510", "202511"]);
        for pair in parts.windows(2).filter(|pair| pair[0].kind == pair[1].kind) {
            assert_eq!(pair[0].range.end, pair[1].range.start);
        }
    }
}
