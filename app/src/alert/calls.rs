//! The server functions of alerts and their rules: each takes who is asking and calls one verb.

use crate::{codec::Answer, error::PortalError};
use entity::{
    alert::{AlertQuery, AlertView, LogBurstInput, LogBurstView, ResolveInput},
    id::{AlertId, BusinessId, DeviceId},
    page::Page,
};
use leptos::prelude::*;

/// One page of the alerts within reach.
#[server(prefix = "/portal", endpoint = "alert/list", output = Answer)]
pub async fn list_alerts(#[server(default)] query: AlertQuery) -> Result<Page<AlertView>, PortalError> {
    Ok(domain::alert::list(&crate::context::cx().await?, &query).await?)
}

/// One page of the alerts of a device.
#[server(prefix = "/portal", endpoint = "alert/of_device", output = Answer)]
pub async fn list_device_alerts(
    id: DeviceId,
    #[server(default)] query: AlertQuery,
) -> Result<Page<AlertView>, PortalError> {
    Ok(domain::alert::of_device(&crate::context::cx().await?, id, &query).await?)
}

/// One alert.
#[server(prefix = "/portal", endpoint = "alert/get", output = Answer)]
pub async fn get_alert(id: AlertId) -> Result<AlertView, PortalError> {
    Ok(domain::alert::get(&crate::context::cx().await?, id).await?)
}

/// Takes an alert on.
#[server(prefix = "/portal", endpoint = "alert/acknowledge", output = Answer)]
pub async fn acknowledge_alert(id: AlertId) -> Result<AlertView, PortalError> {
    let alert = domain::alert::acknowledge(&crate::context::cx().await?, id).await?;
    crate::context::done("The alert is yours.");
    Ok(alert)
}

/// Says that an alert is over.
#[server(prefix = "/portal", endpoint = "alert/resolve", output = Answer)]
pub async fn resolve_alert(
    id: AlertId,
    #[server(default)] input: ResolveInput,
) -> Result<AlertView, PortalError> {
    let alert = domain::alert::resolve(&crate::context::cx().await?, id, input).await?;
    crate::context::done("Alert resolved.");
    Ok(alert)
}

/// When a burst of errors is one, where nobody decided otherwise.
#[server(prefix = "/portal", endpoint = "alert/rule", output = Answer)]
pub async fn get_rule() -> Result<LogBurstView, PortalError> {
    Ok(domain::alert::get_default(&crate::context::cx().await?).await?)
}

/// When a burst of errors is one in a business.
#[server(prefix = "/portal", endpoint = "alert/business_rule", output = Answer)]
pub async fn get_business_rule(id: BusinessId) -> Result<LogBurstView, PortalError> {
    Ok(domain::alert::get_business(&crate::context::cx().await?, id).await?)
}

/// Decides for all businesses.
#[server(prefix = "/portal", endpoint = "alert/set_rule", output = Answer)]
pub async fn set_rule(input: LogBurstInput) -> Result<LogBurstView, PortalError> {
    let view = domain::alert::set_default(&crate::context::cx().await?, input).await?;
    crate::context::done("Alert rule changed.");
    Ok(view)
}

/// Decides for a business.
#[server(prefix = "/portal", endpoint = "alert/set_business_rule", output = Answer)]
pub async fn set_business_rule(id: BusinessId, input: LogBurstInput) -> Result<LogBurstView, PortalError> {
    let view = domain::alert::set_business(&crate::context::cx().await?, id, input).await?;
    crate::context::done("Alert rule changed.");
    Ok(view)
}
