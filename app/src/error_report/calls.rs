//! The server functions of error reports: each takes who is asking and calls one verb.

use crate::{codec::Answer, error::PortalError};
use entity::{
    error_report::{ErrorDecision, ErrorGroupView, ErrorReportOptions, ErrorReportQuery, ErrorReportView},
    id::DeviceId,
    page::Page,
};
use leptos::prelude::*;

/// Errors within reach, each once.
#[server(prefix = "/portal", endpoint = "error_report/groups", output = Answer)]
pub async fn list_error_groups(
    #[server(default)] query: ErrorReportQuery,
) -> Result<Page<ErrorGroupView>, PortalError> {
    Ok(domain::error_report::groups(&crate::context::cx().await?, &query).await?)
}

/// Errors within reach, device by device.
#[server(prefix = "/portal", endpoint = "error_report/list", output = Answer)]
pub async fn list_errors(
    #[server(default)] query: ErrorReportQuery,
) -> Result<Page<ErrorReportView>, PortalError> {
    Ok(domain::error_report::list(&crate::context::cx().await?, &query).await?)
}

/// Errors of one device.
#[server(prefix = "/portal", endpoint = "error_report/of_device", output = Answer)]
pub async fn list_device_errors(
    id: DeviceId,
    #[server(default)] query: ErrorReportQuery,
) -> Result<Page<ErrorReportView>, PortalError> {
    Ok(domain::error_report::of_device(&crate::context::cx().await?, id, &query).await?)
}

/// What the errors can be narrowed by.
#[server(prefix = "/portal", endpoint = "error_report/options", output = Answer)]
pub async fn list_error_options() -> Result<ErrorReportOptions, PortalError> {
    Ok(domain::error_report::options(&crate::context::cx().await?).await?)
}

/// Says that an error was seen, or is over.
#[server(prefix = "/portal", endpoint = "error_report/decide", output = Answer)]
pub async fn decide_error(fingerprint: String, input: ErrorDecision) -> Result<ErrorGroupView, PortalError> {
    let cx = crate::context::cx().await?;
    let state = input.state;
    let group = domain::error_report::decide(&cx, &fingerprint, input).await?;
    crate::context::done(&format!("Marked as {}.", state.word()));
    Ok(group)
}
