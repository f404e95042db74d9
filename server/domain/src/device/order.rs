//! The orders of the list of devices: what they compare, where a page ends, and what stands behind that. Each is read
//! from an index. On PostgreSQL keys are compared by functions that leak nothing, or row-level security would keep
//! them from it: columns and CASE, no lower() and no ||.

use crate::{
    Result,
    store::{decode_cursor, encode_cursor, keyset::foreign_cursor},
};
use chrono::{DateTime, Utc};
use entity::{
    device::DeviceSort,
    id::{BusinessId, DeviceId},
};
use sea_orm::{QueryResult, Value};
use serde::{Deserialize, Serialize};

/// Offline first.
pub(super) const STATUS: &str = "CASE d.presence WHEN 'offline' THEN 0 WHEN 'unknown' THEN 1 ELSE 2 END";
const OS: &str = "CASE WHEN d.os_version IS NULL THEN d.os_type ELSE d.os_version END";
const LAST_SEEN: &str = "CASE WHEN d.last_seen_at IS NULL THEN d.created_at ELSE d.last_seen_at END";

/// Which tables come first.
pub(super) const DEVICES: &str = "agent_devices d JOIN businesses b ON b.id = d.business_id \
     LEFT JOIN service_locations s ON s.id = d.service_location_id \
     LEFT JOIN device_latest l ON l.device_key = d.device_key";
const BUSINESSES: &str = "businesses b JOIN agent_devices d ON d.business_id = b.id \
     LEFT JOIN service_locations s ON s.id = d.service_location_id \
     LEFT JOIN device_latest l ON l.device_key = d.device_key";
pub(super) const LATEST: &str = "device_latest l JOIN agent_devices d ON d.device_key = l.device_key \
     JOIN businesses b ON b.id = d.business_id \
     LEFT JOIN service_locations s ON s.id = d.service_location_id";

/// What a sort compares beside the device's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Text(&'static str),
    Number(&'static str),
    Time(&'static str),
    /// The name of the business, then that of the device.
    Business,
    /// A column of the latest samples; devices without a value come last, whatever the direction.
    Latest(&'static str),
}

const fn by(sort: DeviceSort) -> By {
    match sort {
        DeviceSort::Name => By::Text("d.name_key"),
        DeviceSort::Status => By::Number(STATUS),
        DeviceSort::Business => By::Business,
        DeviceSort::Os => By::Text(OS),
        DeviceSort::Cpu => By::Latest("l.cpu_percent"),
        DeviceSort::Memory => By::Latest("l.memory_percent"),
        DeviceSort::Disk => By::Latest("l.disk_percent"),
        DeviceSort::Version => By::Text("d.agent_version"),
        DeviceSort::LastSeen => By::Time(LAST_SEEN),
    }
}

/// The key of the last row of a page. Floats travel as bits: they must compare equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Key {
    Text(String),
    Number(i64),
    Time(DateTime<Utc>),
    Business(String, BusinessId, String),
    Latest(u64),
    NoLatest,
}

/// One question to the database: a list is one after the other.
pub(super) struct Part {
    /// Tables and how they are joined.
    pub(super) from: &'static str,
    /// What the rows have to be, beside what is asked for.
    pub(super) conditions: Vec<(String, Vec<Value>)>,
    /// Selected as `sort_key`.
    pub(super) key: &'static str,
    /// The order.
    pub(super) order: String,
}

/// The order that is asked for.
#[derive(Clone, Copy)]
pub(super) struct Order {
    sort: DeviceSort,
    is_descending: bool,
}

impl Order {
    pub(super) const fn new(sort: DeviceSort, is_descending: bool) -> Self {
        Self { sort, is_descending }
    }

    /// What to ask, from the beginning or behind a cursor.
    ///
    /// # Errors
    /// Invalid names the cursor.
    pub(super) fn parts(self, cursor: Option<&str>) -> Result<Vec<Part>> {
        let at = cursor.map(|cursor| self.read(cursor)).transpose()?;
        let (sign, direction) = if self.is_descending { ("<", "DESC") } else { (">", "ASC") };
        let simple = |key: &'static str, at: Option<(Value, DeviceId)>| Part {
            from: DEVICES,
            conditions: at
                .map(|(value, id)| (format!("({key}, d.id) {sign} (?, ?)"), vec![value, id.into()]))
                .into_iter()
                .collect(),
            key,
            order: format!("{key} {direction}, d.id {direction}"),
        };
        Ok(match (by(self.sort), at) {
            (By::Text(key) | By::Number(key) | By::Time(key), None) => vec![simple(key, None)],
            (By::Text(key), Some((Key::Text(text), id))) => vec![simple(key, Some((text.into(), id)))],
            (By::Number(key), Some((Key::Number(number), id))) => {
                vec![simple(key, Some((number.into(), id)))]
            }
            (By::Time(key), Some((Key::Time(time), id))) => vec![simple(key, Some((time.into(), id)))],
            (By::Business, None) => vec![by_business(sign, direction, None)],
            (By::Business, Some((Key::Business(business, of, name), id))) => {
                vec![by_business(sign, direction, Some((business, of, name, id)))]
            }
            (By::Latest(column), None) => {
                vec![measured(column, sign, direction, None), unmeasured(column, sign, direction, None)]
            }
            (By::Latest(column), Some((Key::Latest(bits), id))) => vec![
                measured(column, sign, direction, Some((f64::from_bits(bits), id))),
                unmeasured(column, sign, direction, None),
            ],
            (By::Latest(column), Some((Key::NoLatest, id))) => {
                vec![unmeasured(column, sign, direction, Some(id))]
            }
            _ => return Err(foreign_cursor()),
        })
    }

    /// The cursor behind a row.
    pub(super) fn cursor(self, row: &QueryResult) -> Result<String> {
        let key = match by(self.sort) {
            By::Text(_) => Key::Text(row.try_get("", "sort_key")?),
            // An integer of either size, as the engine likes.
            By::Number(_) => Key::Number(
                row.try_get::<i64>("", "sort_key")
                    .or_else(|_| row.try_get::<i32>("", "sort_key").map(i64::from))?,
            ),
            By::Time(_) => Key::Time(row.try_get("", "sort_key")?),
            By::Business => Key::Business(
                row.try_get("", "sort_key")?,
                row.try_get("", "business_id")?,
                row.try_get("", "name_key")?,
            ),
            By::Latest(_) => match row.try_get::<Option<f64>>("", "sort_key")? {
                Some(value) => Key::Latest(value.to_bits()),
                None => Key::NoLatest,
            },
        };
        let id: DeviceId = row.try_get("", "id")?;
        encode_cursor(&(self.word(), self.is_descending, key, id))
    }

    fn read(self, cursor: &str) -> Result<(Key, DeviceId)> {
        let (word, is_descending, key, id): (String, bool, Key, DeviceId) = decode_cursor(cursor)?;
        let is_text = |text: &str| !text.contains('\0');
        let is_sound = match &key {
            Key::Text(text) => is_text(text),
            Key::Business(business, _, name) => is_text(business) && is_text(name),
            Key::Latest(bits) => f64::from_bits(*bits).is_finite(),
            Key::Number(_) | Key::Time(_) | Key::NoLatest => true,
        };
        if word == self.word() && is_descending == self.is_descending && is_sound {
            Ok((key, id))
        } else {
            Err(foreign_cursor())
        }
    }

    fn word(self) -> String {
        format!("devices.{}", self.sort.word())
    }
}

