//! The list of devices: filtered, sorted and paged by the database, by keyset.

use super::order::{DEVICES, LATEST, Order, Part};
use crate::{
    Cx, Error, Result, metric,
    store::{
        keyset::{limit_of, pattern},
        statement,
    },
};
use chrono::{DateTime, Utc};
use entity::{
    device::{DeviceQuery, DeviceRow, DeviceSort, DeviceState, SPARKLINE_POINTS},
    id::{BusinessId, DeviceId, ServiceLocationId},
    page::Page,
    platform::Os,
    presence::Presence,
};
use sea_orm::{ConnectionTrait as _, FromQueryResult, QueryResult, Value};

/// Devices within reach that match the query.
///
/// # Errors
/// Invalid names the field of the query.
pub async fn list(cx: &Cx, query: &DeviceQuery) -> Result<Page<DeviceRow>> {
    let limit = limit_of(query.limit)? as usize;
    let mut narrow = Narrow::within(cx);
    filter(&mut narrow, query)?;
    let order = Order::new(query.sort.unwrap_or(DeviceSort::Name), query.descending);
    let parts = order.parts(query.cursor.as_deref())?;
    let total = count(cx, &narrow).await?;

    let mut found = Vec::new();
    for part in parts {
        if found.len() <= limit {
            found.extend(ask(cx, &narrow, part, limit + 1 - found.len()).await?);
        }
    }
    let is_more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = match found.last() {
        Some(last) if is_more => Some(order.cursor(last)?),
        _ => None,
    };
    let mut items = views(cx, &found)?;
    let keys = found.iter().map(|row| row.try_get("", "device_key"));
    let keys: Vec<i64> = keys.collect::<std::result::Result<_, _>>()?;
    let mut lines = metric::sparklines(cx, &keys).await?;
    for (row, key) in items.iter_mut().zip(&keys) {
        if let Some(line) = lines.remove(key) {
            row.cpu_sparkline = line;
        }
    }
    Ok(Page { items, next_cursor, total: Some(total) })
}

/// Devices that have been offline longest, without their last hour.
pub(crate) async fn longest_offline(cx: &Cx, limit: u64) -> Result<Vec<DeviceRow>> {
    let mut narrow = Narrow::within(cx);
    narrow.and("d.state = 'active' AND d.presence = 'offline'", []);
    let order = "d.presence_since ASC, d.id ASC".to_owned();
    let part = Part { from: DEVICES, conditions: Vec::new(), key: "d.name_key", order };
    views(cx, &ask(cx, &narrow, part, usize::try_from(limit).unwrap_or(usize::MAX)).await?)
}

/// Devices with the fullest disks from `percent` on, without their last hour.
pub(crate) async fn fullest_disks(cx: &Cx, percent: f64, limit: u64) -> Result<Vec<DeviceRow>> {
    let mut narrow = Narrow::within(cx);
    narrow.and("d.state = 'active' AND l.disk_percent >= ?", [percent.into()]);
    let order = "l.disk_percent DESC, l.device_key DESC".to_owned();
    let part = Part { from: LATEST, conditions: Vec::new(), key: "d.name_key", order };
    views(cx, &ask(cx, &narrow, part, usize::try_from(limit).unwrap_or(usize::MAX)).await?)
}

