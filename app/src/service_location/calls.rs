//! The server functions of service locations: each takes who is asking and calls one verb.

use crate::{codec::Answer, error::PortalError};
use entity::{
    id::{BusinessId, ServiceLocationId},
    service_location::{ServiceLocationInput, ServiceLocationView},
};
use leptos::prelude::*;

/// Every service location within reach, or those of one business.
#[server(prefix = "/portal", endpoint = "service_location/list", output = Answer)]
pub async fn list_locations(
    business_id: Option<BusinessId>,
) -> Result<Vec<ServiceLocationView>, PortalError> {
    Ok(domain::service_location::list(&crate::context::cx().await?, business_id).await?)
}

/// One service location.
#[server(prefix = "/portal", endpoint = "service_location/get", output = Answer)]
pub async fn get_location(id: ServiceLocationId) -> Result<ServiceLocationView, PortalError> {
    Ok(domain::service_location::get(&crate::context::cx().await?, id).await?)
}

/// Adds a service location to a business.
#[server(prefix = "/portal", endpoint = "service_location/add", output = Answer)]
pub async fn add_location(
    business_id: BusinessId,
    input: ServiceLocationInput,
) -> Result<ServiceLocationView, PortalError> {
    let location = domain::service_location::add(&crate::context::cx().await?, business_id, input).await?;
    crate::context::done("Service location added.");
    Ok(location)
}

/// Changes what is known of a service location.
#[server(prefix = "/portal", endpoint = "service_location/change", output = Answer)]
pub async fn change_location(
    id: ServiceLocationId,
    input: ServiceLocationInput,
) -> Result<ServiceLocationView, PortalError> {
    let location = domain::service_location::change(&crate::context::cx().await?, id, input).await?;
    crate::context::done("Service location changed.");
    Ok(location)
}
