//! The server functions of commands: each takes who is asking and calls one verb.

use super::form::CommandForm;
use crate::{codec::Answer, error::PortalError};
#[cfg(feature = "ssr")]
use entity::command::RequestEdit;
use entity::{
    command::{CommandDetail, CommandQuery, CommandRow, RequestDetail, RequestPreview},
    id::{CommandId, CommandRequestId},
    page::Page,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// Both locks for what stands in the composer, or what is missing in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// One for each business whose devices are among those chosen.
    pub requests: Vec<RequestPreview>,
    /// Why there is none yet, in a sentence.
    pub missing: Option<String>,
}

/// One page of the commands within reach.
#[server(prefix = "/portal", endpoint = "command/list", output = Answer)]
pub async fn list_commands(#[server(default)] query: CommandQuery) -> Result<Page<CommandRow>, PortalError> {
    Ok(domain::command::list(&crate::context::cx().await?, &query).await?)
}

/// One command.
#[server(prefix = "/portal", endpoint = "command/get", output = Answer)]
pub async fn get_command(id: CommandId) -> Result<CommandDetail, PortalError> {
    Ok(domain::command::get(&crate::context::cx().await?, id).await?)
}

/// One request, with the first of its commands.
#[server(prefix = "/portal", endpoint = "command/get_request", output = Answer)]
pub async fn get_request(id: CommandRequestId) -> Result<RequestDetail, PortalError> {
    Ok(domain::command::get_request(&crate::context::cx().await?, id).await?)
}

/// Looks at both locks before anything is asked. A form that is not filled in yet is no failure.
#[server(prefix = "/portal", endpoint = "command/preview", output = Answer)]
pub async fn preview_command(#[server(default)] form: CommandForm) -> Result<Preview, PortalError> {
    let cx = crate::context::cx().await?;
    match form.input() {
        Ok(input) => Ok(Preview { requests: domain::command::preview(&cx, input).await?, missing: None }),
        Err(problem) => Ok(Preview { requests: Vec::new(), missing: Some(problem.detail) }),
    }
}

/// Asks for what stands in the composer, and leads to what came of it.
#[server(prefix = "/portal", endpoint = "command/create", output = Answer)]
pub async fn create_command(#[server(default)] form: CommandForm) -> Result<(), PortalError> {
    ask(form, entity::command::Door::Portal).await
}

/// The same by a test control; refused where the server is not in test mode.
#[server(prefix = "/portal", endpoint = "command/test", output = Answer)]
pub async fn test_command(#[server(default)] form: CommandForm) -> Result<(), PortalError> {
    ask(form, entity::command::Door::TestControl).await
}

/// Takes a command back, or asks the device not to begin it.
#[server(prefix = "/portal", endpoint = "command/cancel", output = Answer)]
pub async fn cancel_command(id: CommandId) -> Result<CommandDetail, PortalError> {
    let found = domain::command::cancel(&crate::context::cx().await?, id).await?;
    crate::context::done(if found.command.state.is_over() {
        "Command cancelled."
    } else {
        "The device was asked not to begin it."
    });
    Ok(found)
}

/// Changes what was asked, as long as no device has got it; its devices stay.
#[server(prefix = "/portal", endpoint = "command/edit_request", output = Answer)]
pub async fn edit_request(
    id: CommandRequestId,
    request_sha256: String,
    #[server(default)] form: CommandForm,
) -> Result<(), PortalError> {
    let cx = crate::context::cx().await?;
    let command = form.command().map_err(|problem| {
        crate::context::set_status(problem.code);
        PortalError(problem)
    })?;
    let input = RequestEdit { request_sha256, targets: Vec::new(), filter: None, command };
    domain::command::edit(&cx, id, input).await?;
    crate::context::done("Request changed. Those who decide read it anew.");
    crate::context::redirect(&format!("/commands/requests/{id}"));
    Ok(())
}

/// Takes a whole request back.
#[server(prefix = "/portal", endpoint = "command/cancel_request", output = Answer)]
pub async fn cancel_request(id: CommandRequestId) -> Result<(), PortalError> {
    domain::command::cancel_request(&crate::context::cx().await?, id).await?;
    crate::context::done("Request cancelled.");
    Ok(())
}

#[cfg(feature = "ssr")]
async fn ask(form: CommandForm, door: entity::command::Door) -> Result<(), PortalError> {
    let cx = crate::context::cx().await?;
    let input = form.input().map_err(|problem| {
        crate::context::set_status(problem.code);
        PortalError(problem)
    })?;
    let made = match door {
        entity::command::Door::TestControl => domain::command::create_test(&cx, input).await?,
        _ => domain::command::create_many(&cx, input).await?,
    };
    let is_waiting = made.iter().any(|request| request.state == entity::command::RequestState::Awaiting);
    crate::context::done(if is_waiting { "Asked for approval." } else { "On its way." });
    let next = match made.as_slice() {
        [request] => format!("/commands/requests/{}", request.id),
        _ => "/commands".to_owned(),
    };
    crate::context::redirect(&next);
    Ok(())
}
