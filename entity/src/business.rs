//! A business: a customer of the MSP.

use crate::{id::BusinessId, page::list_query, platform::words, release::Channel};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A business as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BusinessView {
    /// Names the business.
    pub id: BusinessId,
    /// What people call it.
    pub business_name: String,
    /// False: its people cannot sign in and its devices are not heard.
    pub is_active: bool,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Which releases its devices are for that have no channel of their own.
    pub release_channel: Channel,
    /// Service locations it has.
    pub service_locations: u64,
    /// People of its own.
    pub users: u64,
    /// Devices by presence.
    pub devices: PresenceCounts,
}

/// How many devices are in which presence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PresenceCounts {
    /// Reachable now.
    pub online: u64,
    /// Silent for too long.
    pub offline: u64,
    /// Registered, never heard of.
    pub unknown: u64,
}

impl PresenceCounts {
    /// All devices.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.online + self.offline + self.unknown
    }
}

/// What is asked to switch a business off or on.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BusinessSwitch {
    /// False: its people cannot sign in and its devices are not heard.
    pub is_active: bool,
}

/// What is asked to put the devices of a business on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BusinessChannelInput {
    /// Which one.
    pub channel: Channel,
}

/// What is asked to add or rename a business.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BusinessInput {
    /// What people call it.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Line", example = &"Bakery Lang"))]
    pub business_name: String,
}

words! {
    /// What a list of businesses is sorted by.
    BusinessSort {
        /// Name.
        Name = "name",
        /// When it was added.
        Added = "added",
    }
}

list_query! {
    /// What is asked of the list of businesses.
    BusinessQuery sorted by BusinessSort, {}
}

/// A business to choose: its name and no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessChoice {
    /// Names the business.
    pub id: BusinessId,
    /// What people call it.
    pub business_name: String,
}