fn by_business(sign: &str, direction: &str, at: Option<(String, BusinessId, String, DeviceId)>) -> Part {
    let conditions = at.map(|(business, of, name, id)| {
        // The first part is what an index can begin with.
        let sql = format!(
            "(b.name_key, b.id) {sign}= (?, ?) \
             AND ((b.name_key, b.id) {sign} (?, ?) OR (d.name_key, d.id) {sign} (?, ?))"
        );
        let values: [Value; 6] =
            [business.clone().into(), of.into(), business.into(), of.into(), name.into(), id.into()];
        (sql, values.into())
    });
    Part {
        from: BUSINESSES,
        conditions: conditions.into_iter().collect(),
        key: "b.name_key",
        order: format!("b.name_key {direction}, b.id {direction}, d.name_key {direction}, d.id {direction}"),
    }
}

fn measured(column: &'static str, sign: &str, direction: &str, at: Option<(f64, DeviceId)>) -> Part {
    let mut conditions = vec![(format!("{column} IS NOT NULL"), Vec::new())];
    if let Some((value, id)) = at {
        // The small key of the device that the page ended with; cursors carry the id alone.
        let key = "COALESCE((SELECT k.device_key FROM agent_devices k WHERE k.id = ?), 0)";
        let sql = format!("({column}, l.device_key) {sign} (?, {key})");
        conditions.push((sql, vec![value.into(), id.into()]));
    }
    Part {
        from: LATEST,
        conditions,
        key: column,
        order: format!("{column} {direction}, l.device_key {direction}"),
    }
}

fn unmeasured(column: &'static str, sign: &str, direction: &str, at: Option<DeviceId>) -> Part {
    let mut conditions = vec![(format!("{column} IS NULL"), Vec::new())];
    conditions.extend(at.map(|id| (format!("d.id {sign} ?"), vec![id.into()])));
    Part { from: DEVICES, conditions, key: column, order: format!("d.id {direction}") }
}
