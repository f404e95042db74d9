//! What agent and server say about an update, and the states that one goes through on a device.

use crate::{
    id::{BusinessId, DeviceId, ReleaseId, RolloutId, UpdateId},
    platform::{Arch, Os, words},
    presence::Presence,
    release::{Libc, Reason, Sha256Hex},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Most lines of the log that come with the report of a rollback.
pub const LOG_LINES_MAX: usize = 200;
/// Longest of those lines, in characters.
pub const LOG_LINE_MAX: usize = 500;

/// Which build runs; in hello and in every question, so that the server knows by itself what runs where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Running {
    /// What people call it, as the program says; text, because old and foreign builds say odd things.
    pub version: String,
    /// Sequence of its release; 0 for a build that is none.
    pub seq: u64,
    /// What the build calls itself.
    pub build_id: String,
    /// SHA-256 of the program that runs, as its supervisor read it; none when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Hex>,
    /// Which C library it needs; Linux only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libc: Option<Libc>,
    /// True when a supervisor with slots started it: only then can it update itself.
    #[serde(default)]
    pub is_supervised: bool,
}

/// `GET /agents/check_update`, as its query. `agent_id`, `version`, `os` and `arch` are the requirement documents'.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UpdateQuestion {
    /// The device that asks; must be the one of the token when given.
    #[serde(default, alias = "agentId", skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<DeviceId>,
    /// What runs now.
    #[serde(default)]
    pub version: String,
    /// On which system.
    pub os: Os,
    /// On which processor.
    pub arch: Arch,
    /// For which C library; Linux only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libc: Option<Libc>,
    /// Sequence of the release that runs; 0 for a build that is none.
    #[serde(default)]
    pub seq: u64,
    /// The highest sequence that the device has ever confirmed.
    #[serde(default)]
    pub highest_seq: u64,
    /// Version of the root that the device trusts; 0 when it trusts none.
    #[serde(default)]
    pub root_version: u64,
    /// 128 bits as 32 lower-case hex digits, for the timestamp; without it the answer has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

/// 200 of `check_update`: an update is due. The three fields of the requirement documents are for people and tools; a
/// device believes only the signed documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UpdateAnswer {
    /// What people call it.
    pub new_version: String,
    /// `<api>/artifacts/sha256/<hex>`.
    pub download_url: String,
    /// SHA-256 of the artifact.
    pub checksum: Sha256Hex,
    /// Names this update of this device: sent back with whatever is said of it.
    pub update_id: UpdateId,
    /// The rollout that granted it.
    pub rollout_id: RolloutId,
    /// Sequence of the release.
    pub seq: u64,
    /// Until when the grant is good if the server cannot be asked again.
    pub lease_expires_at: DateTime<Utc>,
    /// Not before this moment: spread over the wave, so that not all come at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<DateTime<Utc>>,
    /// The signed documents.
    pub trust: TrustAnswer,
}

/// The signed documents, each an envelope as text. `GET /agents/{id}/freshness` answers them by themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrustAnswer {
    /// Every root after the one that the device trusts, in order; at most [`crate::release::ROOTS_MAX`].
    #[serde(default)]
    pub roots: Vec<String>,
    /// The timestamp, when a nonce came with the question and the server has a freshness key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// The manifest that the timestamp names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
}

/// `GET /agents/{id}/freshness`, as its query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FreshnessQuestion {
    /// Version of the root that the device trusts; 0 when it trusts none.
    #[serde(default)]
    pub root_version: u64,
    /// See [`UpdateQuestion::nonce`].
    pub nonce: String,
}

/// A hint over the socket that an update is due; whoever gets it asks `check_update`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UpdateRequired {
    /// What people call it.
    pub new_version: String,
    /// Sequence of the release.
    pub seq: u64,
    /// Seconds over which to spread the question, by chance.
    #[serde(default)]
    pub within_seconds: u32,
}

/// `POST /agents/{id}/receipt`: let the server sign that it has heard this build. Answer: [`ReceiptAnswer`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReceiptRequest {
    /// From the supervisor: 128 bits as 32 lower-case hex digits.
    pub nonce: String,
    /// What runs.
    pub running: Running,
}

