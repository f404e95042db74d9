//! Whether a device can be reached, and the one function that says so.

use crate::platform::words;
use serde::{Deserialize, Serialize};

words! {
    /// Whether a device can be reached. The stored copy exists so that lists can filter and sort by it; it is
    /// moved only by what [`Presence::of`] answers.
    Presence {
        /// The agent holds a socket or its last heartbeat is fresh.
        Online = "online",
        /// The agent has been silent for too long.
        Offline = "offline",
        /// The agent has registered and not yet been heard of.
        Unknown = "unknown",
    }
}

/// Seconds between heartbeats over the socket.
pub const HEARTBEAT_SECONDS: u32 = 10;

/// A device with this many seconds of silence is offline: three heartbeats.
pub const SILENCE_LIMIT_SECONDS: i64 = 30;

/// After its socket dropped a device has this long to come back before it counts as offline: a restart of the
/// agent or a change of network does not make it flap, and the sum stays under the 30 seconds we promise.
pub const DROP_GRACE_SECONDS: i64 = 15;

impl Presence {
    /// Decides from the age of the last sign of life, and from when the socket dropped if it did.
    #[must_use]
    pub const fn of(silent_seconds: Option<i64>, dropped_seconds: Option<i64>) -> Self {
        match (silent_seconds, dropped_seconds) {
            (None, _) => Self::Unknown,
            (Some(_), Some(dropped)) if dropped >= DROP_GRACE_SECONDS => Self::Offline,
            (Some(silent), _) if silent >= SILENCE_LIMIT_SECONDS => Self::Offline,
            (Some(_), _) => Self::Online,
        }
    }

    /// The word shown beside the status shape.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Online => "Online",
            Self::Offline => "Offline",
            Self::Unknown => "Never seen",
        }
    }
}

words! {
    /// How an agent reaches the server.
    LinkKind {
        /// One WebSocket.
        Socket = "socket",
        /// HTTP requests, because sockets are blocked.
        Polling = "polling",
    }
}

words! {
    /// Why a link ended, as far as the agent or the server can tell.
    DisconnectReason {
        /// The agent was stopped in order.
        AgentStopped = "agent_stopped",
        /// The agent ended without saying so.
        AgentCrashed = "agent_crashed",
        /// The machine was started anew.
        Rebooted = "rebooted",
        /// The server went away in order.
        ServerStopped = "server_stopped",
        /// The server could not be reached over the network.
        NetworkUnreachable = "network_unreachable",
        /// The connection broke or fell silent.
        ConnectionLost = "connection_lost",
        /// The way to the server changed between socket and polling.
        LinkChanged = "link_changed",
        /// Somebody revoked the device.
        Revoked = "revoked",
        /// The device was moved to another business, or its business was switched off.
        AccessChanged = "access_changed",
    }
}

impl DisconnectReason {
    /// A sentence for the portal, without a full stop.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::AgentStopped => "the agent was stopped",
            Self::AgentCrashed => "the agent ended unexpectedly",
            Self::Rebooted => "the machine was restarted",
            Self::ServerStopped => "the server was restarted",
            Self::NetworkUnreachable => "the server could not be reached from the device",
            Self::ConnectionLost => "the connection was lost",
            Self::LinkChanged => "the link changed between socket and polling",
            Self::Revoked => "the device was revoked",
            Self::AccessChanged => "the device was moved, or its business was switched off",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_follows_silence_and_drops() {
        assert_eq!(Presence::of(None, None), Presence::Unknown);
        assert_eq!(Presence::of(Some(29), None), Presence::Online);
        assert_eq!(Presence::of(Some(30), None), Presence::Offline);
        assert_eq!(Presence::of(Some(20), Some(14)), Presence::Online);
        assert_eq!(Presence::of(Some(15), Some(15)), Presence::Offline);
    }
}
