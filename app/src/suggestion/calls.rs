//! The server functions of suggestions: each takes who is asking and calls one verb.

use crate::{codec::Answer, error::PortalError};
use entity::{
    id::SuggestionId,
    page::Page,
    suggestion::{DismissInput, SuggestionQuery, SuggestionView},
};
use leptos::prelude::*;

/// One page of the suggestions within reach.
#[server(prefix = "/portal", endpoint = "suggestion/list", output = Answer)]
pub async fn list_suggestions(
    #[server(default)] query: SuggestionQuery,
) -> Result<Page<SuggestionView>, PortalError> {
    Ok(domain::suggestion::list(&crate::context::cx().await?, &query).await?)
}

/// Asks for what was suggested, and leads to what came of it.
#[server(prefix = "/portal", endpoint = "suggestion/take", output = Answer)]
pub async fn take_suggestion(id: SuggestionId) -> Result<(), PortalError> {
    let made = domain::suggestion::take(&crate::context::cx().await?, id).await?;
    let is_waiting = made.request.state == entity::command::RequestState::Awaiting;
    crate::context::done(if is_waiting { "Asked for approval." } else { "On its way." });
    crate::context::redirect(&format!("/commands/{}", made.command.id));
    Ok(())
}

/// Says that it is not wanted.
#[server(prefix = "/portal", endpoint = "suggestion/dismiss", output = Answer)]
pub async fn dismiss_suggestion(
    id: SuggestionId,
    #[server(default)] input: DismissInput,
) -> Result<SuggestionView, PortalError> {
    let view = domain::suggestion::dismiss(&crate::context::cx().await?, id, input).await?;
    crate::context::done("Suggestion dismissed.");
    Ok(view)
}
