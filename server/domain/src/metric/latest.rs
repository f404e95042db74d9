//! The latest sample of a device, and the last hour of many as sparklines.

use crate::{
    Cx, Error, Result,
    store::{placeholders, statement},
};
use chrono::{DateTime, Utc};
use entity::{device::SPARKLINE_POINTS, metric::MetricSample, table::device_latest};
use sea_orm::{ConnectionTrait as _, EntityTrait as _, FromQueryResult, Value};
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

#[derive(FromQueryResult)]
struct Slot {
    device_key: i64,
    slot: i64,
    value: f64,
}

/// Use of processors over the last hour, for each device that has any.
#[expect(clippy::cast_possible_truncation, reason = "a percentage in a picture of 20 pixels")]
pub(crate) async fn sparklines(cx: &Cx, keys: &[i64]) -> Result<HashMap<i64, Vec<Option<f32>>>> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let points = SPARKLINE_POINTS as i64;
    // The last point is the interval that is running.
    let first = cx.store().now().timestamp_millis() / POINT_MILLISECONDS - points + 1;
    let sql = format!(
        "SELECT device_key, collected_at / {POINT_MILLISECONDS} AS slot, avg(cpu_percent) AS value \
         FROM agent_metrics WHERE device_key IN ({}) AND collected_at >= ? AND cpu_percent IS NOT NULL \
         GROUP BY device_key, collected_at / {POINT_MILLISECONDS}",
        placeholders(keys.len())
    );
    let values = keys.iter().map(|key| Value::from(*key)).chain([(first * POINT_MILLISECONDS).into()]);
    let mut lines: HashMap<i64, Vec<Option<f32>>> = HashMap::new();
    for row in cx.db().query_all_raw(statement(cx.db().get_database_backend(), &sql, values)).await? {
        let slot = Slot::from_query_result(&row, "")?;
        let line = lines.entry(slot.device_key).or_insert_with(|| vec![None; SPARKLINE_POINTS]);
        if let Some(point) = usize::try_from(slot.slot - first).ok().and_then(|index| line.get_mut(index)) {
            *point = Some(slot.value as f32);
        }
    }
    Ok(lines)
}
