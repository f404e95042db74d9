//! Providers of sign-in by OpenID Connect: the MSP's own, and those of single businesses.

use crate::{
    factor::FactorPolicy,
    id::{BusinessId, OidcProviderId},
    page::list_query,
    platform::words,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A provider, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// The sign-in page with the button of this provider; for a business the only one that has it.
    pub sign_in_url: String,
    /// People who have signed in with it and are known by it since.
    pub people: u64,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// What is asked to add or change a provider.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OidcProviderInput {
    /// Whose people it signs in; absent for the MSP's own. Stays as it is when a provider is changed.
    #[serde(default)]
    pub business_id: Option<BusinessId>,
    /// What the button says.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Line", example = &"Company account"))]
    pub provider_name: String,
    /// The issuer's address.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 2048), url, example = &"https://login.example.com"))]
    pub issuer: String,
    /// What this server is called there.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Line", example = &"reeve"))]
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

/// The providers, and what one has to know to add one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OidcSettings {
    /// The address that every provider has to send people back to.
    pub redirect_url: String,
    /// One page of those within reach, by name.
    pub providers: crate::page::Page<OidcProviderView>,
}

/// A button of the sign-in page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInProvider {
    /// Names the provider.
    pub id: OidcProviderId,
    /// What the button says.
    pub provider_name: String,
}

/// What is asked to decide who has to have a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SignInPolicy {
    /// Who has to.
    pub factor_policy: FactorPolicy,
}

words! {
    /// Why a sign-in with a provider came to nothing. Says nothing of who has an account here.
    OidcFailure {
        /// The person, or the provider, did not go on.
        Cancelled = "cancelled",
        /// Used already, too old, or begun in another browser.
        Over = "over",
        /// The provider, or we, did not accept it.
        Refused = "refused",
        /// Too many tries.
        Slowed = "slowed",
        /// The provider does not answer.
        Unavailable = "unavailable",
    }
}

impl OidcFailure {
    /// What the sign-in page says.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Cancelled => "You were not signed in there. Try again, or sign in with your password.",
            Self::Over => "This took too long, or was done already. Begin again.",
            Self::Refused => {
                "You could not be signed in this way. Whoever runs Reeve for you can tell you which account to use."
            }
            Self::Slowed => "Too many tries. Wait some minutes and try again.",
            Self::Unavailable => {
                "The provider cannot be reached at this moment. Try again, or sign in with your password."
            }
        }
    }
}

list_query! {
    /// What is asked of the list of providers, by name.
    OidcProviderQuery, {
        /// Only this business.
        business_id: BusinessId,
    }
}
