//! A service location: a place of a business.

use crate::{
    business::PresenceCounts,
    id::{BusinessId, ServiceLocationId},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A service location as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceLocationView {
    /// Names the service location.
    pub id: ServiceLocationId,
    /// Whose it is.
    pub business_id: BusinessId,
    /// The name of whose it is.
    pub business_name: String,
    /// What people call it.
    pub location_name: String,
    /// Street, postal code and town on one line.
    pub address: Option<String>,
    /// Whom to ask there.
    pub contact_person: Option<String>,
    /// How to reach that person.
    pub contact_phone: Option<String>,
    /// True for the main place of the business.
    pub is_headquarters: bool,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Devices by presence.
    pub devices: PresenceCounts,
}

/// What is asked to add or change a service location.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceLocationInput {
    /// What people call it.
    pub location_name: String,
    /// Street, postal code and town on one line; may be empty.
    #[serde(default)]
    pub address: String,
    /// Whom to ask there; may be empty.
    #[serde(default)]
    pub contact_person: String,
    /// How to reach that person; may be empty.
    #[serde(default)]
    pub contact_phone: String,
    /// True for the main place of the business.
    #[serde(default)]
    pub is_headquarters: bool,
}
