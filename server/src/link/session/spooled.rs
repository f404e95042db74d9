//! What agents keep in a spool until it is acknowledged: samples and log entries, handed on without waiting.

use super::{Session, Span};
use crate::budget::Hold;
use entity::{
    presence::LinkKind,
    wire::{Logs, Metrics},
};

impl Session {
    /// Hands samples on; they are acknowledged when they are committed.
    pub(super) fn append(&mut self, metrics: Metrics, hold: Hold) {
        let agent = self.agent.clone();
        self.appends.push_back(Box::pin(async move {
            let span = Span::of(&metrics);
            let outcome = domain::metric::append(&agent, LinkKind::Socket, metrics).await;
            drop(hold);
            (span, outcome.map(drop))
        }));
    }

    /// The same for log entries.
    pub(super) fn append_logs(&mut self, logs: Logs, hold: Hold) {
        let agent = self.agent.clone();
        self.appends.push_back(Box::pin(async move {
            let span = Span::of_logs(&logs);
            let outcome = domain::log_entry::append(&agent, LinkKind::Socket, logs).await;
            drop(hold);
            (span, outcome.map(drop))
        }));
    }
}
