//! The way home: what the browser brought back is checked, step by step, before anybody is looked up.

use super::{
    AT_PROVIDER, Waiting,
    person::{known_person, link_person},
    usable,
};
use crate::{
    Store, Visitor,
    access::{CeremonySecret, SignIn, arrive, peek_ceremony, take_ceremony},
    oidc::{
        directory::published,
        exchange::{redeem, refused},
    },
    secret,
};
use entity::{id::OidcProviderId, oidc::OidcFailure, session::SignedInWith};

/// Longest answer that a provider may send through a browser, in bytes: the code, the state and who it is.
const ANSWER_MAX: usize = 8_000;

/// What a provider sent back through the browser.
pub struct Callback {
    /// Proves, once, that the person was there.
    pub code: Option<String>,
    /// What was sent out with them.
    pub state: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// Who says so, where the provider names itself.
    pub iss: Option<String>,
}

/// How a sign-in ended.
pub struct Finished {
    /// They are in, their second factor is asked for, or why not.
    pub arrived: Result<SignIn, OidcFailure>,
    /// Where they wanted to go.
    pub next: String,
    /// With which provider it was begun; absent when it was not begun here.
    pub provider_id: Option<OidcProviderId>,
}

/// Finishes the sign-in that this browser began. Once: what was begun is over then, however it ended.
pub async fn finish(
    store: &Store,
    visitor: &Visitor,
    secret: Option<&CeremonySecret>,
    callback: Callback,
) -> Finished {
    match recall(store, secret, &callback).await {
        Ok(waiting) => {
            let arrived = go_on(store, visitor, &waiting, callback).await;
            Finished { arrived, next: waiting.next, provider_id: Some(waiting.provider_id) }
        }
        Err(failure) => Finished { arrived: Err(failure), next: "/".to_owned(), provider_id: None },
    }
}

/// What was begun in this browser, if the answer belongs to it. An answer to another question ends nothing: else a
/// page of somebody else's could end it.
async fn recall(
    store: &Store,
    secret: Option<&CeremonySecret>,
    callback: &Callback,
) -> Result<Waiting, OidcFailure> {
    let secret = secret.ok_or(OidcFailure::Over)?;
    let (_, waiting): (_, Waiting) = peek_ceremony(store, AT_PROVIDER, secret).await?;
    let state = callback.state.as_deref().unwrap_or_default();
    // Digests are compared, so that the time it takes says nothing of the state.
    if secret::digest(state) != secret::digest(&waiting.state) {
        return Err(OidcFailure::Over);
    }
    let (_, waiting) = take_ceremony(store, AT_PROVIDER, secret).await?;
    Ok(waiting)
}

async fn go_on(
    store: &Store,
    visitor: &Visitor,
    waiting: &Waiting,
    callback: Callback,
) -> Result<SignIn, OidcFailure> {
    let provider = usable(store, waiting.provider_id).await?.ok_or(OidcFailure::Refused)?;
    let metadata = published(store, &provider).await.map_err(|why| {
        tracing::warn!(why, id = %provider.id, "a provider of sign-in cannot be used");
        OidcFailure::Unavailable
    })?;
    let issuer = metadata.issuer().as_str();
    match callback.iss.as_deref() {
        Some(iss) if iss != issuer => return Err(refused("another provider answered", &iss)),
        None if metadata.additional_metadata().authorization_response_iss_parameter_supported => {
            return Err(refused("the answer does not name its provider", &issuer));
        }
        _ => {}
    }
    if let Some(error) = callback.error {
        refused("the provider says so", &error);
        return Err(OidcFailure::Cancelled);
    }
    let code = callback.code.filter(|code| !code.is_empty() && code.len() <= ANSWER_MAX);
    let code = code.ok_or_else(|| refused("there is no code", &"or too much of it"))?;
    // From here on the provider is asked, and the audit log may grow.
    let account = format!("oidc {}", provider.id);
    let ticket = store.throttle().enter(store.now(), &visitor.source_ip, &account)?;
    let vouched = redeem(store, &provider, &metadata, waiting, code).await?;
    let user = match known_person(store, &provider, vouched.subject()).await? {
        Some(user) => user,
        None => {
            let email = vouched.verified_email(store).await?;
            link_person(store, visitor, &provider, vouched.subject(), email.as_deref()).await?
        }
    };
    let with = if provider.asks_for_factor { SignedInWith::OidcWithFactor } else { SignedInWith::Oidc };
    let arrived = arrive(store, visitor, &user, with).await?;
    ticket.succeeded();
    Ok(arrived)
}
