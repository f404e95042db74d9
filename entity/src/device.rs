//! A device: the machine.

use crate::{
    agent_state::AgentState,
    device_lock::LockView,
    evidence::RecordView,
    facts::Facts,
    id::{BusinessId, DeviceId, ServiceLocationId},
    metric::MetricSample,
    monitored_service::MonitoredServiceView,
    platform::{Arch, Os, words},
    presence::{DisconnectReason, LinkKind, Presence},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

words! {
    /// Whether a device may talk to the server.
    DeviceState {
        /// It may.
        Active = "active",
        /// Its access was ended for good.
        Revoked = "revoked",
    }
}

words! {
    /// What moves a device.
    DeviceEvent {
        /// Somebody ends its access.
        Revoke = "revoke",
    }
}

impl DeviceState {
    /// The state that follows, or `None` when the event is refused in this state.
    #[must_use]
    pub const fn on(self, event: DeviceEvent) -> Option<Self> {
        match (self, event) {
            (Self::Active, DeviceEvent::Revoke) => Some(Self::Revoked),
            (Self::Revoked, DeviceEvent::Revoke) => None,
        }
    }
}

/// A device as a row of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeviceRow {
    /// Names the device.
    pub id: DeviceId,
    /// What people call it.
    pub device_name: String,
    /// Whose it is.
    pub business_id: BusinessId,
    /// The name of whose it is.
    pub business_name: String,
    /// Where it stands.
    pub service_location_id: Option<ServiceLocationId>,
    /// The name of that place.
    pub location_name: Option<String>,
    /// Operating system family.
    pub os_type: Os,
    /// Name and version of the operating system.
    pub os_version: Option<String>,
    /// Version of the agent.
    pub agent_version: String,
    /// Whether it may talk to the server.
    pub state: DeviceState,
    /// Whether it can be reached.
    pub presence: Presence,
    /// Since when it is in that presence.
    pub presence_since: Option<DateTime<Utc>>,
    /// Last sign of life.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Latest use of processors, 0–100.
    pub cpu_percent: Option<f32>,
    /// Latest use of memory, 0–100.
    pub memory_percent: Option<f32>,
    /// Latest use of the fullest disk, 0–100.
    pub disk_percent: Option<f32>,
    /// Monitored services that are not as they should be.
    pub services_wrong: u64,
    /// Use of processors over the last hour, oldest first, [`SPARKLINE_POINTS`] values; gaps are absent.
    pub cpu_sparkline: Vec<Option<f32>>,
}

/// Points of a sparkline; together they cover one hour.
pub const SPARKLINE_POINTS: usize = 30;

/// A device with all that its page shows at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeviceView {
    /// Names the device.
    pub id: DeviceId,
    /// What people call it.
    pub device_name: String,
    /// Whose it is.
    pub business_id: BusinessId,
    /// The name of whose it is.
    pub business_name: String,
    /// Where it stands.
    pub service_location_id: Option<ServiceLocationId>,
    /// The name of that place.
    pub location_name: Option<String>,
    /// Operating system family.
    pub os_type: Os,
    /// Processor architecture.
    pub os_architecture: Arch,
    /// Version of the agent.
    pub agent_version: String,
    /// What the agent is doing with itself, as it last said; absent when it never did.
    pub agent_state: Option<AgentState>,
    /// Whether it may talk to the server.
    pub state: DeviceState,
    /// Whether it can be reached.
    pub presence: Presence,
    /// Since when it is in that presence.
    pub presence_since: Option<DateTime<Utc>>,
    /// Why it went offline, or was, when that is known.
    pub disconnect_reason: Option<DisconnectReason>,
    /// How it reaches the server, while it does.
    pub link: Option<LinkKind>,
    /// Last sign of life.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// When the last metrics came in.
    pub last_metrics_at: Option<DateTime<Utc>>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// Since when two machines seem to use this identity; nothing strong is done on either until a person decides.
    pub clone_suspected_at: Option<DateTime<Utc>>,
    /// SHA-256 of its public key, first 16 hex digits: to compare with `reeve-agent status`.
    pub key_fingerprint: String,
    /// What the machine is.
    pub facts: Facts,
    /// The latest sample.
    pub latest: Option<MetricSample>,
    /// How many software items the last inventory had; absent before the first.
    pub software_count: Option<u64>,
    /// Samples that the agent had to drop in all because its spool was full.
    pub samples_dropped: u64,
    /// Monitored services that are not as they should be.
    pub services_wrong: u64,
    /// The monitored services, what is wrong first.
    pub monitored_services: Vec<MonitoredServiceView>,
    /// What somebody at the device lets happen on it; absent before the agent has said anything.
    pub device_lock: Option<LockView>,
    /// How far its own record of commands has come here, and what does not fit.
    pub record: RecordView,
}

words! {
    /// What a list of devices is sorted by.
    DeviceSort {
        /// Name.
        Name = "name",
        /// Presence, offline first.
        Status = "status",
        /// Name of the business.
        Business = "business",
        /// Operating system.
        Os = "os",
        /// Use of processors.
        Cpu = "cpu",
        /// Use of memory.
        Memory = "memory",
        /// Use of the fullest disk.
        Disk = "disk",
        /// Version of the agent.
        Version = "version",
        /// Last sign of life.
        LastSeen = "last_seen",
    }
}

/// What is asked of the list of devices. The same words stand in the portal's URL and in the API's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeviceQuery {
    /// Part of the name, host name, address or operating system.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Search>"))]
    #[serde(default)]
    pub search: Option<String>,
    /// Only this business.
    #[serde(default)]
    pub business_id: Option<BusinessId>,
    /// Only this service location.
    #[serde(default)]
    pub service_location_id: Option<ServiceLocationId>,
    /// Only this presence.
    #[serde(default)]
    pub status: Option<Presence>,
    /// Only this operating system.
    #[serde(default)]
    pub os: Option<Os>,
    /// Sorted by; name when absent.
    #[serde(default)]
    pub sort: Option<DeviceSort>,
    /// True: largest first.
    #[serde(default)]
    pub descending: bool,
    /// True: only devices with a monitored service that is not as it should be.
    #[serde(default)]
    pub services_wrong: bool,
    /// True: revoked devices too.
    #[serde(default)]
    pub revoked: bool,
    /// From [`crate::page::Page::next_cursor`].
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Cursor>"))]
    #[serde(default)]
    pub cursor: Option<String>,
    /// Rows; [`crate::page::PAGE_SIZE`] when absent.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::PageLimit>"))]
    #[serde(default)]
    pub limit: Option<u32>,
}

/// What is asked to give a device to another business.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeviceTransferInput {
    /// Whose it will be.
    pub business_id: BusinessId,
    /// Where it will stand; must belong to that business.
    #[serde(default)]
    pub service_location_id: Option<ServiceLocationId>,
}

/// What is asked to change a device.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeviceInput {
    /// What people call it.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Line", example = &"till-1"))]
    pub device_name: String,
    /// Where it stands; must belong to the device's business.
    #[serde(default)]
    pub service_location_id: Option<ServiceLocationId>,
}
