//! The history of a device: as many points as a chart draws, made straight from chunks, of which only the columns that
//! are asked for are decoded.

use super::{
    aggregate::Aggregate,
    convert, five_minutes,
    sample::{DAY, Measure, Tier, around, measure},
    shelf, walk,
};
use crate::{
    AgentCx, Cx, Error, Result, Store, device,
    store::{Db, statement},
};
use chrono::{DateTime, Utc};
use entity::{
    id::DeviceId,
    metric::{
        HISTORY_METRICS_MAX, HISTORY_POINTS, HISTORY_POINTS_MAX, History, HistoryQuery, Metric, Point, Series,
    },
    problem::Problem,
};
use sea_orm::{ConnectionTrait as _, Value};
use std::{collections::HashSet, ops::Range};

/// Points are no narrower than this when nobody asks for a width: samples come once a minute.
const INTERVAL_DEFAULT_MIN_SECONDS: i64 = 60;
/// Days that are read at a time, so that a year does not lie in memory at once.
const DAYS_AT_ONCE: i64 = 64;

/// The history of some metrics of a device.
///
/// # Errors
/// Not found when the device is out of reach; invalid names the field.
pub async fn history(cx: &Cx, id: DeviceId, query: &HistoryQuery) -> Result<History> {
    let device = device::find(cx, id).await?;
    read(cx.store(), cx.db(), device.device_key, query).await
}

/// How busy the processors of an agent's device were in a short time, in percent and in order.
#[expect(clippy::cast_possible_truncation, reason = "a percentage that was one before it was stored")]
pub(crate) async fn loads(
    cx: &AgentCx,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
) -> Result<Vec<(DateTime<Utc>, f32)>> {
    if start >= end {
        return Ok(Vec::new());
    }
    let query = HistoryQuery { metrics: vec![Metric::CpuPercent], start, end, interval_seconds: Some(1) };
    let store = cx.store();
    let history = read(store, store.db(), cx.device_key(), &query).await?;
    let points = history.series.into_iter().flat_map(|series| series.points);
    Ok(points.map(|point| (point.at, point.max as f32)).collect())
}

/// The history of a device that was found within reach.
pub(super) async fn read(store: &Store, db: &Db, device_key: i64, query: &HistoryQuery) -> Result<History> {
    let interval = check(query)?;
    let measures: Vec<Measure> = query.metrics.iter().map(|metric| measure(*metric)).collect();
    let range = query.start.timestamp_millis()..query.end.timestamp_millis();
    let mut aggregate = Aggregate::new(interval * 1000, &measures, None);
    let mut from = range.start;
    while from < range.end {
        let to = (around(from, DAY).start + DAYS_AT_ONCE * DAY).min(range.end);
        let found = find(store, db, device_key, from..to).await?;
        add(device_key, &found, &query.metrics, &(from..to), &mut aggregate);
        from = to;
    }
    let intervals = aggregate.finish();
    let series = query.metrics.iter().enumerate().map(|(index, metric)| {
        let divisor = measures[index].unit.divisor();
        let points = intervals.iter().filter_map(|interval| {
            let figure = interval.figures[index];
            let at = DateTime::<Utc>::from_timestamp_millis(interval.start)?;
            (figure.count > 0).then(|| Point {
                at,
                avg: figure.mean() / divisor,
                min: figure.min / divisor,
                max: figure.max / divisor,
            })
        });
        Series { metric: *metric, points: points.collect() }
    });
    Ok(History {
        start: query.start,
        end: query.end,
        interval_seconds: u32::try_from(interval).unwrap_or(u32::MAX),
        series: series.collect(),
    })
}

/// Checks the question and says how wide a point is, in seconds.
fn check(query: &HistoryQuery) -> Result<i64> {
    if query.metrics.is_empty() || query.metrics.len() > HISTORY_METRICS_MAX {
        let detail = format!("Between 1 and {HISTORY_METRICS_MAX} metrics.");
        return Err(Problem::invalid("metric", detail).into());
    }
    let range = (query.end - query.start).num_seconds();
    if range <= 0 {
        return Err(Problem::invalid("end", "Must be later than start.").into());
    }
    let interval = match query.interval_seconds {
        Some(0) => return Err(Problem::invalid("interval", "Must be at least a second.").into()),
        Some(seconds) => i64::from(seconds),
        None => (range / i64::from(HISTORY_POINTS)).max(INTERVAL_DEFAULT_MIN_SECONDS),
    };
    if range / interval > HISTORY_POINTS_MAX {
        let detail = format!("Too narrow: at most {HISTORY_POINTS_MAX} points fit into one answer.");
        return Err(Problem::invalid("interval", detail).into());
    }
    Ok(interval)
}

