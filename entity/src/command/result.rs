//! What a device says of a command.

use super::OUTPUT_BYTES_MAX;
use crate::{id::CommandId, platform::words};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

words! {
    /// Why a device did not do something that was asked of it.
    Refusal {
        /// The device is locked: nobody has armed it, or the time is over.
        LockedLocal = "locked_local",
        /// The device is armed, but not for this.
        NotAllowed = "not_allowed",
        /// No key that this device trusts signed it, or what was signed was changed.
        BadSignature = "bad_signature",
        /// It is for another device.
        WrongDevice = "wrong_device",
        /// Its time is over.
        Expired = "expired",
        /// It is not approved by enough people, or they approved something else.
        NotApproved = "not_approved",
        /// Strong commands are stopped for this business, or for all.
        Stopped = "stopped",
        /// The agent is in safe mode.
        SafeMode = "safe_mode",
        /// What it asks for cannot be read, or is out of bounds.
        Malformed = "malformed",
        /// This device cannot do that.
        Unsupported = "unsupported",
    }
}

impl Refusal {
    /// A sentence for people, without a full stop.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::LockedLocal => "the device is locked",
            Self::NotAllowed => "the device is armed, but not for this",
            Self::BadSignature => "no key that the device trusts has signed it",
            Self::WrongDevice => "it is for another device",
            Self::Expired => "its time is over",
            Self::NotApproved => "it is not approved by enough people",
            Self::Stopped => "strong commands are stopped",
            Self::SafeMode => "the agent is in safe mode",
            Self::Malformed => "it cannot be read, or is out of bounds",
            Self::Unsupported => "this device cannot do that",
        }
    }
}

words! {
    /// How a command ended on its device.
    ResultStatus {
        /// Done.
        Completed = "completed",
        /// Tried, without success.
        Failed = "failed",
        /// Ended, because it took too long.
        TimedOut = "timed_out",
        /// Not begun.
        Refused = "refused",
        /// The agent died meanwhile.
        Interrupted = "interrupted",
    }
}

/// That a device has a command on its disk, or has begun it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CommandReceipt {
    /// Which.
    pub command_id: CommandId,
    /// SHA-256 of the bytes that were signed, hex.
    pub order_sha256: String,
    /// When, by the device's clock.
    pub at: DateTime<Utc>,
    /// True: it has begun.
    pub is_started: bool,
}

/// Output while a command runs; for people who watch, not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CommandProgress {
    /// Which.
    pub command_id: CommandId,
    /// Where this piece begins, in bytes of all output.
    pub offset: u64,
    /// The piece; what was no text is replaced.
    pub output: String,
}

/// How a command ended; sent until it is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CommandResult {
    /// Which.
    pub command_id: CommandId,
    /// SHA-256 of the bytes that were signed, hex; empty when there were none that could be read.
    #[serde(default)]
    pub order_sha256: String,
    /// How.
    pub status: ResultStatus,
    /// Why it was refused, if it was.
    #[serde(default)]
    pub refusal: Option<Refusal>,
    /// A sentence for people.
    #[serde(default)]
    pub detail: String,
    /// What the process ended with, if there was one.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// What it wrote, both streams in the order in which they came; at most [`OUTPUT_BYTES_MAX`].
    #[serde(default)]
    pub output: String,
    /// How many bytes it wrote in all.
    #[serde(default)]
    pub output_bytes: u64,
    /// When it began, by the device's clock.
    #[serde(default)]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended, by the device's clock.
    pub ended_at: DateTime<Utc>,
}

impl CommandResult {
    /// Bounds everything an agent sent.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let mut end = self.output.len().min(OUTPUT_BYTES_MAX);
        while !self.output.is_char_boundary(end) {
            end -= 1;
        }
        self.output.truncate(end);
        self.detail = crate::input::clip(&self.detail, 1_000);
        self.order_sha256.truncate(64);
        self
    }
}
