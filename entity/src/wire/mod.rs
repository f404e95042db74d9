//! What agent and server say to each other, and nothing else. JSON text frames `{"type": …}` over the WebSocket;
//! the same bodies over HTTP when sockets are blocked.

mod command;
mod hello;
pub mod limits;

pub use command::{ChainAnswer, CommandsAnswer};
pub use hello::{Hello, PreviousLink};

use crate::{
    agent_state::{self, AgentState},
    command::{ChainEntry, ChainHead, CommandProgress, CommandReceipt, CommandResult, Envelope},
    device_lock::LockSummary,
    facts::Facts,
    id::CommandId,
    log_entry::{LogEntry, LogSources},
    metric::MetricSample,
    monitored_service::{self, MonitoredServiceSetting, MonitoredServiceState, ServiceEventData},
    presence::{DisconnectReason, LinkKind},
    software_item::SoftwareItem,
    system_service::{ServiceManager, SystemService},
    update::{UpdateRequired, UpdateStatus, UpdateStatusAck},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The protocol version this build speaks.
///
/// - 1 (2026-11-20): hello, heartbeat, metrics, services, software, facts, event, pong; welcome, ack, config,
///   ping, goodbye, unsupported.
/// - 2 (2026-11-21): logs, logs_ack; settings say which logs to follow.
///   monitored_services, device_lock, event_ack; events have an id; settings say which services to look after.
/// - 3 (2026-11-21): command, command_cancel, stop, result_ack, chain_ack; command_receipt, command_progress,
///   command_result, chain; hello says how far the device's own record has come.
/// - 4 (2026-11-21): update_required, update_status_ack; update_status; hello says which build runs.
pub const PROTOCOL: u16 = 4;

/// Agent → server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToServer {
    /// First frame of a socket.
    Hello(Hello),
    /// A sign of life.
    Heartbeat(Heartbeat),
    /// Samples from the spool.
    Metrics(Metrics),
    /// Log entries from their spool.
    Logs(Logs),
    /// The system services as they are now.
    Services(Services),
    /// The installed software as it is now.
    Software(Software),
    /// Hardware and operating system as they are now.
    Facts(FactsReport),
    /// The monitored services as they are now.
    MonitoredServices(MonitoredServices),
    /// What a local administrator lets happen on the device.
    DeviceLock(LockSummary),
    /// Something that happened on the device.
    Event(Event),
    /// A command is on the device's disk, or has begun.
    CommandReceipt(CommandReceipt),
    /// Output of a command that runs.
    CommandProgress(CommandProgress),
    /// How a command ended.
    CommandResult(CommandResult),
    /// Entries of the device's own record that the server does not have.
    Chain(Chain),
    /// How far an update has come on the device.
    UpdateStatus(Box<UpdateStatus>),
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
    /// Every log entry up to this spool position is committed.
    LogsAck {
        /// From [`Logs::entries`].
        position: u64,
    },
    /// The event is committed.
    EventAck {
        /// From [`Event::id`].
        id: uuid::Uuid,
    },
    /// The settings have changed.
    Config {
        /// The new ones.
        settings: Settings,
    },
    /// Do this, when both locks are open: an envelope around [`crate::command::Order`].
    Command(Box<Envelope>),
    /// Do not begin this any more.
    CommandCancel {
        /// Which.
        command_id: CommandId,
    },
    /// Strong commands are stopped, or may go on: an envelope around [`crate::command::StopOrder`].
    Stop(Box<Envelope>),
    /// The result is committed.
    ResultAck {
        /// Which.
        command_id: CommandId,
    },
    /// Every entry of the device's own record up to this one is committed.
    ChainAck {
        /// From [`ChainEntry::seq`].
        seq: u64,
    },
    /// A newer version is due: ask for it.
    UpdateRequired(UpdateRequired),
    /// The status of an update is stored.
    UpdateStatusAck(UpdateStatusAck),
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

impl ToServer {
    /// The word of its type.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Heartbeat(_) => "heartbeat",
            Self::Metrics(_) => "metrics",
            Self::Logs(_) => "logs",
            Self::Services(_) => "services",
            Self::Software(_) => "software",
            Self::Facts(_) => "facts",
            Self::MonitoredServices(_) => "monitored_services",
            Self::DeviceLock(_) => "device_lock",
            Self::Event(_) => "event",
            Self::CommandReceipt(_) => "command_receipt",
            Self::CommandProgress(_) => "command_progress",
            Self::CommandResult(_) => "command_result",
            Self::Chain(_) => "chain",
            Self::UpdateStatus(_) => "update_status",
            Self::Pong { .. } => "pong",
            Self::Unknown => "unknown",
        }
    }
}

