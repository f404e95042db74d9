//! The server functions of businesses: each takes who is asking and calls one verb.

use crate::{codec::Answer, error::PortalError};
use entity::{
    business::{BusinessChoice, BusinessInput, BusinessQuery, BusinessView},
    id::BusinessId,
    page::Page,
    release::Channel,
};
use leptos::prelude::*;

/// One page of the businesses within reach.
#[server(prefix = "/portal", endpoint = "business/list", output = Answer)]
pub async fn list_businesses(
    #[server(default)] query: BusinessQuery,
) -> Result<Page<BusinessView>, PortalError> {
    Ok(domain::business::list(&crate::context::cx().await?, &query).await?)
}

/// Businesses to choose from: the first that match, and the one that is chosen.
#[server(prefix = "/portal", endpoint = "business/offer", output = Answer)]
pub async fn offer_businesses(
    like: Option<String>,
    chosen: Option<BusinessId>,
) -> Result<Page<BusinessChoice>, PortalError> {
    let cx = crate::context::cx().await?;
    Ok(domain::business::choices(&cx, like.as_deref(), chosen.as_slice()).await?)
}

/// One business.
#[server(prefix = "/portal", endpoint = "business/get", output = Answer)]
pub async fn get_business(id: BusinessId) -> Result<BusinessView, PortalError> {
    Ok(domain::business::get(&crate::context::cx().await?, id).await?)
}

/// Adds a business and leads to its page.
#[server(prefix = "/portal", endpoint = "business/add", output = Answer)]
pub async fn add_business(input: BusinessInput) -> Result<BusinessView, PortalError> {
    let business = domain::business::add(&crate::context::cx().await?, input).await?;
    crate::context::done("Business added.");
    crate::context::redirect(&format!("/businesses/{}", business.id));
    Ok(business)
}

/// Switches a business off or on again.
#[server(prefix = "/portal", endpoint = "business/set_active", output = Answer)]
pub async fn set_business_active(id: BusinessId, is_active: bool) -> Result<BusinessView, PortalError> {
    let cx = crate::context::cx().await?;
    let business = domain::business::set_active(&cx.confirmed()?, id, is_active).await?;
    crate::context::done(if is_active { "Business switched on." } else { "Business switched off." });
    Ok(business)
}

/// Puts the devices of a business on a channel, but for those that have one of their own.
#[server(prefix = "/portal", endpoint = "business/set_release_channel", output = Answer)]
pub async fn set_business_channel(id: BusinessId, channel: Channel) -> Result<BusinessView, PortalError> {
    let cx = crate::context::cx().await?;
    let business = domain::release::set_channel_of_business(&cx, id, channel).await?;
    crate::context::done(&format!("Its devices follow {} now.", channel.label()));
    Ok(business)
}

/// Gives a business another name.
#[server(prefix = "/portal", endpoint = "business/rename", output = Answer)]
pub async fn rename_business(id: BusinessId, input: BusinessInput) -> Result<BusinessView, PortalError> {
    let business = domain::business::rename(&crate::context::cx().await?, id, input).await?;
    crate::context::done("Business renamed.");
    Ok(business)
}