/// A signed [`crate::release::Receipt`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReceiptAnswer {
    /// The envelope as text.
    pub receipt: String,
}

/// `GET /agents/{id}/updates/{update_id}/go`: may the device change over now?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GoAnswer {
    /// True: change over. False: leave everything as it is.
    pub go: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

words! {
    /// Where an update of a device is: what the supervisor's journal says and the server shows.
    UpdateState {
        /// The device's wave is open, and it has not been granted it yet.
        Waiting = "waiting",
        /// The server granted it.
        Offered = "offered",
        /// The device has looked at the offer and takes it.
        Accepted = "accepted",
        /// The program is being fetched.
        Downloading = "downloading",
        /// It lies in its slot and proved itself; the old one still runs.
        Staged = "staged",
        /// The new one runs and is on trial.
        Switched = "switched",
        /// It stays.
        Confirmed = "confirmed",
        /// It came to nothing before the change: the old one was never stopped.
        FailedPre = "failed_pre",
        /// The one before runs again.
        RolledBack = "rolled_back",
        /// Nothing was heard after the change.
        Lost = "lost",
        /// The grant ran out before the device took it up.
        Expired = "expired",
        /// The device was left out.
        Skipped = "skipped",
    }
}

words! {
    /// What moves an update.
    UpdateEvent {
        /// The server grants it; again, when the one before came to nothing.
        Offer = "offer",
        /// The device takes it.
        Accept = "accept",
        /// It fetches.
        Download = "download",
        /// Everything lies ready.
        Stage = "stage",
        /// The new one was started in its place.
        Switch = "switch",
        /// It has proved itself.
        Confirm = "confirm",
        /// It came to nothing before the change.
        Fail = "fail",
        /// The one before was put back.
        RollBack = "roll_back",
        /// Nothing is heard.
        Lose = "lose",
        /// The grant ran out.
        Expire = "expire",
        /// It is left out.
        Skip = "skip",
    }
}

impl UpdateState {
    /// The state that follows, or `None` when the event is refused in this state. A device that was given up may still
    /// come back and say how it ended: what is true counts.
    #[must_use]
    pub const fn on(self, event: UpdateEvent) -> Option<Self> {
        match (self, event) {
            (Self::Waiting | Self::Expired | Self::FailedPre, UpdateEvent::Offer) => Some(Self::Offered),
            (Self::Offered, UpdateEvent::Accept) => Some(Self::Accepted),
            (Self::Offered | Self::Accepted, UpdateEvent::Download) => Some(Self::Downloading),
            (Self::Offered | Self::Accepted | Self::Downloading, UpdateEvent::Stage) => Some(Self::Staged),
            (Self::Offered | Self::Accepted | Self::Downloading | Self::Staged, UpdateEvent::Switch) => {
                Some(Self::Switched)
            }
            (
                Self::Offered
                | Self::Accepted
                | Self::Downloading
                | Self::Staged
                | Self::Switched
                | Self::Lost
                | Self::Expired,
                UpdateEvent::Confirm,
            ) => Some(Self::Confirmed),
            (
                Self::Offered
                | Self::Accepted
                | Self::Downloading
                | Self::Staged
                | Self::Switched
                | Self::Lost
                | Self::Expired
                | Self::Confirmed,
                UpdateEvent::RollBack,
            ) => Some(Self::RolledBack),
            // The server writes "switched" as it says go; the device may still come to nothing before the change.
            (
                Self::Offered
                | Self::Accepted
                | Self::Downloading
                | Self::Staged
                | Self::Switched
                | Self::Lost
                | Self::Expired,
                UpdateEvent::Fail,
            ) => Some(Self::FailedPre),
            (Self::Switched, UpdateEvent::Lose) => Some(Self::Lost),
            (Self::Offered | Self::Accepted | Self::Downloading | Self::Staged, UpdateEvent::Expire) => {
                Some(Self::Expired)
            }
            (Self::Waiting | Self::Offered, UpdateEvent::Skip) => Some(Self::Skipped),
            _ => None,
        }
    }

