//! The server functions of scripts: each takes who is asking and calls one verb.

use super::form::ScriptForm;
use crate::{codec::Answer, error::PortalError};
use entity::{
    id::{ScriptId, ScriptVersionId},
    page::Page,
    script::{ScriptChange, ScriptQuery, ScriptVersionRow, ScriptVersionView, ScriptView},
};
use leptos::prelude::*;

/// One page of the library.
#[server(prefix = "/portal", endpoint = "script/list", output = Answer)]
pub async fn list_scripts(#[server(default)] query: ScriptQuery) -> Result<Page<ScriptView>, PortalError> {
    Ok(domain::script::list(&crate::context::cx().await?, &query).await?)
}

/// One script.
#[server(prefix = "/portal", endpoint = "script/get", output = Answer)]
pub async fn get_script(id: ScriptId) -> Result<ScriptView, PortalError> {
    Ok(domain::script::get(&crate::context::cx().await?, id).await?)
}

/// Its versions, newest first, without their texts.
#[server(prefix = "/portal", endpoint = "script/versions", output = Answer)]
pub async fn list_versions(id: ScriptId) -> Result<Vec<ScriptVersionRow>, PortalError> {
    Ok(domain::script::versions(&crate::context::cx().await?, id).await?)
}

/// One version with its text.
#[server(prefix = "/portal", endpoint = "script/version", output = Answer)]
pub async fn get_version(id: ScriptVersionId) -> Result<ScriptVersionView, PortalError> {
    Ok(domain::script::get_version(&crate::context::cx().await?, id).await?)
}

/// Adds a script and leads to its page.
#[server(prefix = "/portal", endpoint = "script/add", output = Answer)]
pub async fn add_script(#[server(default)] form: ScriptForm) -> Result<ScriptView, PortalError> {
    let input = form.input().map_err(domain::Error::from)?;
    let script = domain::script::add(&crate::context::cx().await?, input).await?;
    crate::context::done("Script added.");
    crate::context::redirect(&format!("/scripts/{}", script.id));
    Ok(script)
}

/// Adds a version; those before stay as they are.
#[server(prefix = "/portal", endpoint = "script/add_version", output = Answer)]
pub async fn add_version(
    id: ScriptId,
    #[server(default)] form: ScriptForm,
) -> Result<ScriptView, PortalError> {
    let input = form.version().map_err(domain::Error::from)?;
    let script = domain::script::add_version(&crate::context::cx().await?, id, input).await?;
    crate::context::done(&format!("Version {} added.", script.latest.version));
    Ok(script)
}

/// Renames or describes a script.
#[server(prefix = "/portal", endpoint = "script/change", output = Answer)]
pub async fn change_script(id: ScriptId, input: ScriptChange) -> Result<ScriptView, PortalError> {
    let script = domain::script::change(&crate::context::cx().await?, id, input).await?;
    crate::context::done("Script changed.");
    Ok(script)
}

/// Puts a script away.
#[server(prefix = "/portal", endpoint = "script/archive", output = Answer)]
pub async fn archive_script(id: ScriptId) -> Result<ScriptView, PortalError> {
    let script = domain::script::archive(&crate::context::cx().await?, id).await?;
    crate::context::done("Script put away.");
    Ok(script)
}
