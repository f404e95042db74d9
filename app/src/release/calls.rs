//! The server functions of releases: each takes who is asking and calls one verb.

use super::root_form::RootForm;
use crate::{codec::Answer, error::PortalError};
use entity::{
    agent_release::{ReleaseDetail, ReleaseQuery, ReleaseView, RootView},
    id::ReleaseId,
    page::Page,
};
use leptos::prelude::*;

/// One page of the releases.
#[server(prefix = "/portal", endpoint = "release/list", output = Answer)]
pub async fn list_releases(#[server(default)] query: ReleaseQuery) -> Result<Page<ReleaseView>, PortalError> {
    Ok(domain::release::list(&crate::context::cx().await?, &query).await?)
}

/// One release.
#[server(prefix = "/portal", endpoint = "release/get", output = Answer)]
pub async fn get_release(id: ReleaseId) -> Result<ReleaseDetail, PortalError> {
    Ok(domain::release::get(&crate::context::cx().await?, id).await?)
}

/// Says whether files may be sent now, before large ones are.
#[server(prefix = "/portal", endpoint = "release/is-ready", output = Answer)]
pub async fn is_ready_to_upload() -> Result<(), PortalError> {
    let cx = crate::context::cx().await?;
    Ok(domain::release::check_manage(&cx.confirmed()?)?)
}

/// Writes other notes.
#[server(prefix = "/portal", endpoint = "release/write-notes", output = Answer)]
pub async fn write_notes(
    id: ReleaseId,
    #[server(default)] notes: String,
) -> Result<ReleaseDetail, PortalError> {
    let cx = crate::context::cx().await?;
    let input = entity::agent_release::ReleaseChange { notes: Some(notes), withdraw_reason: None };
    let release = domain::release::change(&cx.confirmed()?, id, input).await?;
    crate::context::done("Notes changed.");
    Ok(release)
}

/// Takes a release back, for a reason.
#[server(prefix = "/portal", endpoint = "release/withdraw", output = Answer)]
pub async fn withdraw_release(
    id: ReleaseId,
    #[server(default)] withdraw_reason: String,
) -> Result<ReleaseDetail, PortalError> {
    let cx = crate::context::cx().await?;
    let input = entity::agent_release::ReleaseChange { notes: None, withdraw_reason: Some(withdraw_reason) };
    let release = domain::release::change(&cx.confirmed()?, id, input).await?;
    crate::context::done("Release withdrawn.");
    Ok(release)
}

/// The roots, the one in force first.
#[server(prefix = "/portal", endpoint = "release/roots", output = Answer)]
pub async fn list_roots() -> Result<Vec<RootView>, PortalError> {
    Ok(domain::release::roots(&crate::context::cx().await?).await?)
}

/// Reads a root that somebody wants to add; changes nothing.
#[server(prefix = "/portal", endpoint = "release/look-at-root", output = Answer)]
pub async fn look_at_root(root: String) -> Result<RootView, PortalError> {
    Ok(domain::release::look_at_root(&crate::context::cx().await?, &root).await?)
}

/// Adds a root.
#[server(prefix = "/portal", endpoint = "release/add-root", output = Answer)]
pub async fn add_root(#[server(default)] form: RootForm) -> Result<RootView, PortalError> {
    let cx = crate::context::cx().await?;
    let input = form.input().map_err(domain::Error::from)?;
    let root = domain::release::add_root(&cx.confirmed()?, input).await?;
    crate::context::done(&format!("Root {} is in force.", root.version));
    Ok(root)
}