    /// The device is about it.
    #[must_use]
    pub const fn is_in_flight(self) -> bool {
        matches!(self, Self::Offered | Self::Accepted | Self::Downloading | Self::Staged | Self::Switched)
    }

    /// Nothing more is expected of it.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Confirmed | Self::FailedPre | Self::RolledBack | Self::Lost | Self::Expired | Self::Skipped
        )
    }

    /// It went wrong after the change.
    #[must_use]
    pub const fn is_bad(self) -> bool {
        matches!(self, Self::RolledBack | Self::Lost)
    }

    /// The word people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Waiting => "Waiting",
            Self::Offered => "Offered",
            Self::Accepted => "Accepted",
            Self::Downloading => "Downloading",
            Self::Staged => "Ready",
            Self::Switched => "On trial",
            Self::Confirmed => "Confirmed",
            Self::FailedPre => "Failed before the change",
            Self::RolledBack => "Rolled back",
            Self::Lost => "Not heard from",
            Self::Expired => "Not taken up",
            Self::Skipped => "Left out",
        }
    }
}

/// How far an update has come on the device. Over the socket as `update_status`, over HTTP as
/// `POST /agents/{id}/updates/{update_id}`; sent again until it is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UpdateStatus {
    /// Which update.
    pub update_id: UpdateId,
    /// Rises with every report about this update, so that a late one changes nothing.
    pub step: u32,
    /// Where it is.
    pub state: UpdateState,
    /// What runs now.
    pub running: Running,
    /// Sequence of the release that it is about.
    pub seq: u64,
    /// Why it failed or was rolled back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// More words about it, for people; at most 1,000 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Bytes that have been fetched, while it downloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downloaded_bytes: Option<u64>,
    /// How long no agent ran during the change, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_ms: Option<u64>,
    /// The last lines of the build that was rolled back; at most [`LOG_LINES_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log_lines: Vec<String>,
    /// When, by the device's clock.
    pub at: DateTime<Utc>,
}

/// The status is stored; the device may forget it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UpdateStatusAck {
    /// Which update.
    pub update_id: UpdateId,
    /// From [`UpdateStatus::step`].
    pub step: u32,
}

/// One update of a device, as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UpdateView {
    /// Names it.
    pub id: UpdateId,
    /// Which device.
    pub device_id: DeviceId,
    /// What it is called.
    pub device_name: String,
    /// Whose device.
    pub business_id: BusinessId,
    /// The name of whose device.
    pub business_name: String,
    /// With this system.
    pub os: Os,
    /// With this processor.
    pub arch: Arch,
    /// Whether it can be reached.
    pub presence: Presence,
    /// The rollout that granted it.
    pub rollout_id: RolloutId,
    /// What that is called.
    pub rollout_name: String,
    /// Which release.
    pub release_id: ReleaseId,
    /// What people call that.
    pub version: String,
    /// Its sequence.
    pub seq: u64,
    /// What ran before.
    pub from_version: String,
    /// Where it is.
    pub state: UpdateState,
    /// Why it failed or was rolled back.
    pub reason: Option<Reason>,
    /// More words about it.
    pub detail: String,
    /// The last lines of the build that was rolled back.
    pub log_lines: Vec<String>,
    /// How long no agent ran during the change, in milliseconds.
    pub gap_ms: Option<u64>,
    /// Bytes that have been fetched.
    pub downloaded_bytes: Option<u64>,
    /// Bytes in all.
    pub size_bytes: u64,
    /// Which wave, from one.
    pub wave: u32,
    /// How often it was granted.
    pub attempts: u32,
    /// When it was granted last; none while the device waits.
    pub offered_at: Option<DateTime<Utc>>,
    /// When its state changed last.
    pub changed_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn every_state_and_event() {
        let mut grid = String::new();
        for state in UpdateState::ALL {
            for event in UpdateEvent::ALL {
                let next = state.on(*event).map_or("refused", UpdateState::word);
                writeln!(grid, "{:<12} {:<10} {next}", state.word(), event.word())
                    .expect("a string takes all");
            }
        }
        insta::assert_snapshot!(grid);
    }
}
