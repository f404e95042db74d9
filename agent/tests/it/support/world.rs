//! What the fake server knows, and how it is to behave.

use super::releases::Releases;
use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::VerifyingKey;
use entity::{
    agent_state::AgentState,
    command::{ChainEntry, CommandProgress, CommandReceipt, CommandResult, Envelope},
    device_lock::LockSummary,
    error_report::ErrorReport,
    id::DeviceId,
    presence::{DisconnectReason, LinkKind},
    wire::{
        Event, FactsReport, Hello, Known, Logs, Metrics, MonitoredServices, Services, Settings, Software,
        ToAgent,
    },
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Instant,
};
use tokio::sync::mpsc::UnboundedSender;

/// What devices said of commands.
#[derive(Default)]
pub struct Said {
    pub receipts: Vec<CommandReceipt>,
    pub progress: Vec<CommandProgress>,
    pub results: Vec<CommandResult>,
    pub chain: BTreeMap<u64, ChainEntry>,
}

impl Said {
    /// Stores entries of a record; answers how far it is known without a gap.
    pub fn store(&mut self, entries: &[ChainEntry]) -> u64 {
        for entry in entries {
            let before = self.chain.insert(entry.seq, entry.clone());
            assert!(before.is_none_or(|before| before == *entry), "the record says the same twice");
        }
        self.known_seq()
    }

    pub fn known_seq(&self) -> u64 {
        (1..).take_while(|seq| self.chain.contains_key(seq)).last().unwrap_or(0)
    }
}

/// What the server knows, and how it is to behave.
pub struct World {
    pub devices: HashMap<DeviceId, VerifyingKey>,
    pub agent_tokens: HashSet<String>,
    pub challenges: u32,
    pub requests: u32,
    /// When something of the API was asked for.
    pub asked_at: Vec<Instant>,
    pub hellos: Vec<(LinkKind, Hello)>,
    /// What agents said that they are doing with themselves, in order.
    pub agent_states: Vec<AgentState>,
    pub heartbeats: HashMap<LinkKind, u32>,
    /// Stored samples, and how often each was sent.
    pub samples: BTreeMap<DateTime<Utc>, u32>,
    pub dropped_total: u64,
    /// Log entries by their position: what they say, and how often each was sent.
    pub logs: BTreeMap<u64, (String, u32)>,
    pub services: Option<Services>,
    pub software: Option<Software>,
    pub facts: Option<FactsReport>,
    pub inventories: u32,
    pub events: Vec<Event>,
    /// Events are stored, but not acknowledged.
    pub keep_event_acks: bool,
    /// What was told of the services that are looked after.
    pub monitored: Vec<MonitoredServices>,
    /// What was told of the lock beside hellos.
    pub locks: Vec<LockSummary>,
    /// What was said of commands.
    pub said: Said,
    /// What waits for devices that ask for it over HTTP.
    pub orders: Vec<Envelope>,
    /// Results and the record are stored, but not acknowledged.
    pub keep_command_acks: bool,
    /// How far the server's clock is ahead of this machine's.
    pub clock_ahead: TimeDelta,
    /// The protocol that it speaks.
    pub protocol: u16,
    /// Error reports that were taken.
    pub errors: Vec<ErrorReport>,
    /// Error reports are not taken: this many times the answer is busy.
    pub refuse_errors: u32,
    pub closed_because: Vec<String>,
    pub sockets: Vec<UnboundedSender<ToAgent>>,
    pub settings: Settings,
    /// The root that it tells those who register.
    pub command_root: Option<String>,
    /// What it has and knows of releases.
    pub releases: Releases,
    /// The upgrade is refused, as by a proxy.
    pub block_sockets: bool,
    /// Nothing is read or said on open sockets.
    pub deaf: bool,
    /// What can be downloaded, by name.
    pub downloads: HashMap<String, Vec<u8>>,
    /// Open sockets end without a word at their next message.
    pub drop_sockets: bool,
    /// Samples are not stored: this many times the answer is busy.
    pub busy: u32,
    /// Samples are stored, but not acknowledged.
    pub keep_acks: bool,
    pub revoked: bool,
    /// The business of the devices is switched off.
    pub switched_off: bool,
    /// Another key is taken, and the answer that says so is lost.
    pub lose_key_answer: bool,
}

