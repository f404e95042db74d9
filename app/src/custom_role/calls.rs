//! The server functions of roles: each takes who is asking and calls one verb.

use crate::{codec::Answer, error::PortalError};
use entity::{
    custom_role::{CustomRoleInput, CustomRoleQuery, CustomRoleView},
    id::CustomRoleId,
    page::Page,
};
use leptos::prelude::*;

/// One page of the custom roles that this person may know of.
#[server(prefix = "/portal", endpoint = "role/list", output = Answer)]
pub async fn list_roles(
    #[server(default)] query: CustomRoleQuery,
) -> Result<Page<CustomRoleView>, PortalError> {
    Ok(domain::custom_role::list(&crate::context::cx().await?, &query).await?)
}

/// One custom role.
#[server(prefix = "/portal", endpoint = "role/get", output = Answer)]
pub async fn get_role(id: CustomRoleId) -> Result<CustomRoleView, PortalError> {
    Ok(domain::custom_role::get(&crate::context::cx().await?, id).await?)
}

/// Makes a role and leads to its page.
#[server(prefix = "/portal", endpoint = "role/add", output = Answer)]
pub async fn add_role(input: CustomRoleInput) -> Result<CustomRoleView, PortalError> {
    let cx = crate::context::cx().await?;
    let role = domain::custom_role::add(&cx.confirmed()?, input).await?;
    crate::context::done("Role made.");
    crate::context::redirect(&format!("/roles/{}", role.id));
    Ok(role)
}

/// Gives a role another name or other permissions.
#[server(prefix = "/portal", endpoint = "role/change", output = Answer)]
pub async fn change_role(id: CustomRoleId, input: CustomRoleInput) -> Result<CustomRoleView, PortalError> {
    let cx = crate::context::cx().await?;
    let role = domain::custom_role::change(&cx.confirmed()?, id, input).await?;
    crate::context::done("Role changed.");
    Ok(role)
}

/// Removes a role that nobody has, and leads back to the list.
#[server(prefix = "/portal", endpoint = "role/remove", output = Answer)]
pub async fn remove_role(id: CustomRoleId) -> Result<CustomRoleView, PortalError> {
    let cx = crate::context::cx().await?;
    let role = domain::custom_role::remove(&cx.confirmed()?, id).await?;
    crate::context::done("Role removed.");
    crate::context::redirect("/roles");
    Ok(role)
}
