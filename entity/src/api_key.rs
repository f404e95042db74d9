//! API keys: the credentials of programs. A key acts as its owner, within its scopes.

use crate::{
    id::{ApiKeyId, BusinessId, UserId},
    page::list_query,
    policy::{Action, Permissions},
    user::{GrantView, Role},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What every key begins with, so that scanners for leaked secrets find it.
pub const KEY_PREFIX: &str = "reeve_key_";
/// Days until a key expires when nobody says.
pub const EXPIRES_IN_DAYS_DEFAULT: u32 = 90;
/// Most days until a key expires.
pub const EXPIRES_IN_DAYS_MAX: u32 = 366;
/// Most networks that a key may be bound to.
pub const NETWORKS_MAX: usize = 32;

/// A key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApiKeyView {
    /// Names the key.
    pub id: ApiKeyId,
    /// What people call it.
    pub key_name: String,
    /// The last letters of the secret.
    pub hint: String,
    /// Whom it acts as.
    pub user_id: UserId,
    /// The name of that user.
    pub user_name: String,
    /// False: that user is switched off, and the key does not work.
    pub is_user_active: bool,
    /// Whose it is; absent for the MSP's own.
    pub business_id: Option<BusinessId>,
    /// Its scopes: what it may do, as far as its owner still may.
    pub permissions: Permissions,
    /// Networks that it may be used from, such as `192.0.2.0/24`; none means from anywhere.
    pub allowed_networks: Vec<String>,
    /// Who made it.
    pub created_by: UserId,
    /// The name of who made it, when whoever asks may know of them.
    pub created_by_name: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops working.
    pub expires_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Where it was last used from.
    pub last_used_ip: Option<String>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl ApiKeyView {
    /// Does it work at this time, as far as the key itself and whom it acts as decide?
    #[must_use]
    pub fn works_at(&self, now: DateTime<Utc>) -> bool {
        self.is_user_active && self.revoked_at.is_none() && self.expires_at > now
    }
}

/// What is asked to make a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApiKeyInput {
    /// What people call it.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Line", example = &"Nightly report"))]
    pub key_name: String,
    /// The service account that it acts as; oneself when absent.
    #[serde(default)]
    pub service_account_id: Option<UserId>,
    /// Its scopes; none means reading only.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<crate::schema::KeyPermission>"))]
    #[serde(default)]
    pub permissions: Vec<Action>,
    /// Networks or addresses that it may be used from, separated by spaces, commas or lines; empty means from anywhere.
    #[serde(default)]
    pub allowed_networks: String,
    /// Days until it stops working.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::KeyDays>"))]
    #[serde(default)]
    pub expires_in_days: Option<u32>,
}

/// A key that was just made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IssuedApiKey {
    /// The key.
    pub key: ApiKeyView,
    /// Its secret, shown once.
    pub secret: String,
}

impl std::fmt::Debug for IssuedApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedApiKey").field("key", &self.key).finish_non_exhaustive()
    }
}

/// What is asked to make a service account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ServiceAccountInput {
    /// What people call it.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Line", example = &"Ticket system"))]
    pub full_name: String,
    /// Whose it is; absent for the MSP's own.
    #[serde(default)]
    pub business_id: Option<BusinessId>,
    /// What it is: decides what it reaches and may do.
    pub role: Role,
    /// For a technician: every business.
    #[serde(default)]
    pub every_business: bool,
    /// Businesses granted to a technician.
    #[serde(default)]
    pub granted: Vec<BusinessId>,
}

/// What is asked to change a service account; what is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ServiceAccountChange {
    /// What people call it.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Line>", example = &"Ticket system"))]
    #[serde(default)]
    pub full_name: Option<String>,
    /// False: its keys do not work.
    #[serde(default)]
    pub is_active: Option<bool>,
}

/// A program that acts beside people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ServiceAccountView {
    /// Names the account.
    pub id: UserId,
    /// What people call it.
    pub full_name: String,
    /// What it is.
    pub role: Role,
    /// All that its keys can be allowed.
    pub permissions: Permissions,
    /// Whose it is; absent for the MSP's own.
    pub business_id: Option<BusinessId>,
    /// The name of that business.
    pub business_name: Option<String>,
    /// What it was granted, as far as whoever asks may know of it.
    pub grants: Vec<GrantView>,
    /// False: its keys do not work.
    pub is_active: bool,
    /// Keys of it that have neither expired nor been revoked.
    pub working_keys: u32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl ServiceAccountView {
    /// Names of the businesses whose devices it sees, in words.
    #[must_use]
    pub fn reach_words(&self) -> String {
        if let Some(business) = &self.business_name {
            return business.clone();
        }
        let every = self.grants.iter().any(|grant| grant.business_id.is_none());
        if self.role != Role::Technician || every {
            return "All businesses".to_owned();
        }
        let names: Vec<_> = self.grants.iter().filter_map(|grant| grant.business_name.clone()).collect();
        if names.is_empty() { "No business granted".to_owned() } else { names.join(", ") }
    }
}

list_query! {
    /// What is asked of the list of keys, newest first.
    ApiKeyQuery, {
        /// Only those that act as this user.
        user_id: UserId,
    }
}

list_query! {
    /// What is asked of the list of service accounts, by name.
    ServiceAccountQuery, {
        /// Only this business.
        business_id: BusinessId,
    }
}
