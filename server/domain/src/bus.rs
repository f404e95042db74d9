//! What server processes on one database tell each other. The database is the truth: whatever is said here only makes
//! others look sooner, and losing all of it loses nothing but time.

mod heard;
mod message;
mod tell;

pub(crate) use heard::Ears;
pub(crate) use tell::{Mouth, start};

use crate::{Result, Store};
use async_trait::async_trait;
use entity::{
    id::{DeviceId, OidcProviderId},
    portal_event::PortalEvent,
};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, atomic::Ordering};

/// Longest message that is listened to, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 512 * 1024;

/// Implemented by whoever carries messages between server processes, such as a client of NATS. Messages are opaque,
/// sealed and small; what carries them need not be trusted.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Hands a message to all other processes, once at most and in order, without waiting. False when it is lost
    /// already.
    fn send(&self, message: String) -> bool;

    /// Does it reach the others, as far as it knows?
    fn is_connected(&self) -> bool;

    /// Lets go, after what was sent is gone.
    async fn close(&self);
}

/// How this process stands with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusState {
    /// There is no bus: others are heard of through the database alone.
    None,
    /// What is said is heard.
    Connected,
    /// The bus cannot be reached; this process tries again for ever.
    Unreachable,
}

/// What went over the bus since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusTraffic {
    /// Messages of ours.
    pub sent: u64,
    /// Messages of ours that could not be sent.
    pub lost: u64,
    /// Messages of others that were believed.
    pub heard: u64,
    /// Messages that were not: of strangers, too old, repeated, or damaged.
    pub refused: u64,
    /// Times that messages of others were missed, or may have been.
    pub gaps: u64,
}

/// One thing that is said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Hint {
    /// Open pages may want to know. Shown to those alone who reach it, as an event of this process is.
    Event {
        /// What happened.
        event: PortalEvent,
    },
    /// Somebody decided something that may change who may see what.
    Decided,
    /// The database has something new for these devices: their sessions look.
    Wake {
        /// Which devices.
        devices: Vec<DeviceId>,
    },
    /// What a provider of sign-in had published may be out of date.
    ProviderChanged {
        /// Which provider.
        provider: OidcProviderId,
    },
    /// The sender is there, or there again: shows by its number what was missed.
    Here,
    /// What a newer version says.
    #[serde(other)]
    Unknown,
}

impl Store {
    /// Hands in what carries messages to the other processes. The first to be handed in stays.
    pub fn set_bus(&self, bus: Arc<dyn Bus>) {
        start(self, bus);
    }

    /// Takes a message of another process. What is not one is counted and forgotten.
    pub fn hear(&self, message: &[u8]) {
        heard::hear(self, message);
    }

    /// Says that messages of others may have been missed, as after the bus was out of reach: open pages look anew, and
    /// the others learn what they missed of ours.
    pub fn missed(&self) {
        heard::missed(self);
        self.tell(Hint::Here);
    }

    /// How this process stands with the others.
    #[must_use]
    pub fn bus_state(&self) -> BusState {
        match self.mouth().bus() {
            None => BusState::None,
            Some(bus) if bus.is_connected() => BusState::Connected,
            Some(_) => BusState::Unreachable,
        }
    }

    /// What went over the bus since the start.
    #[must_use]
    pub fn bus_traffic(&self) -> BusTraffic {
        let (mouth, ears) = (self.mouth(), self.ears());
        BusTraffic {
            sent: mouth.sent.load(Ordering::Relaxed),
            lost: mouth.lost.load(Ordering::Relaxed),
            heard: ears.heard.load(Ordering::Relaxed),
            refused: ears.refused.load(Ordering::Relaxed),
            gaps: ears.gaps.load(Ordering::Relaxed),
        }
    }

    /// Says something to the other processes, if there is a bus.
    pub(crate) fn tell(&self, hint: Hint) {
        self.mouth().tell(hint);
    }
}

/// Which messages of this database: two that share a bus do not understand each other.
fn place(cluster: &str) -> String {
    format!("bus v{} {cluster}", message::VERSION)
}

/// Closes a message so that those with the keys of this database can read it, and nobody else can write one.
fn close(store: &Store, message: &message::Message) -> Result<String> {
    store.seal().close(&place(store.cluster()), &message.bytes()?)
}
