//! What the server pushes to open portal pages. A hint to look or a small fresh value; losing one loses nothing.

use crate::{
    command::CommandState,
    id::{AlertId, BusinessId, CommandId, CommandRequestId, DeviceId, RegistrationTokenId, RolloutId},
    presence::Presence,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One event on `GET /portal/events`; its business decides who gets it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PortalEvent {
    /// The first event of a stream, and again when events were missed: what is shown may be stale.
    Resync,
    /// A device came, went or was changed.
    Presence {
        /// Whose device.
        business_id: BusinessId,
        /// Which device.
        device_id: DeviceId,
        /// Whether it can be reached.
        presence: Presence,
        /// Since when.
        since: DateTime<Utc>,
    },
    /// Fresh values of a device.
    Metrics {
        /// Whose device.
        business_id: BusinessId,
        /// Which device.
        device_id: DeviceId,
        /// When they were taken.
        collected_at: DateTime<Utc>,
        /// Use of processors, 0–100.
        cpu_percent: Option<f32>,
        /// Use of memory, 0–100.
        memory_percent: Option<f32>,
        /// Use of the fullest disk, 0–100.
        disk_percent: Option<f32>,
    },
    /// Something else about a device changed: services, software, facts, name.
    Device {
        /// Whose device.
        business_id: BusinessId,
        /// Which device.
        device_id: DeviceId,
    },
    /// A device reported an error, or somebody decided about one.
    ErrorReport {
        /// Whose device.
        business_id: BusinessId,
        /// Which device.
        device_id: DeviceId,
    },
    /// Log entries of a device came in.
    Logs {
        /// Whose device.
        business_id: BusinessId,
        /// Which device.
        device_id: DeviceId,
    },
    /// An alert began, moved or ended.
    Alert {
        /// Whose device.
        business_id: BusinessId,
        /// Which device.
        device_id: DeviceId,
        /// Which alert.
        alert_id: AlertId,
    },
    /// A command moved.
    Command {
        /// Whose device.
        business_id: BusinessId,
        /// Which device.
        device_id: DeviceId,
        /// Of which request.
        request_id: CommandRequestId,
        /// Which command.
        command_id: CommandId,
        /// Where it is now.
        state: CommandState,
    },
    /// A command that runs wrote something.
    CommandOutput {
        /// Whose device.
        business_id: BusinessId,
        /// Which device.
        device_id: DeviceId,
        /// Which command.
        command_id: CommandId,
        /// Where this piece begins, in bytes of all output.
        offset: u64,
        /// The piece; text of a program, which may hold control characters.
        output: String,
    },
    /// A request was made, decided or ended.
    CommandRequest {
        /// Whose devices.
        business_id: BusinessId,
        /// Which request.
        request_id: CommandRequestId,
    },
    /// Strong commands were stopped, or somebody agreed that they may go on: for a business or for all. Told to
    /// everybody who reaches it, and to everybody when it is about all.
    EmergencyStop {
        /// Which business; absent: all.
        business_id: Option<BusinessId>,
    },
    /// A release or a root was brought or changed. Told to people of the MSP.
    Release,
    /// A rollout moved, or devices of it did. Told to people of the MSP.
    Rollout {
        /// Which rollout.
        rollout_id: RolloutId,
    },
    /// A machine has used a registration token.
    Registered {
        /// Whose device.
        business_id: BusinessId,
        /// The token.
        token_id: RegistrationTokenId,
        /// The device that it became.
        device_id: DeviceId,
    },
}

impl PortalEvent {
    /// Whose event it is; nobody's in particular for [`PortalEvent::Resync`].
    #[must_use]
    pub const fn business_id(&self) -> Option<BusinessId> {
        match self {
            Self::Resync | Self::Release | Self::Rollout { .. } => None,
            Self::EmergencyStop { business_id } => *business_id,
            Self::Presence { business_id, .. }
            | Self::Metrics { business_id, .. }
            | Self::Logs { business_id, .. }
            | Self::Alert { business_id, .. }
            | Self::Device { business_id, .. }
            | Self::ErrorReport { business_id, .. }
            | Self::Command { business_id, .. }
            | Self::CommandOutput { business_id, .. }
            | Self::CommandRequest { business_id, .. }
            | Self::Registered { business_id, .. } => Some(*business_id),
        }
    }

    /// Is it about what only the MSP's own people see?
    #[must_use]
    pub const fn is_for_msp(&self) -> bool {
        matches!(self, Self::Release | Self::Rollout { .. })
    }

    /// Which device it is about, if it is about one.
    #[must_use]
    pub const fn device_id(&self) -> Option<DeviceId> {
        match self {
            Self::Resync
            | Self::CommandRequest { .. }
            | Self::EmergencyStop { .. }
            | Self::Release
            | Self::Rollout { .. } => None,
            Self::Presence { device_id, .. }
            | Self::Metrics { device_id, .. }
            | Self::Logs { device_id, .. }
            | Self::Alert { device_id, .. }
            | Self::Device { device_id, .. }
            | Self::ErrorReport { device_id, .. }
            | Self::Command { device_id, .. }
            | Self::CommandOutput { device_id, .. }
            | Self::Registered { device_id, .. } => Some(*device_id),
        }
    }
}
