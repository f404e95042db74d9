//! The server functions of devices: each takes who is asking and calls one verb.

use crate::{codec::Answer, error::PortalError};
use entity::{
    activity::ActivityView,
    agent_release::ReleaseChannelView,
    device::{DeviceInput, DeviceQuery, DeviceRow, DeviceTransferInput, DeviceView},
    evidence::{RecordEntryView, RecordQuery, RecordView},
    id::DeviceId,
    metric::{History, HistoryQuery},
    page::Page,
    release::Channel,
    software_item::SoftwareItemView,
    system_service::SystemServicesView,
};
use leptos::prelude::*;

/// One page of the devices within reach.
#[server(prefix = "/portal", endpoint = "device/list", output = Answer)]
pub async fn list_devices(query: DeviceQuery) -> Result<Page<DeviceRow>, PortalError> {
    Ok(domain::device::list(&crate::context::cx().await?, &query).await?)
}

/// One device with all that its page shows at once.
#[server(prefix = "/portal", endpoint = "device/get", output = Answer)]
pub async fn get_device(id: DeviceId) -> Result<DeviceView, PortalError> {
    Ok(domain::device::get(&crate::context::cx().await?, id).await?)
}

/// One page of a device's own record of commands.
#[server(prefix = "/portal", endpoint = "device/record_entries", output = Answer)]
pub async fn list_record_entries(
    id: DeviceId,
    #[server(default)] query: RecordQuery,
) -> Result<Page<RecordEntryView>, PortalError> {
    Ok(domain::command::record::entries(&crate::context::cx().await?, id, &query).await?)
}

/// Renames or moves a device.
#[server(prefix = "/portal", endpoint = "device/change", output = Answer)]
pub async fn change_device(id: DeviceId, input: DeviceInput) -> Result<DeviceView, PortalError> {
    let device = domain::device::change(&crate::context::cx().await?, id, input).await?;
    crate::context::done("Device changed.");
    Ok(device)
}

/// Gives a device to another business.
#[server(prefix = "/portal", endpoint = "device/transfer", output = Answer)]
pub async fn transfer_device(id: DeviceId, input: DeviceTransferInput) -> Result<DeviceView, PortalError> {
    let cx = crate::context::cx().await?;
    let device = domain::device::transfer(&cx.confirmed()?, id, input).await?;
    crate::context::done(&format!("Device moved to {}.", device.business_name));
    Ok(device)
}

/// Ends a device's access for good.
#[server(prefix = "/portal", endpoint = "device/revoke", output = Answer)]
pub async fn revoke_device(id: DeviceId) -> Result<DeviceView, PortalError> {
    let cx = crate::context::cx().await?;
    let device = domain::device::revoke(&cx.confirmed()?, id).await?;
    crate::context::done("Device revoked.");
    Ok(device)
}

/// The system services of a device.
#[server(prefix = "/portal", endpoint = "device/services", output = Answer)]
pub async fn get_services(id: DeviceId) -> Result<SystemServicesView, PortalError> {
    Ok(domain::device::services(&crate::context::cx().await?, id).await?)
}

/// One page of the software installed on a device.
#[server(prefix = "/portal", endpoint = "device/software", output = Answer)]
pub async fn list_software(
    id: DeviceId,
    search: Option<String>,
    cursor: Option<String>,
) -> Result<Page<SoftwareItemView>, PortalError> {
    Ok(domain::device::software(&crate::context::cx().await?, id, search, cursor, None).await?)
}

/// One page of what happened to a device, newest first.
#[server(prefix = "/portal", endpoint = "device/activity", output = Answer)]
pub async fn list_activity(
    id: DeviceId,
    cursor: Option<String>,
    limit: Option<u32>,
) -> Result<Page<ActivityView>, PortalError> {
    Ok(domain::device::activity(&crate::context::cx().await?, id, cursor, limit).await?)
}

/// The history of some metrics of a device.
#[server(prefix = "/portal", endpoint = "device/history", output = Answer)]
pub async fn get_history(id: DeviceId, query: HistoryQuery) -> Result<History, PortalError> {
    Ok(domain::metric::history(&crate::context::cx().await?, id, &query).await?)
}

/// Says that a record that is not what it was has been seen.
#[server(prefix = "/portal", endpoint = "device/acknowledge_record", output = Answer)]
pub async fn acknowledge_record(id: DeviceId) -> Result<RecordView, PortalError> {
    let record = domain::command::chain::acknowledge(&crate::context::cx().await?, id).await?;
    crate::context::done("Noted: somebody has seen it.");
    Ok(record)
}

/// Decides that a device is one machine after all.
#[server(prefix = "/portal", endpoint = "device/settle_clone", output = Answer)]
pub async fn settle_clone(id: DeviceId) -> Result<DeviceView, PortalError> {
    let device = domain::device::settle_clone(&crate::context::cx().await?, id).await?;
    crate::context::done("Noted: it is one machine.");
    Ok(device)
}

/// What a device runs, and which releases it is for.
#[server(prefix = "/portal", endpoint = "device/channel", output = Answer)]
pub async fn get_channel(id: DeviceId) -> Result<ReleaseChannelView, PortalError> {
    Ok(domain::release::channel(&crate::context::cx().await?, id).await?)
}

/// Puts a device on a channel of its own, or back on that of its business.
#[server(prefix = "/portal", endpoint = "device/set_channel", output = Answer)]
pub async fn set_channel(id: DeviceId, channel: Option<Channel>) -> Result<ReleaseChannelView, PortalError> {
    let view = domain::release::set_channel(&crate::context::cx().await?, id, channel).await?;
    crate::context::done(&format!("It follows {} now.", view.channel.label()));
    Ok(view)
}
