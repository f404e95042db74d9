//! Which releases a device is for: those for everybody, or those that come earlier, for whoever asked for it. A business
//! says it for its devices, and a device may say otherwise.

use super::check_view;
use crate::{Cx, Result, access::Target, audit::Record, device, store::Reach};
use entity::{
    agent_release::ReleaseChannelView,
    business::BusinessView,
    id::{BusinessId, DeviceId},
    policy::Action,
    portal_event::PortalEvent,
    release::Channel,
    table::{business, device as table},
    update::Running,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};
use serde_json::json;

/// The channel of a device.
///
/// # Errors
/// Forbidden by role; not found when the device is out of reach.
pub async fn channel(cx: &Cx, id: DeviceId) -> Result<ReleaseChannelView> {
    check_view(cx)?;
    let row = device::find(cx, id).await?;
    let of_business = of_business(cx, row.business_id).await?;
    Ok(view(row, of_business))
}

/// What the devices of a business follow that have no channel of their own.
async fn of_business(cx: &Cx, id: BusinessId) -> Result<Channel> {
    let row = Reach::everything()
        .select::<business::Entity>()
        .filter(business::Column::Id.eq(id))
        .one(cx.store().db())
        .await?;
    Ok(row.map_or(Channel::Stable, |row| row.release_channel))
}

/// As people see it.
fn view(row: table::Model, business_channel: Channel) -> ReleaseChannelView {
    let running = row.running_version.map(|version| Running {
        version,
        seq: row.running_seq.unwrap_or_default().unsigned_abs(),
        build_id: row.running_build_id.unwrap_or_default(),
        sha256: row.running_sha256.and_then(|sha256| sha256.parse().ok()),
        libc: row.running_libc,
        is_supervised: row.is_supervised,
    });
    ReleaseChannelView {
        device_id: row.id,
        channel: row.release_channel.unwrap_or(business_channel),
        own_channel: row.release_channel,
        business_channel,
        running,
    }
}

/// Puts a device on a channel of its own, or back on that of its business.
///
/// # Errors
/// Forbidden by role; not found when the device is out of reach.
pub async fn set_channel(cx: &Cx, id: DeviceId, own: Option<Channel>) -> Result<ReleaseChannelView> {
    check_view(cx)?;
    let row = device::find(cx, id).await?;
    let permit = cx.permit(Action::ManageDevice, Target::device(&row))?;
    let of_business = of_business(cx, row.business_id).await?;
    let before = row.release_channel;
    if before != own {
        let change = permit.begin().await?;
        table::Entity::update_many()
            .col_expr(table::Column::ReleaseChannel, Expr::value(own))
            .filter(table::Column::Id.eq(id))
            .exec(&*change)
            .await?;
        let summary = match own {
            Some(channel) => format!("Put {} on the channel {}", row.device_name, channel.label()),
            None => format!("Put {} on the channel of its business", row.device_name),
        };
        let record = Record::new("device.release_channel", summary)
            .device(id)
            .before(json!({ "release_channel": before }))
            .after(json!({ "release_channel": own }));
        permit.commit(change, record).await?;
        cx.store().publish(PortalEvent::Device { business_id: row.business_id, device_id: id });
    }
    Ok(view(table::Model { release_channel: own, ..row }, of_business))
}

/// Puts the devices of a business on a channel, but for those that have one of their own.
///
/// # Errors
/// Forbidden by role; not found when the business is out of reach.
pub async fn set_channel_of_business(cx: &Cx, id: BusinessId, channel: Channel) -> Result<BusinessView> {
    check_view(cx)?;
    let row = crate::business::find(cx, id).await?;
    let permit = cx.permit(Action::ManageBusiness, Target::Business(id))?;
    let before = row.release_channel;
    if before != channel {
        let change = permit.begin().await?;
        business::Entity::update_many()
            .col_expr(business::Column::ReleaseChannel, Expr::value(channel))
            .filter(business::Column::Id.eq(id))
            .exec(&*change)
            .await?;
        let summary = format!("Put the devices of {} on the channel {}", row.business_name, channel.label());
        let record = Record::new("business.release_channel", summary)
            .before(json!({ "release_channel": before }))
            .after(json!({ "release_channel": channel }));
        permit.commit(change, record).await?;
    }
    crate::business::get(cx, id).await
}
