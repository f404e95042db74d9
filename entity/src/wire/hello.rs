//! How an agent introduces itself.

use crate::{
    agent_state::{self, AgentState},
    command::ChainHead,
    device_lock::LockSummary,
    platform::{Arch, Os},
    presence::DisconnectReason,
    update::Running,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// First words of an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Hello {
    /// [`super::PROTOCOL`] of the agent; both speak the lower.
    pub protocol: u16,
    /// Version of the agent.
    pub agent_version: String,
    /// Operating system family.
    pub os_type: Os,
    /// Processor architecture.
    pub os_architecture: Arch,
    /// Changes with every boot of the machine.
    #[serde(default)]
    pub boot_id: Option<String>,
    /// Why the link before this one ended, when there was one.
    #[serde(default)]
    pub previous: Option<PreviousLink>,
    /// What this agent can do, such as `services.systemd`, `software.dpkg`.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// What a local administrator lets happen on the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_lock: Option<LockSummary>,
    /// What the agent is doing with itself.
    #[serde(default, deserialize_with = "agent_state::if_known", skip_serializing_if = "Option::is_none")]
    pub agent_state: Option<AgentState>,
    /// How far the device's own record of commands has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_head: Option<ChainHead>,
    /// Which build runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Running>,
}

/// How the link before this one ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PreviousLink {
    /// When, by the device's clock.
    pub ended_at: DateTime<Utc>,
    /// Why, as far as the agent can tell.
    pub reason: DisconnectReason,
}
