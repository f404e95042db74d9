//! The list of devices: filtered, sorted and paged by the database, by keyset.

use crate::{
    Cx, Error, Result, metric,
    store::{decode_cursor, encode_cursor, statement},
};
use chrono::{DateTime, Utc};
use entity::{
    device::{DeviceQuery, DeviceRow, DeviceSort, DeviceState, SPARKLINE_POINTS},
    id::{BusinessId, DeviceId, ServiceLocationId},
    input::SEARCH_MAX,
    page::{PAGE_SIZE, PAGE_SIZE_MAX, Page},
    platform::Os,
    presence::Presence,
    problem::Problem,
};
use sea_orm::{ConnectionTrait as _, FromQueryResult, QueryResult, Value};
use serde::{Deserialize, Serialize};

/// Devices within reach that match the query.
///
/// # Errors
/// Invalid names the field of the query.
pub async fn list(cx: &Cx, query: &DeviceQuery) -> Result<Page<DeviceRow>> {
    let limit = query.limit.unwrap_or(PAGE_SIZE);
    if !(1..=PAGE_SIZE_MAX).contains(&limit) {
        return Err(Problem::invalid("limit", format!("Between 1 and {PAGE_SIZE_MAX}.")).into());
    }
    let mut narrow = Narrow::within(cx);
    filter(&mut narrow, query)?;
    let total = count(cx, &narrow).await?;

    let sort = query.sort.unwrap_or(DeviceSort::Name);
    if let Some(cursor) = &query.cursor {
        after(&mut narrow, sort, query.descending, &decode_cursor(cursor)?)?;
    }
    let direction = if query.descending { "DESC" } else { "ASC" };
    let order = format!("{} {direction}, d.id {direction}", expression(sort));
    let mut found = rows(cx, narrow, sort, &order, u64::from(limit) + 1).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next_cursor = match found.last() {
        Some((row, key)) if more => Some(encode_cursor(&(key, row.id))?),
        _ => None,
    };
    Ok(Page { items: found.into_iter().map(|(row, _)| row).collect(), next_cursor, total: Some(total) })
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

    fn sql(&self) -> String {
        self.conditions.join(" AND ")
    }
}

fn filter(narrow: &mut Narrow, query: &DeviceQuery) -> Result<()> {
    if let Some(search) = query.search.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        if search.chars().count() > SEARCH_MAX {
            return Err(Problem::invalid("search", format!("At most {SEARCH_MAX} characters.")).into());
        }
        let pattern = search.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        narrow.and("d.search_text LIKE ? ESCAPE '\\'", [format!("%{pattern}%").into()]);
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
    if !query.revoked {
        narrow.and("d.state = 'active'", []);
    }
    Ok(())
}

/// What a sort compares; never null, so that the keyset is total.
const fn expression(sort: DeviceSort) -> &'static str {
    match sort {
        DeviceSort::Name => "lower(d.device_name)",
        DeviceSort::Status => "CASE d.presence WHEN 'offline' THEN 0 WHEN 'unknown' THEN 1 ELSE 2 END",
        DeviceSort::Business => "lower(b.business_name)",
        DeviceSort::Os => "d.os_type || ' ' || COALESCE(d.os_version, '')",
        DeviceSort::Cpu => "COALESCE(l.cpu_percent, -1.0)",
        DeviceSort::Memory => "COALESCE(l.memory_percent, -1.0)",
        DeviceSort::Disk => "COALESCE(l.disk_percent, -1.0)",
        DeviceSort::Version => "d.agent_version",
        DeviceSort::LastSeen => "COALESCE(d.last_seen_at, d.created_at)",
    }
}

/// The value of the sort expression in the last row of a page. Floats travel as bits: they must compare equal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Key {
    Text(String),
    Number(i64),
    Bits(u64),
    Time(DateTime<Utc>),
}

