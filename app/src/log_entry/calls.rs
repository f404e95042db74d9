//! The server functions of log entries and their sources: each takes who is asking and calls one verb.

use crate::{codec::Answer, error::PortalError};
use entity::{
    id::{BusinessId, DeviceId},
    log_entry::{LogEntryView, LogQuery, LogSourcesInput, LogSourcesView},
    page::Page,
};
use leptos::prelude::*;

/// One page of the log entries within reach.
#[server(prefix = "/portal", endpoint = "log_entry/list", output = Answer)]
pub async fn list_logs(#[server(default)] query: LogQuery) -> Result<Page<LogEntryView>, PortalError> {
    Ok(domain::log_entry::list(&crate::context::cx().await?, &query).await?)
}

/// One page of the log entries of a device.
#[server(prefix = "/portal", endpoint = "log_entry/of_device", output = Answer)]
pub async fn list_device_logs(
    id: DeviceId,
    #[server(default)] query: LogQuery,
) -> Result<Page<LogEntryView>, PortalError> {
    Ok(domain::log_entry::of_device(&crate::context::cx().await?, id, &query).await?)
}

/// Where agents look that nobody decided otherwise for.
#[server(prefix = "/portal", endpoint = "log_entry/sources", output = Answer)]
pub async fn get_sources() -> Result<LogSourcesView, PortalError> {
    Ok(domain::log_entry::get_default(&crate::context::cx().await?).await?)
}

/// Where agents of a business look.
#[server(prefix = "/portal", endpoint = "log_entry/business_sources", output = Answer)]
pub async fn get_business_sources(id: BusinessId) -> Result<LogSourcesView, PortalError> {
    Ok(domain::log_entry::get_business(&crate::context::cx().await?, id).await?)
}

/// Where the agent of a device looks.
#[server(prefix = "/portal", endpoint = "log_entry/device_sources", output = Answer)]
pub async fn get_device_sources(id: DeviceId) -> Result<LogSourcesView, PortalError> {
    Ok(domain::log_entry::get_device(&crate::context::cx().await?, id).await?)
}

/// Decides for all businesses.
#[server(prefix = "/portal", endpoint = "log_entry/set_sources", output = Answer)]
pub async fn set_sources(input: LogSourcesInput) -> Result<LogSourcesView, PortalError> {
    let view = domain::log_entry::set_default(&crate::context::cx().await?, input).await?;
    crate::context::done("Log sources changed.");
    Ok(view)
}

/// Decides for a business.
#[server(prefix = "/portal", endpoint = "log_entry/set_business_sources", output = Answer)]
pub async fn set_business_sources(
    id: BusinessId,
    input: LogSourcesInput,
) -> Result<LogSourcesView, PortalError> {
    let view = domain::log_entry::set_business(&crate::context::cx().await?, id, input).await?;
    crate::context::done("Log sources changed.");
    Ok(view)
}

/// Decides for a device.
#[server(prefix = "/portal", endpoint = "log_entry/set_device_sources", output = Answer)]
pub async fn set_device_sources(id: DeviceId, input: LogSourcesInput) -> Result<LogSourcesView, PortalError> {
    let view = domain::log_entry::set_device(&crate::context::cx().await?, id, input).await?;
    crate::context::done("Log sources changed.");
    Ok(view)
}
