//! Which program runs, and which one is kept to go back to.

use crate::slot::Build;
use entity::release::Sha256Hex;
use serde::{Deserialize, Serialize};

/// Where a program lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The one that the package installed: slot zero.
    Installed,
    /// One that an update brought.
    Slot(Build),
}

impl Place {
    /// The build in a slot.
    #[must_use]
    pub const fn slot(&self) -> Option<&Build> {
        match self {
            Self::Installed => None,
            Self::Slot(build) => Some(build),
        }
    }

    /// The digest of a slot; the installed program's is whatever the package brought.
    #[must_use]
    pub fn sha256(&self) -> Option<&Sha256Hex> {
        self.slot().map(|build| &build.sha256)
    }
}

/// What `state/pointer` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// What runs.
    pub current: Place,
    /// What ran before, until the next update is confirmed.
    #[serde(default)]
    pub kept: Option<Place>,
    /// The highest sequence that this device has confirmed; here too, because it must never be forgotten.
    #[serde(default)]
    pub highest_seq: u64,
}

impl Default for Pointer {
    fn default() -> Self {
        Self { current: Place::Installed, kept: None, highest_seq: 0 }
    }
}
