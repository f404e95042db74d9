//! The server functions of signing in with a provider: each takes who is asking and calls one verb.

use crate::{codec::Answer, error::PortalError};
use entity::{
    id::OidcProviderId,
    oidc::{
        OidcProviderInput, OidcProviderQuery, OidcProviderView, OidcSettings, SignInPolicy, SignInProvider,
    },
};
use leptos::prelude::*;

/// The buttons of the sign-in page: the MSP's providers and the one that this browser knows, or the one that a link names.
#[server(prefix = "/portal", endpoint = "oidc/buttons", output = Answer)]
pub async fn sign_in_providers(asked: Option<OidcProviderId>) -> Result<Vec<SignInProvider>, PortalError> {
    let known = crate::context::known_provider();
    Ok(domain::oidc::buttons(&crate::context::store()?, asked, known).await?)
}

/// One page of the providers within reach, and what one has to know to add one.
#[server(prefix = "/portal", endpoint = "oidc/settings", output = Answer)]
pub async fn get_oidc_settings(
    #[server(default)] query: OidcProviderQuery,
) -> Result<OidcSettings, PortalError> {
    Ok(domain::oidc::settings(&crate::context::cx().await?, &query).await?)
}

/// One provider.
#[server(prefix = "/portal", endpoint = "oidc/get", output = Answer)]
pub async fn get_provider(id: OidcProviderId) -> Result<OidcProviderView, PortalError> {
    Ok(domain::oidc::get(&crate::context::cx().await?, id).await?)
}

/// Adds a provider and leads to its page.
#[server(prefix = "/portal", endpoint = "oidc/add", output = Answer)]
pub async fn add_provider(input: OidcProviderInput) -> Result<OidcProviderView, PortalError> {
    let cx = crate::context::cx().await?;
    let provider = domain::oidc::add(&cx.confirmed()?, input).await?;
    crate::context::done("Provider added.");
    crate::context::redirect(&format!("/sign-in-settings/{}", provider.id));
    Ok(provider)
}

/// Changes a provider.
#[server(prefix = "/portal", endpoint = "oidc/change", output = Answer)]
pub async fn change_provider(
    id: OidcProviderId,
    input: OidcProviderInput,
) -> Result<OidcProviderView, PortalError> {
    let cx = crate::context::cx().await?;
    let provider = domain::oidc::change(&cx.confirmed()?, id, input).await?;
    crate::context::done("Provider changed.");
    Ok(provider)
}

/// Removes a provider and leads back to the list.
#[server(prefix = "/portal", endpoint = "oidc/remove", output = Answer)]
pub async fn remove_provider(id: OidcProviderId) -> Result<(), PortalError> {
    let cx = crate::context::cx().await?;
    domain::oidc::remove(&cx.confirmed()?, id).await?;
    crate::context::done("Provider removed.");
    crate::context::redirect("/sign-in-settings");
    Ok(())
}

/// Who has to have a second factor.
#[server(prefix = "/portal", endpoint = "oidc/policy", output = Answer)]
pub async fn get_sign_in_policy() -> Result<SignInPolicy, PortalError> {
    Ok(domain::oidc::sign_in_policy(&crate::context::cx().await?).await?)
}

/// Decides who has to have a second factor.
#[server(prefix = "/portal", endpoint = "oidc/set-policy", output = Answer)]
pub async fn set_sign_in_policy(input: SignInPolicy) -> Result<(), PortalError> {
    let cx = crate::context::cx().await?;
    domain::access::set_factor_policy(&cx.confirmed()?, input.factor_policy).await?;
    crate::context::done("Saved.");
    Ok(())
}
