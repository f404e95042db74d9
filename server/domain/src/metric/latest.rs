//! The latest sample of a device, and the last hour of many as sparklines.

use super::{
    aggregate::Aggregate,
    convert,
    sample::{HOUR, Tier, Unit, measure},
    shelf::IDS_PER_DEVICE,
    walk::walk,
};
use crate::{
    Cx, Error, Result,
    store::{placeholders, statement},
};
use chrono::{DateTime, Utc};
use entity::{
    device::SPARKLINE_POINTS,
    metric::{Metric, MetricSample},
    table::device_latest,
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, EntityTrait as _, Value};
use std::collections::HashMap;

/// A sample and when it came in.
pub(crate) struct LatestSample {
    pub(crate) sample: MetricSample,
    pub(crate) received_at: DateTime<Utc>,
}

/// The latest sample of a device, if there is one.
pub(crate) async fn latest(cx: &Cx, device_key: i64) -> Result<Option<LatestSample>> {
    let Some(row) = device_latest::Entity::find_by_id(device_key).one(cx.db()).await? else {
        return Ok(None);
    };
    let sample = serde_json::from_str(&row.sample)
        .map_err(|error| Error::Internal(format!("a stored sample: {error}")))?;
    Ok(Some(LatestSample { sample, received_at: row.received_at }))
}

/// Width of one point of a sparkline: together they cover an hour.
const POINT_MILLISECONDS: i64 = 60 * 60 * 1000 / SPARKLINE_POINTS as i64;

/// Use of processors over the last hour, for each device that has any.
#[expect(clippy::cast_possible_truncation, reason = "a percentage in a picture of 20 pixels")]
pub(crate) async fn sparklines(cx: &Cx, keys: &[i64]) -> Result<HashMap<i64, Vec<Option<f32>>>> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    // The last point is the interval that is running.
    let first = cx.store().now().timestamp_millis() / POINT_MILLISECONDS - SPARKLINE_POINTS as i64 + 1;
    let range = first * POINT_MILLISECONDS..i64::MAX;
    let measures = [measure(Metric::CpuPercent)];
    let columns = measures.map(|measure| measure.field as usize);
    let mut lines = HashMap::with_capacity(keys.len());
    for (device_key, payloads) in payloads(cx, keys, range.start).await? {
        let mut aggregate = Aggregate::new(POINT_MILLISECONDS, &measures, None);
        if let Err(error) = walk(&payloads, &columns, &range, &mut aggregate) {
            tracing::error!(device_key, %error, "a stored chunk of samples cannot be read");
        }
        let mut line = vec![None; SPARKLINE_POINTS];
        for interval in aggregate.finish().iter().filter(|interval| interval.figures[0].count > 0) {
            let index = usize::try_from(interval.start / POINT_MILLISECONDS - first);
            if let Some(point) = index.ok().and_then(|index| line.get_mut(index)) {
                *point = Some((interval.figures[0].mean() / Unit::Hundredths.divisor()) as f32);
            }
        }
        if line.iter().any(Option::is_some) {
            lines.insert(device_key, line);
        }
    }
    Ok(lines)
}

/// What there is of these devices since a moment of the last hours, in the order in which it counts.
async fn payloads(cx: &Cx, keys: &[i64], since: i64) -> Result<HashMap<i64, Vec<Vec<u8>>>> {
    let db = cx.db();
    let mut payloads: HashMap<i64, Vec<Vec<u8>>> = HashMap::new();
    if cx.store().writer().has_rows(cx.store()).await? {
        for key in keys {
            let rows = convert::read(db, *key, since..i64::MAX).await?;
            if let Ok(payload) = chunk::encode(Tier::Raw.number(), &rows) {
                payloads.entry(*key).or_default().push(payload);
            }
        }
    }
    let backend = db.get_database_backend();
    let list = placeholders(keys.len());
    let numbers = keys.iter().map(|key| Value::from(*key));
    // A day is settled when it has been over for longer than an hour, so that these are chunks of an hour at most.
    let starts_at = since - HOUR;
    let (chunks, mut values) = if backend == DatabaseBackend::Postgres {
        let sql = format!(
            "SELECT device_key, 0 AS source, starts_at AS place, payload FROM metric_chunks \
             WHERE device_key IN ({list}) AND tier = 0 AND starts_at > ?"
        );
        (sql, numbers.clone().chain([starts_at.into()]).collect::<Vec<_>>())
    } else {
        // The key begins with the device, so that each is found at once.
        let sql = format!(
            "SELECT chunks.device_key, 0 AS source, chunks.starts_at AS place, chunks.payload \
             FROM json_each(?) device CROSS JOIN metric_chunks chunks \
             ON chunks.id > device.value * {IDS_PER_DEVICE} + ? AND chunks.id < device.value * {IDS_PER_DEVICE} + ?"
        );
        let list = serde_json::to_string(keys).map_err(|error| Error::Internal(error.to_string()))?;
        (sql, vec![list.into(), (starts_at / 1000).into(), (IDS_PER_DEVICE / 2).into()])
    };
    let sql = format!(
        "{chunks} UNION ALL SELECT device_key, 1, arrival, payload FROM metric_batches \
         WHERE device_key IN ({list}) AND last_at >= ?"
    );
    values.extend(numbers.chain([since.into()]));
    let mut rows = Vec::new();
    for row in db.query_all_raw(statement(backend, &sql, values)).await? {
        let order = (row.try_get_by_index::<i32>(1)?, row.try_get_by_index::<i64>(2)?);
        rows.push((order, row.try_get_by_index::<i64>(0)?, row.try_get_by_index::<Vec<u8>>(3)?));
    }
    rows.sort_unstable_by_key(|(order, ..)| *order);
    for (_, device_key, payload) in rows {
        payloads.entry(device_key).or_default().push(payload);
    }
    Ok(payloads)
}
