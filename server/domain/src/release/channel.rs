//! Which releases a device is for: those for everybody, or those that come earlier, for whoever asked for it.

use super::check_view;
use crate::{Cx, Result, access::Target, audit::Record, device};
use entity::{
    agent_release::ReleaseChannelView, id::DeviceId, policy::Action, portal_event::PortalEvent,
    release::Channel, table::device as table, update::Running,
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
    Ok(view(row))
}

/// As people see it.
fn view(row: table::Model) -> ReleaseChannelView {
    let running = row.running_version.map(|version| Running {
        version,
        seq: row.running_seq.unwrap_or_default().unsigned_abs(),
        build_id: row.running_build_id.unwrap_or_default(),
        sha256: row.running_sha256.and_then(|sha256| sha256.parse().ok()),
        libc: row.running_libc,
        is_supervised: row.is_supervised,
    });
    ReleaseChannelView { device_id: row.id, channel: row.release_channel, running }
}

/// Puts a device on a channel.
///
/// # Errors
/// Forbidden by role; not found when the device is out of reach.
pub async fn set_channel(cx: &Cx, id: DeviceId, channel: Channel) -> Result<ReleaseChannelView> {
    check_view(cx)?;
    let row = device::find(cx, id).await?;
    let permit = cx.permit(Action::ManageDevice, Target::device(&row))?;
    let before = row.release_channel;
    if before != channel {
        let change = permit.begin().await?;
        table::Entity::update_many()
            .col_expr(table::Column::ReleaseChannel, Expr::value(channel))
            .filter(table::Column::Id.eq(id))
            .exec(&*change)
            .await?;
        let summary = format!("Put {} on the channel {}", row.device_name, channel.label());
        let record = Record::new("device.release_channel", summary)
            .device(id)
            .before(json!({ "release_channel": before }))
            .after(json!({ "release_channel": channel }));
        permit.commit(change, record).await?;
        cx.store().publish(PortalEvent::Device { business_id: row.business_id, device_id: id });
    }
    Ok(ReleaseChannelView { channel, ..view(row) })
}
