//! The road from a verb to the sockets that this process holds. Messages only wake or end; truth is in the rows.

use entity::{id::DeviceId, presence::DisconnectReason};

/// Implemented by whoever holds the agents' sockets.
pub trait Courier: Send + Sync {
    /// Ends the socket of a device, if there is one, and tells the agent why.
    fn disconnect(&self, device: DeviceId, reason: DisconnectReason);

    /// Has the session of a device, if there is one, look into the database for what waits for it, and whether it may
    /// go on. Woken many times before it looked, it looks once.
    fn wake(&self, device: DeviceId);
}
