//! Reading error reports, row by row: newest first, narrowed by what is asked.

use crate::{
    Cx, Error, Result, business, device,
    store::keyset::{self, Order, column, holds, pattern},
};
use chrono::{Datelike as _, NaiveTime};
use entity::{
    error_report::{ErrorReportQuery, ErrorReportView},
    id::{DeviceId, ErrorReportId},
    input::SEARCH_MAX,
    page::Page,
    problem::Problem,
    table::{device as device_table, error_report},
};
use sea_orm::{ColumnTrait as _, QueryFilter as _, QuerySelect as _, Select};
use std::collections::HashMap;

/// Errors of all devices within reach, newest first.
///
/// # Errors
/// Invalid names the field of the query.
pub async fn list(cx: &Cx, query: &ErrorReportQuery) -> Result<Page<ErrorReportView>> {
    let select = matching(cx, query)?;
    let total = keyset::total(cx.db(), select.clone()).await?;
    let key = column::<error_report::Entity>(error_report::Column::LastAt);
    let order = Order::time("error_reports.last", key, true);
    let slice = keyset::page(cx.db(), select, order, query.cursor.as_deref(), query.limit).await?;
    Ok(Page { items: views(cx, slice.rows).await?, next_cursor: slice.next_cursor, total: Some(total) })
}

/// Errors of one device, newest first.
///
/// # Errors
/// Not found when the device is out of reach; invalid names the field of the query.
pub async fn of_device(cx: &Cx, id: DeviceId, query: &ErrorReportQuery) -> Result<Page<ErrorReportView>> {
    device::find(cx, id).await?;
    list(cx, &ErrorReportQuery { device_id: Some(id), ..query.clone() }).await
}

/// One error of one device.
///
/// # Errors
/// Not found when it is out of reach.
pub async fn get(cx: &Cx, id: ErrorReportId) -> Result<ErrorReportView> {
    let found = cx.select::<error_report::Entity>().filter(error_report::Column::Id.eq(id));
    let row = found.one(cx.db()).await?.ok_or_else(not_found)?;
    views(cx, vec![row]).await?.pop().ok_or_else(not_found)
}

pub(super) fn not_found() -> Error {
    Error::not_found("error report")
}

/// The errors within reach that the query asks for, whatever their order and page.
pub(super) fn matching(cx: &Cx, query: &ErrorReportQuery) -> Result<Select<error_report::Entity>> {
    use error_report::Column as C;
    let mut select = cx.select::<error_report::Entity>();
    for (field, column, value) in [
        ("error_type", C::ErrorType, &query.error_type),
        ("fingerprint", C::Fingerprint, &query.fingerprint),
        ("agent_version", C::AgentVersion, &query.agent_version),
    ] {
        if let Some(value) = plain(field, value.as_deref())? {
            select = select.filter(column.eq(value));
        }
    }
    if let Some(id) = query.device_id {
        select = select.filter(C::DeviceId.eq(id));
    }
    if let Some(id) = query.business_id {
        select = select.filter(C::BusinessId.eq(id));
    }
    if let Some(state) = query.state {
        select = select.filter(C::State.eq(state));
    }
    if let Some(day) = query.since {
        if !(1970..=9999).contains(&day.year()) {
            return Err(Problem::invalid("since", "Choose a day between the years 1970 and 9999.").into());
        }
        select = select.filter(C::LastAt.gte(day.and_time(NaiveTime::MIN).and_utc()));
    }
    if let Some(pattern) = pattern(query.search.as_deref())? {
        select = select.filter(holds(column::<error_report::Entity>(C::SearchText), &pattern));
    }
    Ok(select)
}

/// A word that is compared as it is; nothing when it is empty.
fn plain<'a>(field: &str, text: Option<&'a str>) -> Result<Option<&'a str>> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().any(char::is_control) {
        return Err(Problem::invalid(field, "Control characters are not accepted.").into());
    }
    if text.chars().count() > SEARCH_MAX {
        return Err(Problem::invalid(field, format!("At most {SEARCH_MAX} characters.")).into());
    }
    Ok(Some(text))
}

pub(super) async fn views(cx: &Cx, rows: Vec<error_report::Model>) -> Result<Vec<ErrorReportView>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let businesses = business::names(cx, rows.iter().map(|row| row.business_id)).await?;
    let mut wanted: Vec<DeviceId> = rows.iter().map(|row| row.device_id).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let devices: HashMap<DeviceId, String> = cx
        .select::<device_table::Entity>()
        .filter(device_table::Column::Id.is_in(wanted))
        .select_only()
        .columns([device_table::Column::Id, device_table::Column::DeviceName])
        .into_tuple::<(DeviceId, String)>()
        .all(cx.db())
        .await?
        .into_iter()
        .collect();
    let view = |row: error_report::Model| ErrorReportView {
        device_name: devices.get(&row.device_id).cloned().unwrap_or_default(),
        business_name: businesses.get(&row.business_id).cloned().unwrap_or_default(),
        id: row.id,
        device_id: row.device_id,
        business_id: row.business_id,
        fingerprint: row.fingerprint,
        error_type: row.error_type,
        error_message: row.error_message,
        details: serde_json::from_str(&row.details).unwrap_or_default(),
        log_snippet: row.log_snippet,
        agent_version: row.agent_version,
        failed_version: row.failed_version,
        occurrences: row.occurrences.unsigned_abs(),
        first_at: row.first_at,
        last_at: row.last_at,
        state: row.state,
        decided_by: row.decided_by,
        decided_at: row.decided_at,
    };
    Ok(rows.into_iter().map(view).collect())
}
