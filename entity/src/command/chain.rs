//! The device's own record of what was asked of it: each entry holds the hash of the one before, so that one that is
//! missing shows.

use crate::{
    id::{CommandId, DeviceId},
    platform::words,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

words! {
    /// What an entry of a device's record is about.
    ChainEvent {
        /// A command came and is on the disk.
        Received = "received",
        /// It was refused.
        Refused = "refused",
        /// It has begun.
        Started = "started",
        /// It ended.
        Done = "done",
        /// It was found begun and not ended after a crash.
        Interrupted = "interrupted",
        /// Strong commands were stopped, or may go on.
        Stop = "stop",
        /// A local administrator changed the device's lock.
        Lock = "lock",
    }
}

/// One entry. Its hash is SHA-256 over the hash before it and its own JSON without the hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChainEntry {
    /// From 1, without gaps.
    pub seq: u64,
    /// When, by the device's clock.
    pub at: DateTime<Utc>,
    /// What it is about.
    pub event: ChainEvent,
    /// Which command, if one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<CommandId>,
    /// SHA-256 of the bytes that it is about, hex: the order as signed, the result as sent.
    pub subject_sha256: String,
    /// A word or two more, such as a refusal's code.
    pub note: String,
    /// Hash of the entry before, hex; 64 zeros before the first.
    pub previous: String,
    /// Its own, hex.
    pub hash: String,
}

/// How far the record has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChainHead {
    /// Of the last entry; 0: none yet.
    pub seq: u64,
    /// Its hash, hex; empty: none yet.
    pub hash: String,
    /// The device's signature of both, base64url without padding: see [`chain_head_message`]. With it nobody but the device
    /// can say how far its record has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// Set before what a device signs of its record, so that this signature can stand for nothing else.
pub const CHAIN_HEAD_DOMAIN: &str = "reeve/agent-chain-head/v1\n";

/// The bytes that a device signs to say how far its record has come.
#[must_use]
pub fn chain_head_message(device_id: DeviceId, seq: u64, hash: &str) -> Vec<u8> {
    format!("{CHAIN_HEAD_DOMAIN}{device_id}\n{seq}\n{hash}").into_bytes()
}
