//! The server functions of API keys: each takes who is asking and calls one verb.

use crate::{codec::Answer, error::PortalError};
use entity::{
    api_key::{ApiKeyInput, ApiKeyQuery, ApiKeyView},
    id::ApiKeyId,
    page::Page,
};
use leptos::prelude::*;

/// One page of one's own keys.
#[server(prefix = "/portal", endpoint = "api_key/own", output = Answer)]
pub async fn list_own_keys(#[server(default)] query: ApiKeyQuery) -> Result<Page<ApiKeyView>, PortalError> {
    let cx = crate::context::cx().await?;
    let query = ApiKeyQuery { user_id: Some(cx.me().id), ..query };
    Ok(domain::api_key::list(&cx, &query).await?)
}

/// One page of the keys of one user, or of all that may be seen.
#[server(prefix = "/portal", endpoint = "api_key/list", output = Answer)]
pub async fn list_keys(#[server(default)] query: ApiKeyQuery) -> Result<Page<ApiKeyView>, PortalError> {
    Ok(domain::api_key::list(&crate::context::cx().await?, &query).await?)
}

/// One key, without its secret.
#[server(prefix = "/portal", endpoint = "api_key/get", output = Answer)]
pub async fn get_key(id: ApiKeyId) -> Result<ApiKeyView, PortalError> {
    Ok(domain::api_key::get(&crate::context::cx().await?, id).await?)
}

/// Makes a key and leads to its page, which shows the secret once.
#[server(prefix = "/portal", endpoint = "api_key/add", output = Answer)]
pub async fn add_key(input: ApiKeyInput) -> Result<ApiKeyId, PortalError> {
    let cx = crate::context::cx().await?;
    let id = domain::api_key::add(&cx.confirmed()?, input).await?.key.id;
    crate::context::redirect(&format!("/api-keys/{id}"));
    Ok(id)
}

/// The secret of a key, the first time its maker asks; nothing later on.
#[server(prefix = "/portal", endpoint = "api_key/take_secret", output = Answer)]
pub async fn take_key_secret(id: ApiKeyId) -> Result<Option<String>, PortalError> {
    Ok(domain::api_key::take_secret(&crate::context::cx().await?, id).await?)
}

/// Takes a key back.
#[server(prefix = "/portal", endpoint = "api_key/revoke", output = Answer)]
pub async fn revoke_key(id: ApiKeyId) -> Result<ApiKeyView, PortalError> {
    let key = domain::api_key::revoke(&crate::context::cx().await?, id).await?;
    crate::context::done("API key revoked.");
    Ok(key)
}
