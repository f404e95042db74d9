//! What people approve (the request), what a device gets (the order), and the envelope that proves where it came from.

use super::{ORDER_SECONDS_MAX, Payload, REASON_MAX, TIMEOUT_SECONDS_MAX};
use crate::{
    id::{BusinessId, CommandId, CommandRequestId, DeviceId, UserId},
    platform::words,
    problem::Problem,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

words! {
    /// What becomes of a command for a device that is not there.
    OnOffline {
        /// It waits until its time is over.
        Queue = "queue",
        /// It is left out.
        Skip = "skip",
    }
}

words! {
    /// Which of a device's commands goes first; those of one priority go in the order in which they were made.
    Priority {
        /// Before all others.
        High = "high",
        /// In its turn.
        Normal = "normal",
        /// After all others.
        Low = "low",
    }
}

/// What a person asks for: exactly what will run, on exactly which devices, until when. Its digest is what people
/// approve; whatever is changed makes another digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Names it.
    pub request_id: CommandRequestId,
    /// Whose devices these are.
    pub business_id: BusinessId,
    /// What will run.
    pub payload: Payload,
    /// How many devices.
    pub targets_count: u32,
    /// SHA-256 over their ids, sorted, one a line, hex.
    pub targets_sha256: String,
    /// Seconds that it may run.
    pub timeout_seconds: u32,
    /// Nobody hands it to a device after this.
    pub deliver_by: DateTime<Utc>,
    /// What becomes of devices that are not there.
    pub on_offline: OnOffline,
    /// Why, in the words of who asks.
    pub reason: Option<String>,
    /// Who asks.
    pub requested_by: UserId,
}

impl Request {
    /// Refuses what is out of bounds, at this moment.
    ///
    /// # Errors
    /// Names the field.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), Problem> {
        self.payload.check()?;
        if self.timeout_seconds == 0 || self.timeout_seconds > TIMEOUT_SECONDS_MAX {
            return Err(Problem::invalid(
                "timeout_seconds",
                format!("Write 1 to {TIMEOUT_SECONDS_MAX} seconds."),
            ));
        }
        let most = now + chrono::TimeDelta::seconds(i64::from(ORDER_SECONDS_MAX));
        if self.deliver_by <= now || self.deliver_by > most {
            return Err(Problem::invalid("deliver_by", "It has to be in the next 24 hours.".to_owned()));
        }
        if self.reason.as_ref().is_some_and(|reason| reason.chars().count() > REASON_MAX) {
            return Err(Problem::invalid("reason", format!("Write at most {REASON_MAX} characters.")));
        }
        Ok(())
    }
}

/// One person's yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApprovalNote {
    /// Who.
    pub user_id: UserId,
    /// Their name at that time.
    pub user_name: String,
    /// When.
    pub approved_at: DateTime<Utc>,
    /// SHA-256 of what they approved, hex: of [`Request`].
    pub request_sha256: String,
    /// Room for a signature of their own, so that later the agent itself can check it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// That fewer people than usual decided, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BreakGlass {
    /// Why, in the words of who did it.
    pub reason: String,
}

/// What one device is told to do; what is inside of an [`Envelope`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Order {
    /// Names the command: one request for one device.
    pub command_id: CommandId,
    /// The device, and no other.
    pub device_id: DeviceId,
    /// What was approved.
    pub request: Request,
    /// SHA-256 of [`Request`] as it was approved, hex.
    pub request_sha256: String,
    /// When the server signed it.
    pub issued_at: DateTime<Utc>,
    /// No device begins it after this.
    pub expires_at: DateTime<Utc>,
    /// Who said yes; empty for what needs nobody.
    pub approvals: Vec<ApprovalNote>,
    /// How many had to.
    pub approvals_needed: u32,
    /// Present when fewer than usual decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlass>,
}

/// Stops strong commands on every device of a business, or of all, or lets them go on; what is inside of an [`Envelope`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StopOrder {
    /// Rises with every change; a device obeys only what is newer than what it has.
    pub seq: u64,
    /// The business; absent: all of them. Both are kept apart, and either one stops.
    pub business_id: Option<BusinessId>,
    /// True: strong commands are refused.
    pub is_stopped: bool,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
    /// Who decided that they may go on; empty for a stop, which one person decides.
    pub approvals: Vec<ApprovalNote>,
}

/// DSSE: a payload as it is, its type, and signatures over both (<https://github.com/secure-systems-lab/dsse>).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Envelope {
    /// Base64 of the bytes that are signed.
    pub payload: String,
    /// What they are; part of what is signed, so that no signature can be used for something else.
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// At least one of a key that is known.
    pub signatures: Vec<Signature>,
    /// Shows that the root lets these keys sign commands, so that a device needs to know the root alone: envelopes around
    /// [`KeyGrant`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Envelope>,
}

/// One signature of an [`Envelope`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Signature {
    /// SHA-256 of the public key, hex.
    pub keyid: String,
    /// Base64 of an Ed25519 signature.
    pub sig: String,
}

/// The root's word for a key; what is inside of an [`Envelope`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyGrant {
    /// SHA-256 of the public key, hex.
    pub keyid: String,
    /// Base64 of the public key, 32 bytes.
    pub public_key: String,
    /// It signs nothing before this.
    pub not_before: DateTime<Utc>,
    /// And nothing after this.
    pub not_after: DateTime<Utc>,
}
