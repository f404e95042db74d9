//! The road from a verb to the sockets that this process holds. Messages only wake or end; truth is in the rows.

use entity::{id::DeviceId, presence::DisconnectReason};

/// Implemented by whoever holds the agents' sockets.
pub trait Courier: Send + Sync {
    /// Ends the socket of a device, if there is one, and tells the agent why.
    fn disconnect(&self, device: DeviceId, reason: DisconnectReason);
}
