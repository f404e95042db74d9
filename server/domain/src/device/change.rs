//! What people change about a device.

use super::{find, get, note, search_text};
use crate::{Confirmed, Cx, Error, Result, access::Target, audit::Record, command::queue, service_location};
use entity::{
    activity::ActivityKind,
    device::{DeviceEvent, DeviceInput, DeviceView},
    facts::Facts,
    id::DeviceId,
    input,
    policy::Action,
    portal_event::PortalEvent,
    presence::{DisconnectReason, Presence},
    problem::Problem,
    table::device,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};

/// Renames a device or moves it to another service location of its business.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role; invalid names the field.
pub async fn change(cx: &Cx, id: DeviceId, input: DeviceInput) -> Result<DeviceView> {
    let row = find(cx, id).await?;
    let permit = cx.permit(Action::ManageDevice, Target::device(&row))?;
    let name = input::line("device_name", &input.device_name)?;
    let location = service_location::check_belongs(cx, input.service_location_id, row.business_id).await?;
    // Not to a place, or to none, where whoever moves it could not see it any more.
    cx.permit(Action::ManageDevice, Target::Location(row.business_id, input.service_location_id))
        .map_err(|_| Problem::invalid("service_location_id", "Choose a place that was granted to you."))?;
    let mut parts = Vec::new();
    if name != row.device_name {
        parts.push(format!("Renamed it from {} to {name}", row.device_name));
    }
    if input.service_location_id != row.service_location_id {
        let place = location.map_or_else(|| "no service location".to_owned(), |l| l.location_name);
        parts.push(format!("Moved it to {place}"));
    }
    if parts.is_empty() {
        return get(cx, id).await;
    }
    let facts: Facts = serde_json::from_str(&row.facts).unwrap_or_default();
    let change = permit.begin().await?;
    device::Entity::update_many()
        .col_expr(device::Column::DeviceName, Expr::value(name.as_str()))
        .col_expr(device::Column::NameKey, Expr::value(input::fold(&name)))
        .col_expr(device::Column::SearchText, Expr::value(search_text(&name, &row.hostname, &facts)))
        .col_expr(device::Column::ServiceLocationId, Expr::value(input.service_location_id))
        .filter(device::Column::Id.eq(id))
        .exec(&*change)
        .await?;
    let before =
        DeviceInput { device_name: row.device_name.clone(), service_location_id: row.service_location_id };
    let record = Record::new("device.change", parts.join(". ")).device(id);
    permit.commit(change, record.before(before).after(&input)).await?;
    cx.store().publish(PortalEvent::Device { business_id: row.business_id, device_id: id });
    get(cx, id).await
}

/// Ends the access of a device for good: its tokens stop working and its socket is closed at once. What it reported
/// is kept.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role, conflict when it is revoked already.
pub async fn revoke(cx: &Confirmed<'_>, id: DeviceId) -> Result<DeviceView> {
    let row = find(cx, id).await?;
    let permit = cx.permit(Action::RevokeDevice, Target::device(&row))?;
    let refused = || Error::conflict(None, "The access of this device was revoked already.");
    let next = row.state.on(DeviceEvent::Revoke).ok_or_else(refused)?;
    let now = cx.store().now();
    let change = permit.begin().await?;
    let moved = device::Entity::update_many()
        .col_expr(device::Column::State, Expr::value(next))
        .col_expr(device::Column::RevokedAt, Expr::value(now))
        .col_expr(device::Column::Presence, Expr::value(Presence::Offline))
        .col_expr(device::Column::PresenceSince, Expr::value(now))
        .col_expr(device::Column::DisconnectReason, Expr::value(DisconnectReason::Revoked))
        .filter(device::Column::Id.eq(id))
        .filter(device::Column::State.eq(row.state))
        .exec(&*change)
        .await?;
    if moved.rows_affected == 0 {
        return Err(refused());
    }
    note(
        &change,
        id,
        row.business_id,
        now,
        ActivityKind::Offline,
        "Offline: the device was revoked".to_owned(),
    )
    .await?;
    let ended = queue::forsake(&change, id, "The access of the device was revoked.", true).await?;
    permit.commit(change, Record::new("device.revoke", "Revoked the device's access").device(id)).await?;
    queue::announce(cx.store(), &ended);
    cx.store().tracker().forget(id);
    cx.store().part(&[id], DisconnectReason::Revoked);
    cx.store().publish(PortalEvent::Presence {
        business_id: row.business_id,
        device_id: id,
        presence: Presence::Offline,
        since: now,
    });
    get(cx, id).await
}

/// Decides that a device is one machine after all, such as one that was set back to a snapshot. Where it is two, its
/// access is revoked instead, and each is registered anew.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role, conflict when nobody suspects it.
pub async fn settle_clone(cx: &Cx, id: DeviceId) -> Result<DeviceView> {
    let row = find(cx, id).await?;
    let permit = cx.permit(Action::ManageDevice, Target::device(&row))?;
    let change = permit.begin().await?;
    let settled = device::Entity::update_many()
        .col_expr(device::Column::CloneSuspectedAt, Expr::value(None::<chrono::DateTime<chrono::Utc>>))
        .filter(device::Column::Id.eq(id))
        .filter(device::Column::CloneSuspectedAt.is_not_null())
        .exec(&*change)
        .await?;
    if settled.rows_affected == 0 {
        return Err(Error::conflict(None, "Nothing suggests that this device is two machines."));
    }
    let record = Record::new("device.settle_clone", "Decided that it is one machine").device(id);
    permit.commit(change, record.before(row.clone_suspected_at)).await?;
    cx.store().publish(PortalEvent::Device { business_id: row.business_id, device_id: id });
    get(cx, id).await
}
