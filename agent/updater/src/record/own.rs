//! What became of the last supervisor that was to take the place of the one before.

use crate::slot::Build;
use entity::release::{Reason, Sha256Hex};
use serde::{Deserialize, Serialize};

/// How far it has come. Fetching and asking it are done anew after a restart, so that nothing of them is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnStage {
    /// It was cut off before it had its place, and may be tried again.
    CutOff,
    /// It takes the place; which program starts next says whether it has.
    Placed,
    /// It stays.
    Confirmed,
    /// The one before was put back.
    Restored,
    /// It never had the place.
    Failed,
}

impl OwnStage {
    /// What people read.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::CutOff => "was cut off and is tried again",
            Self::Placed => "is in place and on trial",
            Self::Confirmed => "stays",
            Self::Restored => "was taken back",
            Self::Failed => "was not taken",
        }
    }
}

/// What `state/own` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Own {
    /// How far it has come.
    pub stage: OwnStage,
    /// What takes the place.
    pub to: Build,
    /// The file of the one before.
    pub from: Sha256Hex,
    /// How often it was tried.
    pub tries: u32,
    /// How often the new one was started without being confirmed.
    #[serde(default)]
    pub starts: u32,
    /// How often the one before has seen it being started; a count of its own, for a new one that does not get so far.
    #[serde(default)]
    pub watched: u32,
    /// Why it did not stay.
    #[serde(default)]
    pub reason: Option<Reason>,
    /// The same in words.
    #[serde(default)]
    pub detail: String,
}
