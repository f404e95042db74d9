//! A device is given to another business: the machine, its key and its history stay what they are, and from then on
//! they are the other business's.

use super::{find, get};
use crate::{
    Confirmed, Error, Result, access::Target, audit::Record, business, command::queue, service_location,
};
use entity::{
    device::{DeviceState, DeviceTransferInput, DeviceView},
    id::DeviceId,
    policy::Action,
    portal_event::PortalEvent,
    presence::DisconnectReason,
    problem::Problem,
    table::device,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};

/// Moves a device to another business. Its socket is closed, and the agent comes back by itself with the key it has.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role at either business, conflict when its access was revoked or it
/// was moved meanwhile; invalid names the field.
pub async fn transfer(cx: &Confirmed<'_>, id: DeviceId, input: DeviceTransferInput) -> Result<DeviceView> {
    let row = find(cx, id).await?;
    let from = cx.permit(Action::MoveDevice, Target::device(&row))?;
    if row.state == DeviceState::Revoked {
        return Err(Error::conflict(None, "The access of this device was revoked; it stays where it is."));
    }
    if input.business_id == row.business_id {
        let detail = "It belongs to this business already. Choose another one.";
        return Err(Problem::invalid("business_id", detail).into());
    }
    let unknown = |_| Problem::invalid("business_id", "Choose a business that you reach.");
    let there = business::find(cx, input.business_id).await.map_err(unknown)?;
    let place = service_location::check_belongs(cx, input.service_location_id, input.business_id).await?;
    let target = Target::Location(input.business_id, input.service_location_id);
    let to = cx
        .permit(Action::MoveDevice, target)
        .map_err(|_| Problem::invalid("service_location_id", "Choose a place that was granted to you."))?;
    let change = from.begin().await?;
    // Services, software and events follow by their composite keys.
    let moved = device::Entity::update_many()
        .col_expr(device::Column::BusinessId, Expr::value(input.business_id))
        .col_expr(device::Column::ServiceLocationId, Expr::value(input.service_location_id))
        .filter(device::Column::Id.eq(id))
        .filter(device::Column::BusinessId.eq(row.business_id))
        .exec(&*change)
        .await?;
    if moved.rows_affected != 1 {
        return Err(Error::conflict(None, "Somebody else has just moved this device."));
    }
    let gone = "The device was given to another business.";
    queue::ask_back(&change, id).await?;
    let ended = queue::forsake(&change, id, gone, false).await?;
    // Neither business learns from its own entries who the other one is.
    let here = match &place {
        Some(place) => format!("Moved here from another business, to {}", place.location_name),
        None => "Moved here from another business".to_owned(),
    };
    to.also(&change, Record::new("device.arrive", here).device(id).after(&input)).await?;
    let before =
        DeviceTransferInput { business_id: row.business_id, service_location_id: row.service_location_id };
    let away = format!("Moved {} to another business", row.device_name);
    from.commit(change, Record::new("device.transfer", away).device(id).before(&before)).await?;
    queue::announce(cx.store(), &ended);
    cx.store().tracker().moved(id, there.id);
    cx.store().part(&[id], DisconnectReason::AccessChanged);
    for business_id in [row.business_id, there.id] {
        cx.store().publish(PortalEvent::Device { business_id, device_id: id });
    }
    get(cx, id).await
}
