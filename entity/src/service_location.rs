//! A service location: a place of a business.

use crate::{
    business::PresenceCounts,
    id::{BusinessId, ServiceLocationId},
    page::list_query,
    platform::words,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A service location as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ServiceLocationInput {
    /// What people call it.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Line", example = &"Main street"))]
    pub location_name: String,
    /// Street, postal code and town on one line; may be empty.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::MaybeLine", example = &"Main street 1, 1010 Vienna"))]
    #[serde(default)]
    pub address: String,
    /// Whom to ask there; may be empty.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::MaybeLine", example = &"Ada Lang"))]
    #[serde(default)]
    pub contact_person: String,
    /// How to reach that person; may be empty.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::MaybeLine", example = &"+43 1 234567"))]
    #[serde(default)]
    pub contact_phone: String,
    /// True for the main place of the business.
    #[serde(default)]
    pub is_headquarters: bool,
}

words! {
    /// What a list of service locations is sorted by.
    ServiceLocationSort {
        /// Name.
        Name = "name",
        /// When it was added.
        Added = "added",
    }
}

list_query! {
    /// What is asked of the list of service locations.
    ServiceLocationQuery sorted by ServiceLocationSort, {
        /// Only this business.
        business_id: BusinessId,
    }
}

/// A service location to choose: names and no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceLocationChoice {
    /// Names the service location.
    pub id: ServiceLocationId,
    /// Whose it is.
    pub business_id: BusinessId,
    /// The name of whose it is.
    pub business_name: String,
    /// What people call it.
    pub location_name: String,
}
