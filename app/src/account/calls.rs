//! Server functions of one's own account.

use crate::{codec::Answer, error::PortalError};
use entity::{
    id::SessionId,
    page::Page,
    session::{PasswordInput, SessionQuery, SessionView},
};
use leptos::prelude::*;

/// One page of one's own sessions.
#[server(prefix = "/portal", endpoint = "account/sessions", output = Answer)]
pub async fn list_sessions(#[server(default)] query: SessionQuery) -> Result<Page<SessionView>, PortalError> {
    Ok(domain::account::sessions(&crate::context::cx().await?, &query).await?)
}

/// Ends one of one's own sessions.
#[server(prefix = "/portal", endpoint = "account/end-session", output = Answer)]
pub async fn end_session(id: SessionId) -> Result<(), PortalError> {
    domain::account::end_session(&crate::context::cx().await?, id).await?;
    crate::context::done("Session ended.");
    Ok(())
}

/// Ends all one's own sessions but the one that asks.
#[server(prefix = "/portal", endpoint = "account/end-other-sessions", output = Answer)]
pub async fn end_other_sessions() -> Result<(), PortalError> {
    domain::account::end_other_sessions(&crate::context::cx().await?).await?;
    crate::context::done("Your other sessions have ended.");
    Ok(())
}

/// Changes one's own password and stays.
#[server(prefix = "/portal", endpoint = "account/change-password", output = Answer)]
pub async fn change_password(input: PasswordInput) -> Result<(), PortalError> {
    domain::account::change_password(&crate::context::cx().await?, input).await?;
    crate::context::done("Password changed. Your other sessions have ended.");
    Ok(())
}

/// Replaces the one-time password and goes on.
#[server(prefix = "/portal", endpoint = "account/replace-password", output = Answer)]
pub async fn replace_password(input: PasswordInput) -> Result<(), PortalError> {
    domain::account::change_password(&crate::context::cx().await?, input).await?;
    crate::context::done("Password changed. Use it from now on.");
    crate::context::redirect("/");
    Ok(())
}
