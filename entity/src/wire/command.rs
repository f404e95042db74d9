//! What agents are answered about commands over HTTP.

use crate::{command::Envelope, id::CommandId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Answer to a poll for commands over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CommandsAnswer {
    /// What to do, in order.
    pub commands: Vec<Envelope>,
    /// What not to begin any more.
    pub cancelled: Vec<CommandId>,
    /// Whether strong commands are stopped, when that has changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stops: Vec<Envelope>,
    /// Every entry of the device's own record up to this one is committed.
    pub chain_seq: u64,
    /// The server's clock, which a device without a socket has no other way to learn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_time: Option<DateTime<Utc>>,
}

/// Answer to entries of the device's own record over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChainAnswer {
    /// Every entry up to this one is committed.
    pub seq: u64,
}