/// Conditions on `agent_devices d` joined with `device_latest l`, with their values.
pub(crate) struct Narrow {
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Narrow {
    /// Within the reach of who asks; the only way to begin.
    pub(crate) fn within(cx: &Cx) -> Self {
        let (condition, values) = cx.reach().condition("d.business_id", "d.service_location_id");
        Self { conditions: vec![condition], values }
    }

    pub(crate) fn and(&mut self, condition: impl Into<String>, values: impl IntoIterator<Item = Value>) {
        self.conditions.push(condition.into());
        self.values.extend(values);
    }

    pub(super) fn sql(&self) -> String {
        self.conditions.join(" AND ")
    }
}

/// What is asked for, as conditions.
///
/// # Errors
/// Invalid names the field.
pub(super) fn filter(narrow: &mut Narrow, query: &DeviceQuery) -> Result<()> {
    if let Some(pattern) = pattern(query.search.as_deref())? {
        narrow.and("d.search_text LIKE ? ESCAPE '\\'", [pattern.into()]);
    }
    if let Some(id) = query.business_id {
        narrow.and("d.business_id = ?", [id.into()]);
    }
    if let Some(id) = query.service_location_id {
        narrow.and("d.service_location_id = ?", [id.into()]);
    }
    if let Some(status) = query.status {
        narrow.and("d.presence = ?", [status.word().into()]);
    }
    if let Some(os) = query.os {
        narrow.and("d.os_type = ?", [os.word().into()]);
    }
    if query.services_wrong {
        narrow.and("d.services_wrong > 0", []);
    }
    match (query.revoked, query.services_wrong) {
        (true, _) => {}
        (false, false) => narrow.and("d.state = 'active'", []),
        // Said so that no index answers it: those few devices have one of their own, in order of their names.
        (false, true) => narrow.and("(d.state = 'active') IS TRUE", []),
    }
    Ok(())
}

async fn count(cx: &Cx, narrow: &Narrow) -> Result<u64> {
    let sql = format!("SELECT count(*) AS count FROM agent_devices d WHERE {}", narrow.sql());
    let statement = statement(cx.db().get_database_backend(), &sql, narrow.values.clone());
    let row = cx.db().query_one_raw(statement).await?;
    let row = row.ok_or_else(|| Error::Internal("a count has no row".to_owned()))?;
    Ok(row.try_get::<i64>("", "count")?.unsigned_abs())
}

#[derive(FromQueryResult)]
struct Record {
    id: DeviceId,
    device_name: String,
    business_id: BusinessId,
    business_name: String,
    service_location_id: Option<ServiceLocationId>,
    location_name: Option<String>,
    os_type: Os,
    os_version: Option<String>,
    agent_version: String,
    state: DeviceState,
    presence: Presence,
    presence_since: Option<DateTime<Utc>>,
    last_seen_at: Option<DateTime<Utc>>,
    services_wrong: i64,
    cpu_percent: Option<f64>,
    memory_percent: Option<f64>,
    disk_percent: Option<f64>,
}

/// The statement that asks for the rows of one part.
pub(super) fn question(narrow: &Narrow, part: Part, limit: usize) -> (String, Vec<Value>) {
    let mut conditions = narrow.conditions.clone();
    let mut values = narrow.values.clone();
    for (condition, more) in part.conditions {
        conditions.push(condition);
        values.extend(more);
    }
    let sql = format!(
        "SELECT d.id, d.device_key, d.name_key, d.device_name, d.business_id, b.business_name, \
         d.service_location_id, s.location_name, d.os_type, d.os_version, d.agent_version, d.state, d.presence, \
         d.presence_since, d.last_seen_at, d.services_wrong, l.cpu_percent, l.memory_percent, l.disk_percent, {} AS sort_key \
         FROM {} WHERE {} ORDER BY {} LIMIT {limit}",
        part.key,
        part.from,
        conditions.join(" AND "),
        part.order
    );
    (sql, values)
}

async fn ask(cx: &Cx, narrow: &Narrow, part: Part, limit: usize) -> Result<Vec<QueryResult>> {
    let (sql, values) = question(narrow, part, limit);
    Ok(cx.db().query_all_raw(statement(cx.db().get_database_backend(), &sql, values)).await?)
}

fn views(cx: &Cx, found: &[QueryResult]) -> Result<Vec<DeviceRow>> {
    let record = |row: &QueryResult| Ok(view(cx, Record::from_query_result(row, "")?));
    found.iter().map(record).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "percentages are shown with one decimal at most")]
fn view(cx: &Cx, record: Record) -> DeviceRow {
    DeviceRow {
        last_seen_at: cx.store().tracker().last_seen_at(record.id).max(record.last_seen_at),
        id: record.id,
        device_name: record.device_name,
        business_id: record.business_id,
        business_name: record.business_name,
        service_location_id: record.service_location_id,
        location_name: record.location_name,
        os_type: record.os_type,
        os_version: record.os_version,
        agent_version: record.agent_version,
        state: record.state,
        presence: record.presence,
        presence_since: record.presence_since,
        services_wrong: record.services_wrong.unsigned_abs(),
        cpu_percent: record.cpu_percent.map(|v| v as f32),
        memory_percent: record.memory_percent.map(|v| v as f32),
        disk_percent: record.disk_percent.map(|v| v as f32),
        cpu_sparkline: vec![None; SPARKLINE_POINTS],
    }
}
