//! The server functions of service locations: each takes who is asking and calls one verb.

use crate::{codec::Answer, error::PortalError};
use entity::{
    id::{BusinessId, ServiceLocationId},
    page::Page,
    service_location::{
        ServiceLocationChoice, ServiceLocationInput, ServiceLocationQuery, ServiceLocationView,
    },
};
use leptos::prelude::*;

/// One page of the service locations within reach, of one business or of all.
#[server(prefix = "/portal", endpoint = "service_location/list", output = Answer)]
pub async fn list_locations(
    #[server(default)] query: ServiceLocationQuery,
) -> Result<Page<ServiceLocationView>, PortalError> {
    Ok(domain::service_location::list(&crate::context::cx().await?, &query).await?)
}

/// Service locations to choose from, of one business or of all: the first that match, and the one that is chosen.
#[server(prefix = "/portal", endpoint = "service_location/offer", output = Answer)]
pub async fn offer_locations(
    business_id: Option<BusinessId>,
    like: Option<String>,
    chosen: Option<ServiceLocationId>,
) -> Result<Page<ServiceLocationChoice>, PortalError> {
    let cx = crate::context::cx().await?;
    Ok(domain::service_location::choices(&cx, business_id, like.as_deref(), chosen.as_slice()).await?)
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
