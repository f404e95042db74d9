//! Providers of sign-in by OpenID Connect: the MSP's own, and those of single businesses.

use crate::id::{BusinessId, OidcProviderId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A provider, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OidcProviderView {
    /// Names the provider.
    pub id: OidcProviderId,
    /// Whose people it signs in; absent for the MSP's own.
    pub business_id: Option<BusinessId>,
    /// The name of that business.
    pub business_name: Option<String>,
    /// What the button says.
    pub provider_name: String,
    /// The issuer's address; its configuration is found below it.
    pub issuer: String,
    /// What this server is called there.
    pub client_id: String,
    /// True when a client secret is stored.
    pub has_client_secret: bool,
    /// True when the provider asks for a second factor itself, so that ours is not asked for.
    pub asks_for_factor: bool,
    /// False: nobody can sign in with it.
    pub is_active: bool,
    /// The address that the provider has to send people back to.
    pub redirect_url: String,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// What is asked to add or change a provider.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcProviderInput {
    /// Whose people it signs in; absent for the MSP's own. Stays as it is when a provider is changed.
    #[serde(default)]
    pub business_id: Option<BusinessId>,
    /// What the button says.
    pub provider_name: String,
    /// The issuer's address.
    pub issuer: String,
    /// What this server is called there.
    pub client_id: String,
    /// The secret that goes with it. Empty: none for a new provider, unchanged for one that is there.
    #[serde(default)]
    pub client_secret: String,
    /// True when the provider asks for a second factor itself.
    #[serde(default)]
    pub asks_for_factor: bool,
    /// False: nobody can sign in with it.
    #[serde(default)]
    pub is_active: bool,
}

impl std::fmt::Debug for OidcProviderInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OidcProviderInput").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// A button of the sign-in page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInProvider {
    /// Names the provider.
    pub id: OidcProviderId,
    /// What the button says.
    pub provider_name: String,
}