impl World {
    /// One that knows nothing and behaves.
    pub fn new() -> Self {
        Self {
            devices: HashMap::new(),
            agent_tokens: HashSet::new(),
            challenges: 0,
            requests: 0,
            asked_at: Vec::new(),
            hellos: Vec::new(),
            agent_states: Vec::new(),
            heartbeats: HashMap::new(),
            samples: BTreeMap::new(),
            dropped_total: 0,
            logs: BTreeMap::new(),
            services: None,
            software: None,
            facts: None,
            inventories: 0,
            events: Vec::new(),
            keep_event_acks: false,
            monitored: Vec::new(),
            locks: Vec::new(),
            said: Said::default(),
            orders: Vec::new(),
            keep_command_acks: false,
            clock_ahead: TimeDelta::zero(),
            protocol: 1,
            errors: Vec::new(),
            refuse_errors: 0,
            closed_because: Vec::new(),
            sockets: Vec::new(),
            settings: Settings {
                heartbeat_interval_seconds: 1,
                metrics_interval_seconds: 1,
                inventory_interval_seconds: 5,
                ..Settings::default()
            },
            command_root: None,
            releases: Releases::default(),
            block_sockets: false,
            deaf: false,
            downloads: HashMap::new(),
            drop_sockets: false,
            busy: 0,
            keep_acks: false,
            revoked: false,
            switched_off: false,
            lose_key_answer: false,
        }
    }

    pub fn known(&self) -> Known {
        Known {
            services: self.services.as_ref().map(|report| report.digest.clone()),
            software: self.software.as_ref().map(|report| report.digest.clone()),
            facts: self.facts.as_ref().map(|report| report.digest.clone()),
        }
    }

    /// The welcome to this device.
    pub fn welcome(&self) -> ToAgent {
        ToAgent::Welcome(entity::wire::Welcome {
            protocol: self.protocol,
            server_time: Utc::now() + self.clock_ahead,
            settings: self.settings.clone(),
            known: self.known(),
        })
    }

    /// Stores samples; false when it is too busy.
    pub fn store(&mut self, metrics: &Metrics) -> bool {
        if self.busy > 0 {
            self.busy -= 1;
            return false;
        }
        for sample in &metrics.samples {
            *self.samples.entry(sample.collected_at).or_default() += 1;
        }
        self.dropped_total = self.dropped_total.max(metrics.dropped_total);
        true
    }

    /// Stores log entries; false when it is too busy.
    pub fn store_logs(&mut self, logs: &Logs) -> bool {
        if self.busy > 0 {
            self.busy -= 1;
            return false;
        }
        for entry in &logs.entries {
            let message = entry.entry.message.clone();
            self.logs.entry(entry.position).or_insert((message, 0)).1 += 1;
        }
        true
    }

    /// What the entries say, in order.
    pub fn log_messages(&self) -> Vec<String> {
        self.logs.values().map(|(message, _)| message.clone()).collect()
    }

    pub fn count_heartbeat(&mut self, kind: LinkKind) {
        *self.heartbeats.entry(kind).or_default() += 1;
    }

    pub fn heartbeats(&self, kind: LinkKind) -> u32 {
        self.heartbeats.get(&kind).copied().unwrap_or(0)
    }

    /// Reasons of the last links, as the hellos of this kind told them.
    pub fn reasons(&self) -> Vec<(LinkKind, Option<DisconnectReason>)> {
        let reason = |hello: &Hello| hello.previous.as_ref().map(|previous| previous.reason);
        self.hellos.iter().map(|(kind, hello)| (*kind, reason(hello))).collect()
    }

    /// Sends to every open socket.
    pub fn push(&mut self, message: &ToAgent) {
        self.sockets.retain(|socket| socket.send(message.clone()).is_ok());
    }
}