impl Key {
    fn read(row: &QueryResult, sort: DeviceSort) -> Result<Self> {
        Ok(match sort {
            DeviceSort::Name | DeviceSort::Business | DeviceSort::Os | DeviceSort::Version => {
                Self::Text(row.try_get("", "sort_key")?)
            }
            DeviceSort::Status => Self::Number(
                row.try_get::<i64>("", "sort_key")
                    .or_else(|_| row.try_get::<i32>("", "sort_key").map(i64::from))?,
            ),
            DeviceSort::Cpu | DeviceSort::Memory | DeviceSort::Disk => {
                Self::Bits(row.try_get::<f64>("", "sort_key")?.to_bits())
            }
            DeviceSort::LastSeen => Self::Time(row.try_get("", "sort_key")?),
        })
    }

    fn value(&self, sort: DeviceSort) -> Result<Value> {
        let text =
            matches!(sort, DeviceSort::Name | DeviceSort::Business | DeviceSort::Os | DeviceSort::Version);
        match (self, sort) {
            (Self::Text(value), _) if text => Ok(value.clone().into()),
            (Self::Number(value), DeviceSort::Status) => Ok((*value).into()),
            (Self::Bits(bits), DeviceSort::Cpu | DeviceSort::Memory | DeviceSort::Disk) => {
                Ok(f64::from_bits(*bits).into())
            }
            (Self::Time(value), DeviceSort::LastSeen) => Ok((*value).into()),
            _ => Err(Problem::invalid("cursor", "This cursor belongs to another sort order.").into()),
        }
    }
}

fn after(narrow: &mut Narrow, sort: DeviceSort, descending: bool, cursor: &(Key, DeviceId)) -> Result<()> {
    let (expression, sign) = (expression(sort), if descending { "<" } else { ">" });
    let key = cursor.0.value(sort)?;
    narrow.and(
        format!("({expression} {sign} ? OR ({expression} = ? AND d.id {sign} ?))"),
        [key.clone(), key, cursor.1.into()],
    );
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
    device_key: i64,
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
    cpu_percent: Option<f64>,
    memory_percent: Option<f64>,
    disk_percent: Option<f64>,
}

/// Rows that match, in `order`, each with the value of its sort expression.
pub(crate) async fn rows(
    cx: &Cx,
    narrow: Narrow,
    sort: DeviceSort,
    order: &str,
    limit: u64,
) -> Result<Vec<(DeviceRow, Key)>> {
    let sql = format!(
        "SELECT d.id, d.device_key, d.device_name, d.business_id, b.business_name, d.service_location_id, \
         s.location_name, d.os_type, d.os_version, d.agent_version, d.state, d.presence, d.presence_since, \
         d.last_seen_at, l.cpu_percent, l.memory_percent, l.disk_percent, {} AS sort_key \
         FROM agent_devices d JOIN businesses b ON b.id = d.business_id \
         LEFT JOIN service_locations s ON s.id = d.service_location_id \
         LEFT JOIN device_latest l ON l.device_key = d.device_key \
         WHERE {} ORDER BY {order} LIMIT {limit}",
        expression(sort),
        narrow.sql()
    );
    let found = cx.db().query_all_raw(statement(cx.db().get_database_backend(), &sql, narrow.values)).await?;
    let mut records = Vec::with_capacity(found.len());
    for row in &found {
        records.push((Record::from_query_result(row, "")?, Key::read(row, sort)?));
    }
    let keys: Vec<i64> = records.iter().map(|(record, _)| record.device_key).collect();
    let mut sparklines = metric::sparklines(cx, &keys).await?;
    Ok(records
        .into_iter()
        .map(|(record, key)| {
            let line = sparklines.remove(&record.device_key).unwrap_or_else(|| vec![None; SPARKLINE_POINTS]);
            (view(cx, record, line), key)
        })
        .collect())
}

#[expect(clippy::cast_possible_truncation, reason = "percentages are shown with one decimal at most")]
fn view(cx: &Cx, record: Record, cpu_sparkline: Vec<Option<f32>>) -> DeviceRow {
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
        cpu_percent: record.cpu_percent.map(|v| v as f32),
        memory_percent: record.memory_percent.map(|v| v as f32),
        disk_percent: record.disk_percent.map(|v| v as f32),
        cpu_sparkline,
    }
}
