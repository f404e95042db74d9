//! What agent and server say to each other, and nothing else. JSON text frames `{"type": …}` over the WebSocket;
//! the same bodies over HTTP when sockets are blocked.

pub mod limits;

use crate::{
    facts::Facts,
    metric::MetricSample,
    platform::{Arch, Os},
    presence::{DisconnectReason, LinkKind},
    software_item::SoftwareItem,
    system_service::{ServiceManager, SystemService},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The protocol version this build speaks.
///
/// - 1 (2026-11-20): hello, heartbeat, metrics, services, software, facts, event, pong; welcome, ack, config,
///   ping, goodbye, unsupported.
pub const PROTOCOL: u16 = 1;

/// Agent → server.
#[cfg_attr(
    target_pointer_width = "64",
    expect(
        clippy::large_enum_variant,
        reason = "a message lives for one decode; boxes would cost every reader"
    )
)]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToServer {
    /// First frame of a socket.
    Hello(Hello),
    /// A sign of life.
    Heartbeat(Heartbeat),
    /// Samples from the spool.
    Metrics(Metrics),
    /// The system services as they are now.
    Services(Services),
    /// The installed software as it is now.
    Software(Software),
    /// Hardware and operating system as they are now.
    Facts(FactsReport),
    /// Something that happened on the device.
    Event(Event),
    /// Answer to [`ToAgent::Ping`].
    Pong {
        /// From the ping.
        nonce: u64,
    },
    /// A message of a type that this build does not know; answered, never ignored.
    #[serde(other)]
    Unknown,
}

/// Server → agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToAgent {
    /// Answer to [`ToServer::Hello`].
    Welcome(Welcome),
    /// Everything up to this spool position is committed.
    Ack {
        /// From [`Metrics::position`].
        position: u64,
    },
    /// The settings have changed.
    Config {
        /// The new ones.
        settings: Settings,
    },
    /// Answer with [`ToServer::Pong`].
    Ping {
        /// To be sent back.
        nonce: u64,
    },
    /// The server ends this link in order.
    Goodbye {
        /// Why.
        reason: DisconnectReason,
        /// Earliest time to come back.
        retry_after_seconds: u32,
    },
    /// Try this message again later: the server could not store it now.
    Busy {
        /// Earliest time to send it again.
        retry_after_seconds: u32,
    },
    /// A message was of a type, or in a shape, that the server does not know. What it carried was not stored.
    Unsupported {
        /// What was wrong with it.
        detail: String,
    },
    /// A message of a type that this build does not know; answered, never ignored.
    #[serde(other)]
    Unknown,
}

/// First words of an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL`] of the agent; both speak the lower.
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
}

/// How the link before this one ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousLink {
    /// When, by the device's clock.
    pub ended_at: DateTime<Utc>,
    /// Why, as far as the agent can tell.
    pub reason: DisconnectReason,
}

/// A sign of life; small, because it comes every ten seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// How it was sent.
    pub link: LinkKind,
    /// The hello that polling agents have no other place for; sent with the first poll.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hello: Option<Box<Hello>>,
}

/// Answer to a heartbeat over HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeartbeatAnswer {
    /// When to come back.
    pub next_checkin_seconds: u32,
    /// True: [`HeartbeatAnswer::settings`] differ from those of the welcome or of registration.
    pub config_updated: bool,
    /// The settings in force.
    pub settings: Settings,
    /// What the server has stored of this device's state.
    pub known: Known,
}

/// Samples from the agent's spool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Spool position of the last sample; acknowledged once all are committed.
    pub position: u64,
    /// Samples that the agent dropped since its registration because its spool was full or damaged. A total, so
    /// that a repeated message counts nothing twice.
    #[serde(default)]
    pub dropped_total: u64,
    /// At most [`limits::SAMPLES_PER_MESSAGE_MAX`].
    pub samples: Vec<MetricSample>,
}

/// Answer to metrics over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricsAnswer {
    /// How many samples came in; repeats count.
    pub received: u64,
    /// Everything up to this spool position is committed.
    pub position: u64,
}

/// All system services of the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Services {
    /// What keeps them.
    pub manager: ServiceManager,
    /// Digest over the items: SHA-256 over their JSON, hex.
    pub digest: String,
    /// The services.
    pub items: Vec<SystemService>,
}

/// All installed software of the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Software {
    /// Digest over the items: SHA-256 over their JSON, hex.
    pub digest: String,
    /// The items.
    pub items: Vec<SoftwareItem>,
}

/// Hardware and operating system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FactsReport {
    /// Digest over the facts: SHA-256 over their JSON, hex.
    pub digest: String,
    /// The facts.
    pub facts: Facts,
}

/// Something that happened on the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, by the device's clock.
    pub at: DateTime<Utc>,
    /// What, such as `service_crashed`.
    pub event_type: String,
    /// A sentence.
    pub summary: String,
}

/// Answer to [`Hello`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// The protocol version both speak from here on.
    pub protocol: u16,
    /// The server's clock.
    pub server_time: DateTime<Utc>,
    /// Intervals and the like.
    pub settings: Settings,
    /// What the server has stored of this device's state.
    pub known: Known,
}

/// Digests of what the server has; an agent sends again only what differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Of [`Services`].
    pub services: Option<String>,
    /// Of [`Software`].
    pub software: Option<String>,
    /// Of [`FactsReport`].
    pub facts: Option<String>,
}

/// What the server may set on an agent: a bounded set that never touches the server's address or keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Seconds between heartbeats.
    pub heartbeat_interval_seconds: u32,
    /// Seconds between samples.
    pub metrics_interval_seconds: u32,
    /// Seconds between looks at services, software and facts.
    pub inventory_interval_seconds: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat_interval_seconds: crate::presence::HEARTBEAT_SECONDS,
            metrics_interval_seconds: 60,
            inventory_interval_seconds: 300,
        }
    }
}

impl Settings {
    /// Brings every field into the range an agent accepts.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self {
            heartbeat_interval_seconds: self.heartbeat_interval_seconds.clamp(1, 300),
            metrics_interval_seconds: self.metrics_interval_seconds.clamp(1, 3_600),
            inventory_interval_seconds: self.inventory_interval_seconds.clamp(5, 86_400),
        }
    }
}

/// The server's address for sockets that belongs to its address for HTTP.
#[must_use]
pub fn websocket_url(public_url: &str) -> String {
    let base = public_url.trim_end_matches('/');
    let base = base.strip_prefix("http").map_or_else(|| base.to_owned(), |rest| format!("ws{rest}"));
    format!("{base}/ws")
}

#[cfg(test)]
mod tests;
