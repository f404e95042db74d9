//! The way out: a question for the provider, and a secret for the browser that asks it.

use super::{AT_PROVIDER, usable};
use crate::{
    Store,
    access::{CeremonySecret, begin_ceremony},
    oidc::{directory::published, exchange::known_to},
    secret,
};
use entity::{id::OidcProviderId, oidc::OidcFailure};
use openidconnect::{CsrfToken, Nonce, PkceCodeChallenge, Scope, core::CoreAuthenticationFlow};
use serde::{Deserialize, Serialize};

/// Longest path to go on to, in bytes.
const NEXT_MAX: usize = 2_000;

/// What is remembered, sealed, of a person who is at a provider.
#[derive(Serialize, Deserialize)]
pub(in crate::oidc) struct Waiting {
    /// Which provider.
    pub(super) provider_id: OidcProviderId,
    /// Has to come back through the browser.
    pub(super) state: String,
    /// Has to stand in the ID token.
    pub(in crate::oidc) nonce: String,
    /// Proves to the provider that who asked is who brings the code.
    pub(in crate::oidc) verifier: String,
    /// Where the person goes afterwards.
    pub(super) next: String,
}

/// A sign-in that has begun.
pub struct Begun {
    /// Where the browser goes: to the provider.
    pub url: String,
    /// What the browser keeps until it comes back.
    pub secret: CeremonySecret,
}

/// Begins a sign-in with a provider. `next`: a path of this server, to go on to.
///
/// # Errors
/// Refused when there is no such provider or it is switched off, unavailable when it does not answer.
pub async fn begin(store: &Store, id: OidcProviderId, next: &str) -> Result<Begun, OidcFailure> {
    let provider = usable(store, id).await?.ok_or(OidcFailure::Refused)?;
    let metadata = published(store, &provider).await.map_err(|why| {
        tracing::warn!(why, %id, "a provider of sign-in cannot be used");
        OidcFailure::Unavailable
    })?;
    let (state, nonce) = (secret::opaque()?, secret::opaque()?);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let known = known_to(store, &provider, &metadata)?;
    let (sent_state, sent_nonce) = (CsrfToken::new(state.clone()), Nonce::new(nonce.clone()));
    let (url, _, _) = known
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || sent_state, move || sent_nonce)
        .add_scope(Scope::new("email".to_owned()))
        .set_pkce_challenge(challenge)
        .url();
    let waiting = Waiting {
        provider_id: id,
        state,
        nonce,
        verifier: verifier.secret().clone(),
        next: if next.len() > NEXT_MAX { "/".to_owned() } else { next.to_owned() },
    };
    let secret = begin_ceremony(store, AT_PROVIDER, None, &waiting).await?;
    Ok(Begun { url: url.to_string(), secret })
}
