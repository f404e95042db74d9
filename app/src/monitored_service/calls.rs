//! The server functions of monitored services: each takes who is asking and calls one verb.

use crate::{codec::Answer, error::PortalError};
use entity::{
    id::{DeviceId, MonitoredServiceRuleId},
    monitored_service::{
        MonitoredServiceRuleChange, MonitoredServiceRuleInput, MonitoredServiceRuleQuery,
        MonitoredServiceRuleView, MonitoredServicesView,
    },
    page::Page,
};
use leptos::prelude::*;

/// The monitored services of a device.
#[server(prefix = "/portal", endpoint = "monitored_service/of_device", output = Answer)]
pub async fn get_monitored_services(id: DeviceId) -> Result<MonitoredServicesView, PortalError> {
    Ok(domain::monitored_service::of_device(&crate::context::cx().await?, id).await?)
}

/// One page of the rules within reach.
#[server(prefix = "/portal", endpoint = "monitored_service/list", output = Answer)]
pub async fn list_monitored_service_rules(
    #[server(default)] query: MonitoredServiceRuleQuery,
) -> Result<Page<MonitoredServiceRuleView>, PortalError> {
    Ok(domain::monitored_service::list(&crate::context::cx().await?, &query).await?)
}

/// One rule.
#[server(prefix = "/portal", endpoint = "monitored_service/get", output = Answer)]
pub async fn get_monitored_service_rule(
    id: MonitoredServiceRuleId,
) -> Result<MonitoredServiceRuleView, PortalError> {
    Ok(domain::monitored_service::get(&crate::context::cx().await?, id).await?)
}

/// Looks after a service.
#[server(prefix = "/portal", endpoint = "monitored_service/add", output = Answer)]
pub async fn add_monitored_service(
    input: MonitoredServiceRuleInput,
) -> Result<MonitoredServiceRuleView, PortalError> {
    let rule = domain::monitored_service::add(&crate::context::cx().await?, input).await?;
    let words = if rule.is_watched { "is looked after" } else { "is no longer looked after there" };
    crate::context::done(&format!("{} {words}.", rule.service_name));
    Ok(rule)
}

/// Changes what is wanted of a service.
#[server(prefix = "/portal", endpoint = "monitored_service/change", output = Answer)]
pub async fn change_monitored_service(
    id: MonitoredServiceRuleId,
    input: MonitoredServiceRuleChange,
) -> Result<MonitoredServiceRuleView, PortalError> {
    let rule = domain::monitored_service::change(&crate::context::cx().await?, id, input).await?;
    crate::context::done(&format!("{} changed.", rule.service_name));
    Ok(rule)
}

/// Removes a rule; what a wider one says is in force again. Leads to `next` where the page itself goes with the rule.
#[server(prefix = "/portal", endpoint = "monitored_service/remove", output = Answer)]
pub async fn remove_monitored_service(
    id: MonitoredServiceRuleId,
    #[server(default)] next: Option<String>,
) -> Result<MonitoredServiceRuleView, PortalError> {
    let rule = domain::monitored_service::remove(&crate::context::cx().await?, id).await?;
    crate::context::done(&format!("The rule about {} was removed.", rule.service_name));
    if let Some(next) = next {
        crate::context::redirect(&next);
    }
    Ok(rule)
}
