//! What providers publish about themselves: their addresses and keys, asked for when needed and kept for some minutes.

use super::{address::is_acceptable_url, fetch::asking};
use crate::{Store, oidc::exchange::Metadata};
use chrono::{DateTime, Duration, Utc};
use entity::{id::OidcProviderId, input::clip, table::oidc_provider};
use openidconnect::{DiscoveryError, IssuerUrl, url::Url};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// How long what a provider published is taken as it was.
const KEPT: Duration = Duration::minutes(10);
/// Characters of a foreign text that are repeated to people or in the log.
pub(super) const REPEATED_MAX: usize = 200;

/// What was published, and when it was asked for.
type Published = (DateTime<Utc>, Arc<Metadata>);

/// What was published, by provider.
#[derive(Default)]
pub(crate) struct Directory(Mutex<HashMap<OidcProviderId, Published>>);

impl Directory {
    fn fresh(&self, now: DateTime<Utc>, provider: &oidc_provider::Model) -> Option<Arc<Metadata>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, metadata) = kept.get(&provider.id)?;
        let is_fresh = *at + KEPT > now && metadata.issuer().as_str() == provider.issuer;
        is_fresh.then(|| Arc::clone(metadata))
    }

    fn keep(&self, now: DateTime<Utc>, id: OidcProviderId, metadata: &Arc<Metadata>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(id, (now, Arc::clone(metadata)));
    }

    /// Forgets a provider.
    pub(crate) fn forget(&self, id: OidcProviderId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

/// What a provider published, at most some minutes ago.
///
/// # Errors
/// What is wrong, for the log.
pub(super) async fn published(
    store: &Store,
    provider: &oidc_provider::Model,
) -> Result<Arc<Metadata>, String> {
    match store.directory().fresh(store.now(), provider) {
        Some(metadata) => Ok(metadata),
        None => published_now(store, provider).await,
    }
}

/// What a provider publishes at this moment.
///
/// # Errors
/// What is wrong, for the log.
pub(super) async fn published_now(
    store: &Store,
    provider: &oidc_provider::Model,
) -> Result<Arc<Metadata>, String> {
    let metadata = Arc::new(discover(store, &provider.issuer).await?);
    store.directory().keep(store.now(), provider.id, &metadata);
    Ok(metadata)
}

/// Asks an issuer for its configuration and its keys.
///
/// # Errors
/// What is wrong, in a sentence for whoever wrote the issuer down.
pub(super) async fn discover(store: &Store, issuer: &str) -> Result<Metadata, String> {
    let issuer = IssuerUrl::new(issuer.to_owned()).map_err(|_| "This is no address.".to_owned())?;
    let ask = asking(store).map_err(|_| "This server cannot reach other servers.".to_owned())?;
    let metadata = Metadata::discover_async(issuer, &ask).await.map_err(|error| match error {
        DiscoveryError::Request(error) => {
            tracing::info!(%error, "an issuer of OpenID Connect does not answer");
            "Nothing answers there, or not as it should.".to_owned()
        }
        DiscoveryError::Validation(detail) => {
            format!("The provider calls itself something else: {}.", clip(&detail, REPEATED_MAX))
        }
        DiscoveryError::Response(status, ..) if !status.is_success() => {
            format!("No provider of OpenID Connect was found there: it answers {}.", status.as_u16())
        }
        _ => "What answers there is no provider of OpenID Connect.".to_owned(),
    })?;
    let addresses = [
        Some(metadata.authorization_endpoint().url()),
        metadata.token_endpoint().map(|address| address.url()),
        metadata.userinfo_endpoint().map(|address| address.url()),
        Some(metadata.jwks_uri().url()),
    ];
    // Only a provider on this machine may lead to other places on it.
    let is_local = metadata.issuer().url().scheme() == "http";
    let may_ask = |address: &Url| is_acceptable_url(address) && (is_local || address.scheme() == "https");
    if !addresses.into_iter().flatten().all(may_ask) {
        return Err("The provider names addresses that are not https.".to_owned());
    }
    if metadata.token_endpoint().is_none() {
        return Err("The provider has no token endpoint: it cannot sign people in with a code.".to_owned());
    }
    Ok(metadata)
}
