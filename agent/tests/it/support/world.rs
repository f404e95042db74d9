//! What the fake server knows, and how it is to behave.

use chrono::{DateTime, Utc};
use ed25519_dalek::VerifyingKey;
use entity::{
    id::DeviceId,
    presence::{DisconnectReason, LinkKind},
    wire::{Event, FactsReport, Hello, Known, Metrics, Services, Settings, Software, ToAgent},
};
use std::collections::{BTreeMap, HashMap, HashSet};
use tokio::sync::mpsc::UnboundedSender;

/// What the server knows, and how it is to behave.
pub struct World {
    pub devices: HashMap<DeviceId, VerifyingKey>,
    pub agent_tokens: HashSet<String>,
    pub challenges: u32,
    pub requests: u32,
    pub hellos: Vec<(LinkKind, Hello)>,
    pub heartbeats: HashMap<LinkKind, u32>,
    /// Stored samples, and how often each was sent.
    pub samples: BTreeMap<DateTime<Utc>, u32>,
    pub dropped_total: u64,
    pub services: Option<Services>,
    pub software: Option<Software>,
    pub facts: Option<FactsReport>,
    pub inventories: u32,
    pub events: Vec<Event>,
    pub closed_because: Vec<String>,
    pub sockets: Vec<UnboundedSender<ToAgent>>,
    pub settings: Settings,
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
            hellos: Vec::new(),
            heartbeats: HashMap::new(),
            samples: BTreeMap::new(),
            dropped_total: 0,
            services: None,
            software: None,
            facts: None,
            inventories: 0,
            events: Vec::new(),
            closed_because: Vec::new(),
            sockets: Vec::new(),
            settings: Settings {
                heartbeat_interval_seconds: 1,
                metrics_interval_seconds: 1,
                inventory_interval_seconds: 5,
            },
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
            protocol: 1,
            server_time: Utc::now(),
            settings: self.settings,
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
