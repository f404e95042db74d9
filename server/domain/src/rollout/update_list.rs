//! Updates of devices: those of a rollout, and those of one device. Within reach, as everything about devices is.

use super::{check_view, row, view::versions};
use crate::{
    Cx, Error, Result, device as devices_of,
    store::{
        Reach,
        keyset::{self, Order},
    },
};
use entity::{
    id::{DeviceId, RolloutId},
    page::Page,
    rollout::UpdateQuery,
    table::{business, device, rollout, rollout_device as update},
    update::UpdateView,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, Select, sea_query::Query};
use std::collections::HashMap;

/// One page of the devices of a rollout.
///
/// # Errors
/// Forbidden for people of customers; not found when there is no such rollout; invalid names the field of the query.
pub async fn devices(cx: &Cx, id: RolloutId, query: &UpdateQuery) -> Result<Page<UpdateView>> {
    check_view(cx)?;
    row::find(cx.store().db(), id).await?;
    page(cx, cx.select::<update::Entity>().filter(update::Column::RolloutId.eq(id)), query).await
}

/// One page of the updates of a device.
///
/// # Errors
/// Forbidden for people of customers; not found when the device is out of reach; invalid names the field of the query.
pub async fn of_device(cx: &Cx, id: DeviceId, query: &UpdateQuery) -> Result<Page<UpdateView>> {
    check_view(cx)?;
    devices_of::find(cx, id).await?;
    page(cx, cx.select::<update::Entity>().filter(update::Column::DeviceId.eq(id)), query).await
}

async fn page(cx: &Cx, mut select: Select<update::Entity>, query: &UpdateQuery) -> Result<Page<UpdateView>> {
    if let Some(wave) = query.wave {
        select = select.filter(update::Column::Wave.eq(i64::from(wave)));
    }
    if let Some(state) = query.state {
        select = select.filter(update::Column::State.eq(state));
    }
    if let Some(os) = query.os {
        select = select.filter(update::Column::Os.eq(os));
    }
    if let Some(arch) = query.arch {
        select = select.filter(update::Column::Arch.eq(arch));
    }
    if let Some(pattern) = keyset::pattern(query.search.as_deref())? {
        let found = Query::select()
            .column(device::Column::Id)
            .from(device::Entity)
            .and_where(keyset::holds(keyset::column::<device::Entity>(device::Column::NameKey), &pattern))
            .to_owned();
        select = select.filter(update::Column::DeviceId.in_subquery(found));
    }
    let order = Order::newest("updates.newest");
    let slice = keyset::page(cx.db(), select, order, query.cursor.as_deref(), query.limit).await?;
    Ok(Page { items: views(cx, slice.rows).await?, next_cursor: slice.next_cursor, total: None })
}

async fn views(cx: &Cx, rows: Vec<update::Model>) -> Result<Vec<UpdateView>> {
    let store = cx.store();
    let rollouts = rollout::Entity::find()
        .filter(rollout::Column::Id.is_in(rows.iter().map(|row| row.rollout_id)))
        .all(store.db())
        .await?;
    let versions = versions(store, rollouts.iter().map(|row| row.release_id).collect()).await?;
    let rollouts: HashMap<RolloutId, rollout::Model> =
        rollouts.into_iter().map(|row| (row.id, row)).collect();
    let devices: HashMap<DeviceId, device::Model> = cx
        .select::<device::Entity>()
        .filter(device::Column::Id.is_in(rows.iter().map(|row| row.device_id)))
        .all(cx.db())
        .await?
        .into_iter()
        .map(|row| (row.id, row))
        .collect();
    let businesses: HashMap<_, String> = Reach::everything()
        .select::<business::Entity>()
        .filter(business::Column::Id.is_in(rows.iter().map(|row| row.business_id)))
        .all(store.db())
        .await?
        .into_iter()
        .map(|row| (row.id, row.business_name))
        .collect();
    let mut views = Vec::new();
    for row in rows {
        let (Some(rollout), Some(device)) = (rollouts.get(&row.rollout_id), devices.get(&row.device_id))
        else {
            continue;
        };
        let log_lines = serde_json::from_str(&row.log_lines)
            .map_err(|error| Error::Internal(format!("stored lines of a log: {error}")))?;
        views.push(UpdateView {
            id: row.id,
            device_id: row.device_id,
            device_name: device.device_name.clone(),
            business_id: row.business_id,
            business_name: businesses.get(&row.business_id).cloned().unwrap_or_default(),
            os: row.os,
            arch: row.arch,
            presence: device.presence,
            rollout_id: row.rollout_id,
            rollout_name: rollout.name.clone(),
            release_id: rollout.release_id,
            version: versions.get(&rollout.release_id).cloned().unwrap_or_default(),
            seq: row.seq.unsigned_abs(),
            from_version: row.from_version,
            state: row.state,
            reason: row.reason,
            detail: row.detail,
            log_lines,
            gap_ms: row.gap_ms.map(i64::unsigned_abs),
            downloaded_bytes: row.downloaded_bytes.map(i64::unsigned_abs),
            size_bytes: row.size_bytes.unsigned_abs(),
            wave: u32::try_from(row.wave).unwrap_or_default(),
            attempts: u32::try_from(row.attempts).unwrap_or_default(),
            offered_at: row.offered_at,
            changed_at: row.changed_at,
        });
    }
    Ok(views)
}
