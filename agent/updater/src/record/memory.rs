//! What this device remembers of release trust; it must never forget it, so that nobody can lead it back.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What `state/trust` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The root that is trusted, as its envelope.
    #[serde(default)]
    pub root: Option<String>,
    /// The latest time that was believed.
    #[serde(default)]
    pub time_floor: Option<DateTime<Utc>>,
    /// The highest sequence that this device has confirmed.
    #[serde(default)]
    pub highest_seq: u64,
    /// Whatever is below must not run if there is something else.
    #[serde(default)]
    pub min_secure: u64,
    /// When the last fresh timestamp came, by this machine's clock: for the alarm only.
    #[serde(default)]
    pub fresh_at: Option<DateTime<Utc>>,
    /// True when it was said that updates are frozen.
    #[serde(default)]
    pub is_frozen_said: bool,
}
