//! Decides which committed samples may be acknowledged. Several messages are in flight, and an acknowledgement
//! stands for everything before it: once a message was refused, nothing after it may be acknowledged until the
//! agent has sent it again.

use chrono::{DateTime, Utc};
use entity::wire::Metrics;

/// What a message covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Spool position of its last sample.
    pub(super) position: u64,
    /// Time of its first sample.
    first: Option<DateTime<Utc>>,
}

impl Span {
    pub(super) fn of(metrics: &Metrics) -> Self {
        Self { position: metrics.position, first: metrics.samples.first().map(|sample| sample.collected_at) }
    }
}

/// Remembers the first message that was refused and has not come again.
#[derive(Debug, Default)]
pub(super) struct Gate(Option<Span>);

impl Gate {
    /// Takes the outcome of a message, in the order in which messages came; true when it may be acknowledged.
    pub(super) fn settle(&mut self, span: Span, is_committed: bool) -> bool {
        let comes_again = match self.0 {
            None => true,
            // Sent again it may be cut differently: shorter, or longer with the same beginning.
            Some(refused) => span.position <= refused.position || span.first <= refused.first,
        };
        match (comes_again, is_committed) {
            (true, true) => self.0 = None,
            (true, false) => self.0 = Some(span),
            (false, _) => {}
        }
        comes_again && is_committed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn span(position: u64, first_seconds: i64) -> Span {
        Span { position, first: Some(DateTime::UNIX_EPOCH + TimeDelta::seconds(first_seconds)) }
    }

    #[test]
    fn nothing_after_a_refused_message_is_acknowledged_until_it_came_again() {
        let mut gate = Gate::default();
        assert!(gate.settle(span(10, 0), true));
        assert!(!gate.settle(span(20, 100), false), "refused");
        assert!(!gate.settle(span(30, 200), true), "committed, but would stand for the refused one too");
        assert!(gate.settle(span(20, 100), true), "came again");
        assert!(gate.settle(span(30, 200), true));
    }

    #[test]
    fn a_message_may_come_again_in_another_cut() {
        let mut longer = Gate::default();
        longer.settle(span(20, 100), false);
        assert!(longer.settle(span(35, 100), true));
        let mut shorter = Gate::default();
        shorter.settle(span(20, 100), false);
        assert!(shorter.settle(span(15, 100), true));
    }
}
