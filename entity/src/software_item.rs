//! A software item: something installed on a device.

use crate::input::clip;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Most items of one inventory.
pub const SOFTWARE_MAX: usize = 20_000;

/// One installed piece of software, as the agent reports it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SoftwareItem {
    /// Package or product name.
    pub software_name: String,
    /// Version as its source writes it.
    pub software_version: String,
    /// Who made or packaged it.
    #[serde(default)]
    pub vendor: Option<String>,
    /// Architecture it was built for.
    #[serde(default)]
    pub architecture: Option<String>,
    /// Where this was read: `dpkg`, `rpm`, …
    pub source: String,
}

impl SoftwareItem {
    /// Bounds everything an agent sent.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self {
            software_name: clip(&self.software_name, 200),
            software_version: clip(&self.software_version, 100),
            vendor: self.vendor.map(|text| clip(&text, 200)).filter(|text| !text.is_empty()),
            architecture: self.architecture.map(|text| clip(&text, 20)).filter(|text| !text.is_empty()),
            source: clip(&self.source, 20),
        }
    }
}

/// One installed piece of software, as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SoftwareItemView {
    /// Package or product name.
    pub software_name: String,
    /// Version as its source writes it.
    pub software_version: String,
    /// Who made or packaged it.
    pub vendor: Option<String>,
    /// Architecture it was built for.
    pub architecture: Option<String>,
    /// Where this was read.
    pub source: String,
    /// When it first appeared in an inventory of this device.
    pub first_seen_at: DateTime<Utc>,
}
