//! The log entries, newest first, by keyset. A search looks through so many entries at a time and says where to go on:
//! no text is worth reading a month of a fleet at once.

use crate::{
    Cx, Result, device,
    store::{
        decode_cursor, encode_cursor,
        keyset::{foreign_cursor, limit_of, pattern},
        statement,
    },
};
use chrono::DateTime;
use entity::{
    id::{BusinessId, DeviceId},
    log_entry::{LogEntryView, LogLevel, LogQuery, SOURCE_MAX},
    page::Page,
    problem::Problem,
    table::device as device_table,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, FromQueryResult, QueryFilter as _, QueryResult, QuerySelect as _,
    Value,
};

/// Names the list in cursors.
const WORD: &str = "logs.newest";
/// Entries that one search looks through.
const SEARCHED: u64 = 20_000;

const MINUTE: i64 = 60_000;
const DAY: i64 = MINUTE * 60 * 24;
/// How far back the entries of some devices are looked for, one after the other, in milliseconds; then all of them.
const STEPS: [i64; 4] = [MINUTE * 15, MINUTE * 120, DAY, DAY * 10];

/// Where a page ends: the list, time, device, position.
type Position = (String, i64, i64, i64);

/// One page of the entries of a device.
///
/// # Errors
/// Not found when the device is out of reach; invalid names the field of the query.
pub async fn of_device(cx: &Cx, id: DeviceId, query: &LogQuery) -> Result<Page<LogEntryView>> {
    device::find(cx, id).await?;
    list(cx, &LogQuery { device_id: Some(id), ..query.clone() }).await
}

/// One page of the entries within reach. When a search found little among those it looked through, the page is short and
/// its cursor says where the next one goes on.
///
/// # Errors
/// Invalid names the field of the query.
pub async fn list(cx: &Cx, query: &LogQuery) -> Result<Page<LogEntryView>> {
    let limit = limit_of(query.limit)? as usize;
    let mut narrow = Narrow::within(cx);
    narrow.by(query)?;
    if let Some(id) = query.device_id {
        // By its own key the entries of one device lie in order in an index.
        let key = cx.select::<device_table::Entity>().filter(device_table::Column::Id.eq(id));
        let key = key
            .select_only()
            .column(device_table::Column::DeviceKey)
            .into_tuple::<i64>()
            .one(cx.db())
            .await?;
        let Some(key) = key else { return Ok(Page { items: Vec::new(), next_cursor: None, total: None }) };
        narrow.and("l.device_key = ?", [key.into()]);
    }
    let behind = query.cursor.as_deref().map(position).transpose()?;
    if let Some(behind) = &behind {
        narrow.behind(behind);
    }
    let is_of_some = query.business_id.is_some() || !cx.reach().is_everything();
    if is_of_some && query.device_id.is_none() {
        let now = cx.store().now().timestamp_millis();
        let to = query.to.map_or(now, |to| to.timestamp_millis());
        narrow.newest = Some(behind.map_or(now, |behind| behind.1).min(to).min(now));
    }
    let mut end = None;
    if let Some(pattern) = pattern(query.search.as_deref())? {
        end = narrow.boundary(cx).await?;
        if let Some(end) = &end {
            narrow
                .and("(l.at, l.device_key, l.position) >= (?, ?, ?)", [end.1, end.2, end.3].map(Value::from));
        }
        let (text, source) = (pattern.clone(), pattern);
        narrow.and(
            "(lower(l.message) LIKE ? ESCAPE '\\' OR lower(l.source) LIKE ? ESCAPE '\\')",
            [text.into(), source.into()],
        );
    }
    let found = narrow.ask(cx, SHOWN, limit as u64 + 1, 0).await?;
    let shown = &found[..found.len().min(limit)];
    let next_cursor = match shown.last() {
        Some(last) if found.len() > limit => Some(encode_cursor(&position_of(last)?)?),
        _ => end.as_ref().map(encode_cursor).transpose()?,
    };
    let items = shown.iter().map(|row| Ok(view(Record::from_query_result(row, "")?)));
    Ok(Page { items: items.collect::<Result<_>>()?, next_cursor, total: None })
}

const SHOWN: &str = "l.device_key, l.position, l.at, l.level, l.source, l.message, d.id AS device_id, \
                     d.device_name, d.business_id, b.business_name";
const KEY: &str = "l.device_key, l.position, l.at";

#[derive(FromQueryResult)]
struct Record {
    position: i64,
    at: i64,
    level: i16,
    source: String,
    message: String,
    device_id: DeviceId,
    device_name: String,
    business_id: BusinessId,
    business_name: String,
}

