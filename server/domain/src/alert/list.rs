//! The alerts, newest first, by keyset.

use super::{OPEN, who::people};
use crate::{
    Cx, Error, Result, business, device,
    store::keyset::{self, Order, column, holds, pattern},
};
use entity::{
    alert::{AlertQuery, AlertView},
    id::{AlertId, DeviceId, UserId},
    page::Page,
    table::{alert, device as device_table},
};
use sea_orm::{ColumnTrait as _, QueryFilter as _, QuerySelect as _, Select};
use std::collections::HashMap;

/// One page of the alerts within reach.
///
/// # Errors
/// Invalid names the field of the query.
pub async fn list(cx: &Cx, query: &AlertQuery) -> Result<Page<AlertView>> {
    let select = matching(cx, query)?;
    let total = keyset::total(cx.db(), select.clone()).await?;
    let order = Order::newest("alerts.newest");
    let slice = keyset::page(cx.db(), select, order, query.cursor.as_deref(), query.limit).await?;
    Ok(Page { items: views(cx, slice.rows).await?, next_cursor: slice.next_cursor, total: Some(total) })
}

/// One page of the alerts of a device.
///
/// # Errors
/// Not found when the device is out of reach; invalid names the field of the query.
pub async fn of_device(cx: &Cx, id: DeviceId, query: &AlertQuery) -> Result<Page<AlertView>> {
    device::find(cx, id).await?;
    list(cx, &AlertQuery { device_id: Some(id), ..query.clone() }).await
}

/// One alert.
///
/// # Errors
/// Not found when it is out of reach.
pub async fn get(cx: &Cx, id: AlertId) -> Result<AlertView> {
    let row = find(cx, id).await?;
    views(cx, vec![row]).await?.pop().ok_or_else(|| Error::not_found("alert"))
}

/// How many alerts within reach are open.
pub(crate) async fn count_open(cx: &Cx) -> Result<u64> {
    keyset::total(cx.db(), cx.select::<alert::Entity>().filter(alert::Column::State.is_in(OPEN))).await
}

/// The row, if it is within reach.
pub(super) async fn find(cx: &Cx, id: AlertId) -> Result<alert::Model> {
    cx.select::<alert::Entity>()
        .filter(alert::Column::Id.eq(id))
        .one(cx.db())
        .await?
        .ok_or_else(|| Error::not_found("alert"))
}

fn matching(cx: &Cx, query: &AlertQuery) -> Result<Select<alert::Entity>> {
    let mut select = cx.select::<alert::Entity>();
    if let Some(id) = query.business_id {
        select = select.filter(alert::Column::BusinessId.eq(id));
    }
    if let Some(id) = query.device_id {
        select = select.filter(alert::Column::DeviceId.eq(id));
    }
    if let Some(state) = query.state {
        select = select.filter(alert::Column::State.eq(state));
    }
    if let Some(severity) = query.severity {
        select = select.filter(alert::Column::Severity.eq(severity));
    }
    select = match query.open {
        Some(true) => select.filter(alert::Column::State.is_in(OPEN)),
        Some(false) => select.filter(alert::Column::State.is_not_in(OPEN)),
        None => select,
    };
    if let Some(pattern) = pattern(query.search.as_deref())? {
        select = select.filter(holds(column::<alert::Entity>(alert::Column::MessageKey), &pattern));
    }
    Ok(select)
}

async fn views(cx: &Cx, rows: Vec<alert::Model>) -> Result<Vec<AlertView>> {
    let businesses = business::names(cx, rows.iter().map(|row| row.business_id)).await?;
    let ids: Vec<DeviceId> = rows.iter().map(|row| row.device_id).collect();
    let devices: Vec<(DeviceId, String)> = cx
        .select::<device_table::Entity>()
        .filter(device_table::Column::Id.is_in(ids))
        .select_only()
        .columns([device_table::Column::Id, device_table::Column::DeviceName])
        .into_tuple()
        .all(cx.db())
        .await?;
    let devices: HashMap<DeviceId, String> = devices.into_iter().collect();
    let people = people(cx, &rows).await?;
    let name = |id: Option<UserId>| id.and_then(|id| people.get(&id).cloned());
    Ok(rows
        .into_iter()
        .map(|row| AlertView {
            device_name: devices.get(&row.device_id).cloned().unwrap_or_default(),
            business_name: businesses.get(&row.business_id).cloned().unwrap_or_default(),
            acknowledged_by: name(row.acknowledged_by),
            resolved_by: name(row.resolved_by),
            id: row.id,
            device_id: row.device_id,
            business_id: row.business_id,
            kind: row.alert_type,
            severity: row.severity,
            state: row.state,
            message: row.alert_message,
            metric_value: row.metric_value,
            threshold_value: row.threshold_value,
            triggered_at: row.triggered_at,
            last_breach_at: row.last_breach_at,
            acknowledged_at: row.acknowledged_at,
            resolved_at: row.resolved_at,
            resolution_notes: row.resolution_notes,
        })
        .collect())
}