impl ToAgent {
    /// The word of its type.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Welcome(_) => "welcome",
            Self::Ack { .. } => "ack",
            Self::LogsAck { .. } => "logs_ack",
            Self::EventAck { .. } => "event_ack",
            Self::Config { .. } => "config",
            Self::Command(_) => "command",
            Self::CommandCancel { .. } => "command_cancel",
            Self::Stop(_) => "stop",
            Self::ResultAck { .. } => "result_ack",
            Self::ChainAck { .. } => "chain_ack",
            Self::UpdateRequired(_) => "update_required",
            Self::UpdateStatusAck(_) => "update_status_ack",
            Self::Ping { .. } => "ping",
            Self::Goodbye { .. } => "goodbye",
            Self::Busy { .. } => "busy",
            Self::Unsupported { .. } => "unsupported",
            Self::Unknown => "unknown",
        }
    }
}

/// A sign of life; small, because it comes every ten seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Heartbeat {
    /// How it was sent.
    pub link: LinkKind,
    /// The hello that polling agents have no other place for; sent with the first poll.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hello: Option<Box<Hello>>,
    /// What the agent is doing with itself; sent when that has changed.
    #[serde(default, deserialize_with = "agent_state::if_known", skip_serializing_if = "Option::is_none")]
    pub agent_state: Option<AgentState>,
}

/// Answer to a heartbeat over HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MetricsAnswer {
    /// How many samples came in; repeats count.
    pub received: u64,
    /// Everything up to this spool position is committed.
    pub position: u64,
}

/// Log entries from the agent's spool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Logs {
    /// At most [`limits::LOG_ENTRIES_PER_MESSAGE_MAX`], in order of their positions; acknowledged once all are committed.
    pub entries: Vec<SpooledEntry>,
    /// Entries that the agent dropped since its registration because its spool was full or damaged. A total, so that a
    /// repeated message counts nothing twice.
    #[serde(default)]
    pub dropped_total: u64,
    /// Lines that the agent left out since its registration because a source wrote more than its share. A total too.
    #[serde(default)]
    pub suppressed_total: u64,
}

impl Logs {
    /// Spool position of the last entry.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.entries.last().map_or(0, |last| last.position)
    }
}

/// A log entry with its place in the spool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SpooledEntry {
    /// Rises from entry to entry and never comes twice, even when the spool is lost: it names the entry.
    pub position: u64,
    /// The entry.
    #[serde(flatten)]
    pub entry: LogEntry,
}

/// Answer to logs over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogsAnswer {
    /// How many entries came in; repeats count.
    pub received: u64,
    /// Every entry up to this spool position is committed.
    pub position: u64,
}

/// All system services of the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Software {
    /// Digest over the items: SHA-256 over their JSON, hex.
    pub digest: String,
    /// The items.
    pub items: Vec<SoftwareItem>,
}

/// Hardware and operating system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FactsReport {
    /// Digest over the facts: SHA-256 over their JSON, hex.
    pub digest: String,
    /// The facts.
    pub facts: Facts,
}

/// Something that happened on the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Event {
    /// When, by the device's clock.
    pub at: DateTime<Utc>,
    /// What, such as `service_crashed`.
    pub event_type: String,
    /// A sentence.
    pub summary: String,
    /// Names the event, so that one that is told twice counts once; acknowledged by it. Absent from agents that do not
    /// keep events until they are acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<uuid::Uuid>,
    /// More about it, when it is about a service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<ServiceEventData>,
}

impl Event {
    /// An event without more to it than a sentence, that nobody waits for the acknowledgement of.
    #[must_use]
    pub fn plain(at: DateTime<Utc>, event_type: impl Into<String>, summary: impl Into<String>) -> Self {
        Self { at, event_type: event_type.into(), summary: summary.into(), id: None, data: None }
    }
}

/// Entries of the device's own record, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Chain {
    /// At most [`limits::CHAIN_ENTRIES_PER_MESSAGE_MAX`].
    pub entries: Vec<ChainEntry>,
    /// Where the record ends on the device.
    pub head: ChainHead,
}

/// The monitored services of the device: all that its settings name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MonitoredServices {
    /// At most [`monitored_service::MONITORED_SERVICES_MAX`].
    pub items: Vec<MonitoredServiceState>,
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Known {
    /// Of [`Services`].
    pub services: Option<String>,
    /// Of [`Software`].
    pub software: Option<String>,
    /// Of [`FactsReport`].
    pub facts: Option<String>,
}

/// What the server may set on an agent: a bounded set that never touches the server's address or keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Settings {
    /// Seconds between heartbeats.
    pub heartbeat_interval_seconds: u32,
    /// Seconds between samples.
    pub metrics_interval_seconds: u32,
    /// Seconds between looks at services, software and facts.
    pub inventory_interval_seconds: u32,
    /// Which services to look after.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub monitored_services: Vec<MonitoredServiceSetting>,
    /// Which logs to follow.
    #[serde(default, skip_serializing_if = "LogSources::is_default")]
    pub log_sources: LogSources,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat_interval_seconds: crate::presence::HEARTBEAT_SECONDS,
            metrics_interval_seconds: 60,
            inventory_interval_seconds: 300,
            monitored_services: Vec::new(),
            log_sources: LogSources::default(),
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
            monitored_services: monitored_service::bounded(self.monitored_services),
            log_sources: self.log_sources.bounded(),
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
