//! The server functions of service accounts: each takes who is asking and calls one verb.

use crate::{codec::Answer, error::PortalError};
use entity::{
    api_key::{ServiceAccountChange, ServiceAccountInput, ServiceAccountQuery, ServiceAccountView},
    id::UserId,
    page::Page,
};
use leptos::prelude::*;

/// One page of the service accounts within reach.
#[server(prefix = "/portal", endpoint = "service_account/list", output = Answer)]
pub async fn list_service_accounts(
    #[server(default)] query: ServiceAccountQuery,
) -> Result<Page<ServiceAccountView>, PortalError> {
    Ok(domain::service_account::list(&crate::context::cx().await?, &query).await?)
}

/// One service account.
#[server(prefix = "/portal", endpoint = "service_account/get", output = Answer)]
pub async fn get_service_account(id: UserId) -> Result<ServiceAccountView, PortalError> {
    Ok(domain::service_account::get(&crate::context::cx().await?, id).await?)
}

/// Makes a service account and leads to its page.
#[server(prefix = "/portal", endpoint = "service_account/add", output = Answer)]
pub async fn add_service_account(input: ServiceAccountInput) -> Result<ServiceAccountView, PortalError> {
    let cx = crate::context::cx().await?;
    let account = domain::service_account::add(&cx.confirmed()?, input).await?;
    crate::context::done("Service account made. It needs a key to act.");
    crate::context::redirect(&format!("/service-accounts/{}", account.id));
    Ok(account)
}

/// Renames a service account, or switches it off or on again.
#[server(prefix = "/portal", endpoint = "service_account/change", output = Answer)]
pub async fn change_service_account(
    id: UserId,
    wanted: ServiceAccountChange,
) -> Result<ServiceAccountView, PortalError> {
    let cx = crate::context::cx().await?;
    let account = domain::service_account::change(&cx.confirmed()?, id, wanted).await?;
    crate::context::done("Service account changed.");
    Ok(account)
}
