//! What goes from a spool to the server: samples first, then log entries, one message of either on its way at a time.

use crate::{
    log_tail::Outbox,
    spool::{Batch, SharedSpool},
};
use entity::{
    log_entry::LogEntry,
    metric::MetricSample,
    wire::{Logs, Metrics, SpooledEntry, ToServer},
};

/// A message's worth of one of the spools.
#[derive(Clone, Debug)]
pub(super) enum Sent {
    Samples(Batch<MetricSample>),
    Logs(Batch<LogEntry>),
}

impl Sent {
    /// The next that waits; logs only where the server takes them.
    pub(super) async fn next(
        samples: &SharedSpool<MetricSample>,
        logs: &Outbox,
        takes_logs: bool,
        message_bytes_max: usize,
    ) -> Option<Self> {
        if let Some(batch) = samples.batch(message_bytes_max).await {
            return Some(Self::Samples(batch));
        }
        if !takes_logs {
            return None;
        }
        logs.spool.batch(message_bytes_max).await.map(Self::Logs)
    }

    /// Is it the same part of the same spool?
    pub(super) const fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Samples(one), Self::Samples(other)) => one.position == other.position,
            (Self::Logs(one), Self::Logs(other)) => one.position == other.position,
            _ => false,
        }
    }

    /// How much it is.
    pub(super) const fn count(&self) -> usize {
        match self {
            Self::Samples(batch) => batch.items.len(),
            Self::Logs(batch) => batch.items.len(),
        }
    }

    /// What it is, for the log of the agent.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Samples(_) => "samples",
            Self::Logs(_) => "log entries",
        }
    }

    /// The message of it.
    pub(super) fn message(&self, suppressed_total: u64) -> ToServer {
        match self.clone() {
            Self::Samples(Batch { position, dropped_total, items }) => {
                let samples = items.into_iter().map(|(_, sample)| sample).collect();
                ToServer::Metrics(Metrics { position, dropped_total, samples })
            }
            Self::Logs(Batch { dropped_total, items, .. }) => {
                let entries =
                    items.into_iter().map(|(position, entry)| SpooledEntry { position, entry }).collect();
                ToServer::Logs(Logs { entries, dropped_total, suppressed_total })
            }
        }
    }

    /// The server has all of it.
    pub(super) async fn acknowledge(self, samples: &SharedSpool<MetricSample>, logs: &Outbox) {
        match self {
            Self::Samples(batch) => samples.acknowledge(batch.position).await,
            Self::Logs(batch) => logs.spool.acknowledge(batch.position).await,
        }
    }

    /// The server refuses it for what it is.
    pub(super) async fn give_up(self, samples: &SharedSpool<MetricSample>, logs: &Outbox) {
        match self {
            Self::Samples(batch) => samples.give_up(batch).await,
            Self::Logs(batch) => logs.spool.give_up(batch).await,
        }
    }
}