fn view(record: Record) -> LogEntryView {
    LogEntryView {
        device_id: record.device_id,
        device_name: record.device_name,
        business_id: record.business_id,
        business_name: record.business_name,
        position: record.position,
        at: DateTime::from_timestamp_millis(record.at).unwrap_or_default(),
        level: LogLevel::of_number(record.level),
        source: record.source,
        message: record.message,
    }
}

fn position_of(row: &QueryResult) -> Result<Position> {
    Ok((
        WORD.to_owned(),
        row.try_get("", "at")?,
        row.try_get("", "device_key")?,
        row.try_get("", "position")?,
    ))
}

fn position(cursor: &str) -> Result<Position> {
    let position: Position = decode_cursor(cursor)?;
    if position.0 == WORD { Ok(position) } else { Err(foreign_cursor()) }
}

/// Conditions on `agent_logs l` of `agent_devices d`, with their values.
#[derive(Clone)]
struct Narrow {
    conditions: Vec<String>,
    values: Vec<Value>,
    /// From where on to look back by steps, in milliseconds, for the entries of some devices. No index has them in order,
    /// and a database that is asked for the newest of them would sort all that they ever wrote.
    newest: Option<i64>,
}

impl Narrow {
    /// Within the reach of who asks; the only way to begin.
    fn within(cx: &Cx) -> Self {
        let (condition, values) = cx.reach().condition("d.business_id", "d.service_location_id");
        Self { conditions: vec![condition], values, newest: None }
    }

    fn and(&mut self, condition: impl Into<String>, values: impl IntoIterator<Item = Value>) {
        self.conditions.push(condition.into());
        self.values.extend(values);
    }

    fn by(&mut self, query: &LogQuery) -> Result<()> {
        if let Some(id) = query.business_id {
            self.and("d.business_id = ?", [id.into()]);
        }
        if let Some(id) = query.device_id {
            self.and("d.id = ?", [id.into()]);
        }
        // In words that the partial indexes know.
        match query.level {
            Some(LogLevel::Critical) => self.and("l.level <= 2 AND l.level <= 1", []),
            Some(LogLevel::Error) => self.and("l.level <= 2", []),
            Some(LogLevel::Warn) | None => {}
        }
        if let Some(source) = query.source.as_deref().filter(|source| !source.is_empty()) {
            if source.chars().count() > SOURCE_MAX || source.chars().any(char::is_control) {
                let detail = format!("At most {SOURCE_MAX} characters, and no control characters.");
                return Err(Problem::invalid("source", detail).into());
            }
            let source = source.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            self.and("l.source LIKE ? ESCAPE '\\'", [format!("{source}%").into()]);
        }
        if let Some(from) = query.from {
            self.and("l.at >= ?", [from.timestamp_millis().into()]);
        }
        if let Some(to) = query.to {
            self.and("l.at < ?", [to.timestamp_millis().into()]);
        }
        Ok(())
    }

    fn behind(&mut self, (_, at, device_key, position): &Position) {
        let values = [*at, *device_key, *position].map(Value::from);
        self.and("(l.at, l.device_key, l.position) < (?, ?, ?)", values);
    }

    /// The last entry that a search looks at, when there are more.
    async fn boundary(&self, cx: &Cx) -> Result<Option<Position>> {
        let found = self.ask(cx, KEY, 1, SEARCHED - 1).await?;
        found.first().map(position_of).transpose()
    }

    /// The newest entries; those of a short time first, then of longer and longer ones until there are enough.
    async fn ask(&self, cx: &Cx, columns: &str, limit: u64, offset: u64) -> Result<Vec<QueryResult>> {
        for (newest, back) in STEPS.into_iter().filter_map(|back| Some((self.newest?, back))) {
            let mut recent = self.clone();
            recent.and("l.at >= ?", [newest.saturating_sub(back).into()]);
            let found = recent.ask_once(cx, columns, limit, offset).await?;
            if found.len() as u64 == limit {
                return Ok(found);
            }
        }
        self.ask_once(cx, columns, limit, offset).await
    }

    async fn ask_once(&self, cx: &Cx, columns: &str, limit: u64, offset: u64) -> Result<Vec<QueryResult>> {
        // The order of tables is an order to SQLite only where it says CROSS JOIN: the entries of everybody, or of one
        // device, are read from their index as they lie; those of some are looked up device by device.
        let and = if self.newest.is_some() { "," } else { " CROSS JOIN" };
        let sql = format!(
            "SELECT {columns} FROM agent_logs l{and} agent_devices d{and} businesses b \
             WHERE d.device_key = l.device_key AND b.id = d.business_id AND {} \
             ORDER BY l.at DESC, l.device_key DESC, l.position DESC LIMIT {limit} OFFSET {offset}",
            self.conditions.join(" AND ")
        );
        let db = cx.db();
        Ok(db.query_all_raw(statement(db.get_database_backend(), &sql, self.values.clone())).await?)
    }
}
