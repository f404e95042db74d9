//! Rollouts as people see them.

use super::{Exclusion, HaltTerms, RolloutInput, RolloutKind, RolloutState, RolloutTarget, WaveState};
use crate::{
    id::{DeviceId, ReleaseId, RolloutId},
    platform::{Arch, Os},
    release::Channel,
    update::UpdateState,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A rollout as a row of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RolloutRow {
    /// Names it.
    pub id: RolloutId,
    /// What people call it.
    pub name: String,
    /// What is rolled out.
    pub kind: RolloutKind,
    /// Where it is.
    pub state: RolloutState,
    /// Why it is paused, halted, cancelled or superseded, in words.
    pub reason: Option<String>,
    /// Which release.
    pub release_id: ReleaseId,
    /// What people call that.
    pub version: String,
    /// Its sequence.
    pub seq: u64,
    /// Only devices that follow this channel.
    pub channel: Channel,
    /// For which devices, in words.
    pub target_label: String,
    /// The wave that is open, from 1; 0 before the first.
    pub wave: u32,
    /// How many there are.
    pub waves: u32,
    /// Devices by where they are.
    pub counts: UpdateCounts,
    /// Who made it, by name.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was completed or came to its end otherwise.
    pub ended_at: Option<DateTime<Utc>>,
    /// The rollout that this one undoes.
    pub undoes: Option<RolloutLink>,
}

/// A rollout with all that its page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RolloutView {
    /// As in the list.
    pub rollout: RolloutRow,
    /// For which devices.
    pub target: RolloutTarget,
    /// Why, in the words of who made it.
    pub note: String,
    /// When it stops by itself.
    pub halt: HaltTerms,
    /// Most devices that may be about it at once.
    pub max_in_flight: u32,
    /// Devices that are about it now.
    pub in_flight: u32,
    /// Seconds over which devices are spread before they fetch it.
    pub spread_seconds: u32,
    /// When it starts by itself.
    pub start_at: Option<DateTime<Utc>>,
    /// Somebody else than who made it has to say yes.
    pub is_approval_needed: bool,
    /// Who did, by name.
    pub approved_by: Option<String>,
    /// When.
    pub approved_at: Option<DateTime<Utc>>,
    /// Who started it, by name; none when its time did.
    pub started_by: Option<String>,
    /// When its state changed last.
    pub changed_at: DateTime<Utc>,
    /// Who changed its state last, by name; none when the server did.
    pub changed_by: Option<String>,
    /// Each wave.
    pub waves: Vec<WaveView>,
    /// Devices by platform.
    pub platforms: Vec<PlatformCounts>,
    /// The rollout that undoes this one.
    pub undone_by: Option<RolloutLink>,
    /// What whoever asks may do about it now.
    pub may: RolloutPowers,
    /// What was asked, for whoever may change it.
    pub draft: Option<RolloutInput>,
}

/// Another rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RolloutLink {
    /// Names it.
    pub id: RolloutId,
    /// What people call it.
    pub name: String,
}

/// One wave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WaveView {
    /// From 1.
    pub number: u32,
    /// Of all devices, with those of the waves before; none when it names devices.
    pub percent: Option<u8>,
    /// Devices that it names.
    pub named: u32,
    /// The first of them by name, of what whoever asks reaches; none when it names none.
    pub named_label: Option<String>,
    /// Seconds that it has to last once enough devices have it.
    pub soak_seconds: u32,
    /// Devices of each platform that have to have it.
    pub min_successes: u32,
    /// How many of 100 devices that have ended have to have it.
    pub success_percent: u8,
    /// Where it is.
    pub state: WaveState,
    /// Its devices by where they are; all zero before it opens.
    pub counts: UpdateCounts,
    /// The same by platform.
    pub platforms: Vec<PlatformCounts>,
    /// What it waits for, in words, while it is open.
    pub waiting_for: Option<String>,
    /// When it opened.
    pub opened_at: Option<DateTime<Utc>>,
    /// Until when it has to last, while it soaks.
    pub soaks_until: Option<DateTime<Utc>>,
    /// When it had proved itself.
    pub passed_at: Option<DateTime<Utc>>,
}

/// Devices by where their update is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "each is the number of devices in the state of that name")]
pub struct UpdateCounts {
    pub waiting: u64,
    pub offered: u64,
    pub accepted: u64,
    pub downloading: u64,
    pub staged: u64,
    pub switched: u64,
    pub confirmed: u64,
    pub failed_pre: u64,
    pub rolled_back: u64,
    pub lost: u64,
    pub expired: u64,
    pub skipped: u64,
}

