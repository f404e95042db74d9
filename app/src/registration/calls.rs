//! The server functions of registration tokens: each takes who is asking and calls one verb.

use crate::{codec::Answer, error::PortalError};
use entity::{
    id::RegistrationTokenId,
    page::Page,
    registration::{
        IssuedRegistrationToken, RegistrationTokenInput, RegistrationTokenQuery, RegistrationTokenView,
    },
};
use leptos::prelude::*;

/// Makes a token and leads to the page that shows its secret once.
#[server(prefix = "/portal", endpoint = "registration/issue", output = Answer)]
pub async fn issue_token(input: RegistrationTokenInput) -> Result<RegistrationTokenId, PortalError> {
    let id = domain::registration::issue(&crate::context::cx().await?, input).await?.id;
    crate::context::redirect(&format!("/devices/add/{id}"));
    Ok(id)
}

/// One page of the tokens within reach, newest first.
#[server(prefix = "/portal", endpoint = "registration/list", output = Answer)]
pub async fn list_tokens(
    #[server(default)] query: RegistrationTokenQuery,
) -> Result<Page<RegistrationTokenView>, PortalError> {
    Ok(domain::registration::list(&crate::context::cx().await?, &query).await?)
}

/// One token, without its secret.
#[server(prefix = "/portal", endpoint = "registration/get", output = Answer)]
pub async fn get_token(id: RegistrationTokenId) -> Result<RegistrationTokenView, PortalError> {
    Ok(domain::registration::get(&crate::context::cx().await?, id).await?)
}

/// The secret of a token, the first time its maker asks; nothing later on.
#[server(prefix = "/portal", endpoint = "registration/take_secret", output = Answer)]
pub async fn take_secret(id: RegistrationTokenId) -> Result<Option<IssuedRegistrationToken>, PortalError> {
    Ok(domain::registration::take_secret(&crate::context::cx().await?, id).await?)
}

/// Takes a waiting token back.
#[server(prefix = "/portal", endpoint = "registration/revoke", output = Answer)]
pub async fn revoke_token(id: RegistrationTokenId) -> Result<RegistrationTokenView, PortalError> {
    let token = domain::registration::revoke(&crate::context::cx().await?, id).await?;
    crate::context::done("Registration token revoked.");
    Ok(token)
}