/// What there is of a part of a device's time.
#[derive(Default)]
struct Found {
    /// Chunks of samples in the order in which they count: those on the shelf, then what has arrived.
    raw: Vec<Vec<u8>>,
    /// Chunks of five minutes in order of time, with their day.
    kept: Vec<(i64, Vec<u8>)>,
    /// Days of which there are samples.
    raw_days: HashSet<i64>,
}

/// Reads everything in one statement: what is sealed meanwhile is seen in one place or the other and never in neither.
async fn find(store: &Store, db: &Db, device_key: i64, range: Range<i64>) -> Result<Found> {
    let mut found = Found::default();
    // First, because they go from here to there.
    if store.writer().has_rows(store).await? {
        found.raw = unconverted(db, device_key, range.clone()).await?;
    }
    let backend = db.get_database_backend();
    let (raw, mut values) = shelf::covering(backend, device_key, Tier::Raw, range.clone());
    let (kept, kept_values) = shelf::covering(backend, device_key, Tier::FiveMinutes, range.clone());
    values.extend(kept_values);
    values.extend([device_key, range.start, range.end].map(Value::from));
    let sql = format!(
        "SELECT 0 AS source, starts_at AS place, payload FROM metric_chunks WHERE {raw} \
         UNION ALL SELECT 1, starts_at, payload FROM metric_chunks WHERE {kept} \
         UNION ALL SELECT 2, arrival, payload FROM metric_batches \
         WHERE device_key = ? AND last_at >= ? AND first_at < ?"
    );
    let mut rows = Vec::new();
    for row in db.query_all_raw(statement(backend, &sql, values)).await? {
        let source: i32 = row.try_get_by_index(0)?;
        rows.push((source, row.try_get_by_index::<i64>(1)?, row.try_get_by_index::<Vec<u8>>(2)?));
    }
    rows.sort_unstable_by_key(|(source, place, _)| (*source, *place));
    for (source, place, payload) in rows {
        match source {
            1 => found.kept.push((place, payload)),
            0 => {
                found.raw_days.insert(around(place, DAY).start);
                found.raw.push(payload);
            }
            _ => found.raw.push(payload),
        }
    }
    Ok(found)
}

/// Samples from before there were chunks, as chunks.
async fn unconverted(db: &Db, device_key: i64, mut range: Range<i64>) -> Result<Vec<Vec<u8>>> {
    let mut chunks = Vec::new();
    loop {
        let rows = convert::read(db, device_key, range.clone()).await?;
        let Some(last) = rows.last() else { return Ok(chunks) };
        range.start = last.at + 1;
        let payload = chunk::encode(Tier::Raw.number(), &rows);
        chunks.push(payload.map_err(|error| Error::Internal(error.to_string()))?);
    }
}

/// Adds what was found in order of time. Where samples and five minutes of them are both there, as while one is made
/// from the other, the samples count. A chunk that cannot be read makes a gap and no more.
fn add(
    device_key: i64,
    found: &Found,
    metrics: &[Metric],
    range: &Range<i64>,
    aggregate: &mut Aggregate<'_>,
) {
    let columns: Vec<_> = metrics.iter().map(|metric| measure(*metric).field as usize).collect();
    let told = |result: std::result::Result<(), chunk::DecodeError>| {
        if let Err(error) = result {
            tracing::error!(device_key, %error, "a stored chunk of samples cannot be read");
        }
    };
    let kept: Vec<_> = found.kept.iter().filter(|(day, _)| !found.raw_days.contains(day)).collect();
    // Five minutes are older than samples, but for samples that came late; those are met where they belong.
    let mut done = range.start;
    for (day, payload) in kept {
        let before = done..(*day).clamp(done, range.end);
        told(walk::walk(&found.raw, &columns, &before, aggregate));
        told(five_minutes::add(payload, metrics, range, aggregate));
        done = (day + DAY).clamp(done, range.end);
    }
    told(walk::walk(&found.raw, &columns, &(done..range.end), aggregate));
}