impl UpdateCounts {
    /// How many devices are in this state.
    #[must_use]
    pub const fn of(&self, state: UpdateState) -> u64 {
        match state {
            UpdateState::Waiting => self.waiting,
            UpdateState::Offered => self.offered,
            UpdateState::Accepted => self.accepted,
            UpdateState::Downloading => self.downloading,
            UpdateState::Staged => self.staged,
            UpdateState::Switched => self.switched,
            UpdateState::Confirmed => self.confirmed,
            UpdateState::FailedPre => self.failed_pre,
            UpdateState::RolledBack => self.rolled_back,
            UpdateState::Lost => self.lost,
            UpdateState::Expired => self.expired,
            UpdateState::Skipped => self.skipped,
        }
    }

    /// Counts devices in a state.
    pub const fn add(&mut self, state: UpdateState, devices: u64) {
        let count = match state {
            UpdateState::Waiting => &mut self.waiting,
            UpdateState::Offered => &mut self.offered,
            UpdateState::Accepted => &mut self.accepted,
            UpdateState::Downloading => &mut self.downloading,
            UpdateState::Staged => &mut self.staged,
            UpdateState::Switched => &mut self.switched,
            UpdateState::Confirmed => &mut self.confirmed,
            UpdateState::FailedPre => &mut self.failed_pre,
            UpdateState::RolledBack => &mut self.rolled_back,
            UpdateState::Lost => &mut self.lost,
            UpdateState::Expired => &mut self.expired,
            UpdateState::Skipped => &mut self.skipped,
        };
        *count = count.saturating_add(devices);
    }

    /// All devices.
    #[must_use]
    pub fn total(&self) -> u64 {
        UpdateState::ALL.iter().map(|state| self.of(*state)).sum()
    }

    /// Devices that are about it now.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        UpdateState::ALL.iter().filter(|state| state.is_in_flight()).map(|state| self.of(*state)).sum()
    }

    /// Devices for which it went wrong after the change.
    #[must_use]
    pub const fn bad(&self) -> u64 {
        self.rolled_back + self.lost
    }
}

/// Devices of one platform by where their update is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlatformCounts {
    /// With this system.
    pub os: Os,
    /// With this processor.
    pub arch: Arch,
    /// By where they are.
    pub counts: UpdateCounts,
}

/// What somebody may do about a rollout now. What needs a confirmed identity is told as if there were one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RolloutPowers {
    /// Write it anew.
    pub change: bool,
    /// Hand it in; needs a confirmed identity.
    pub submit: bool,
    /// Say yes to it; needs a confirmed identity.
    pub approve: bool,
    /// Start it now; needs a confirmed identity.
    pub start: bool,
    /// Hold it.
    pub pause: bool,
    /// Let it go on; needs a confirmed identity after a halt.
    pub resume: bool,
    /// Stop it until somebody else lets it go on.
    pub halt: bool,
    /// Take it back.
    pub cancel: bool,
    /// Undo it with a newer release; needs a confirmed identity.
    pub roll_back: bool,
    /// Why they may not do what its state would let somebody do, in a sentence.
    pub why_not: Option<String>,
}

/// What a rollout would do, before it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RolloutPreview {
    /// A sentence that says what will happen.
    pub sentence: String,
    /// Devices that will get it.
    pub devices: u64,
    /// How many of them are there now.
    pub online: u64,
    /// Each wave with the devices that it adds.
    pub waves: Vec<WavePreview>,
    /// Devices of the target that will not get it.
    pub excluded: Vec<Excluded>,
    /// What people should think about, in sentences.
    pub warnings: Vec<String>,
    /// Open rollouts for the same devices whose place it takes.
    pub supersedes: Vec<RolloutLink>,
    /// Somebody else than who makes it has to say yes.
    pub is_approval_needed: bool,
}

/// One wave of a [`RolloutPreview`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WavePreview {
    /// From 1.
    pub number: u32,
    /// Devices that it adds to the waves before.
    pub devices: u64,
    /// The same by platform; all of them waiting.
    pub platforms: Vec<PlatformCounts>,
    /// The first of them.
    pub first: Vec<RolloutDevice>,
}

/// Devices that will not get it for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Excluded {
    /// Why.
    pub why: Exclusion,
    /// How many.
    pub devices: u64,
    /// The first of them.
    pub first: Vec<RolloutDevice>,
}

/// A device of a [`RolloutPreview`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RolloutDevice {
    /// Names the device.
    pub device_id: DeviceId,
    /// What people call it.
    pub device_name: String,
    /// The name of whose it is.
    pub business_name: String,
    /// With this system.
    pub os: Os,
    /// With this processor.
    pub arch: Arch,
    /// What it runs.
    pub version: String,
}
