//! Decides which committed samples and log entries may be acknowledged. Several messages are in flight, and an acknowledgement
//! stands for everything before it: once a message was refused, nothing after it may be acknowledged until the
//! agent has sent it again.

use entity::wire::{Logs, Metrics, ToAgent};

/// More messages than this are not on their way behind one that was refused: an agent that is told to wait sends from the
/// beginning of its spool.
const TURNED_AWAY_MAX: u32 = 4;

/// Which spool of the agent a message is from; each is acknowledged by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Samples,
    Logs,
}

/// What a message covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) stream: Stream,
    /// Spool position of its last sample or entry.
    pub(super) position: u64,
    /// Spool position of its first one; behind `position` when it brings none.
    first: u64,
}

impl Span {
    pub(super) fn of(metrics: &Metrics) -> Self {
        let position = metrics.position;
        // Positions count samples. Where some are missing in between it begins earlier than this says, never later.
        let first = position.saturating_add(1).saturating_sub(metrics.samples.len() as u64);
        Self { stream: Stream::Samples, position, first }
    }

    pub(super) fn of_logs(logs: &Logs) -> Self {
        let position = logs.position();
        let first = logs.entries.first().map_or(position.saturating_add(1), |entry| entry.position);
        Self { stream: Stream::Logs, position, first }
    }

    /// It brings nothing but totals.
    const fn is_empty(self) -> bool {
        self.first > self.position
    }

    /// The acknowledgement of it.
    pub(super) const fn ack(self) -> ToAgent {
        match self.stream {
            Stream::Samples => ToAgent::Ack { position: self.position },
            Stream::Logs => ToAgent::LogsAck { position: self.position },
        }
    }
}

/// One gate for each spool.
#[derive(Debug, Default)]
pub(super) struct Gates {
    samples: Gate,
    logs: Gate,
}

impl Gates {
    /// As [`Gate::settle`], at the gate of its spool.
    pub(super) fn settle(&mut self, span: Span, is_committed: bool) -> bool {
        let gate = match span.stream {
            Stream::Samples => &mut self.samples,
            Stream::Logs => &mut self.logs,
        };
        gate.settle(span, is_committed)
    }

    /// True when the agent sends message after message, and never again the one that was refused: it has had to drop it. On
    /// a new link it begins anew.
    pub(super) const fn is_stuck(&self, stream: Stream) -> bool {
        let gate = match stream {
            Stream::Samples => &self.samples,
            Stream::Logs => &self.logs,
        };
        gate.turned_away > TURNED_AWAY_MAX
    }
}

/// Remembers the first message that was refused and has not come again.
#[derive(Debug, Default)]
struct Gate {
    refused: Option<Span>,
    /// Messages since then that were committed and could not be acknowledged.
    turned_away: u32,
}

impl Gate {
    /// Takes the outcome of a message, in the order in which messages came; true when it may be acknowledged.
    fn settle(&mut self, span: Span, is_committed: bool) -> bool {
        if span.is_empty() {
            return is_committed && self.refused.is_none_or(|refused| span.position < refused.first);
        }
        // Sent again it may be cut differently: shorter, longer, or without its beginning, which was dropped meanwhile. What
        // was on its way behind it begins behind its end.
        let comes_again = self.refused.is_none_or(|refused| span.first <= refused.position);
        match (comes_again, is_committed) {
            (true, true) => *self = Self::default(),
            (true, false) => self.refused = Some(span),
            (false, true) => self.turned_away += 1,
            (false, false) => {}
        }
        comes_again && is_committed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(first: u64, position: u64) -> Span {
        Span { stream: Stream::Samples, position, first }
    }

    #[test]
    fn a_refused_message_of_one_spool_holds_up_no_other() {
        let mut gates = Gates::default();
        assert!(!gates.settle(span(1, 10), false));
        assert!(gates.settle(Span { stream: Stream::Logs, ..span(1, 5) }, true));
        assert!(!gates.settle(span(11, 20), true));
    }

    #[test]
    fn nothing_after_a_refused_message_is_acknowledged_until_it_came_again() {
        let mut gate = Gate::default();
        assert!(gate.settle(span(1, 10), true));
        assert!(!gate.settle(span(11, 20), false), "refused");
        assert!(!gate.settle(span(21, 30), true), "committed, but would stand for the refused one too");
        assert!(gate.settle(span(11, 20), true), "came again");
        assert!(gate.settle(span(21, 30), true));
    }

    #[test]
    fn a_message_may_come_again_in_another_cut() {
        for again in [span(11, 35), span(11, 15), span(14, 24), span(20, 40)] {
            let mut gate = Gate::default();
            gate.settle(span(11, 20), false);
            assert!(gate.settle(again, true), "{again:?}");
        }
    }

    #[test]
    fn a_message_without_anything_opens_nothing() {
        let mut gate = Gate::default();
        gate.settle(span(11, 20), false);
        assert!(!gate.settle(span(21, 20), true), "it would stand for the refused one");
        assert!(gate.settle(span(11, 10), true));
        assert!(!gate.settle(span(21, 30), true));
    }

    #[test]
    fn an_agent_that_had_to_drop_what_was_refused_is_not_held_up_for_ever() {
        let mut gates = Gates::default();
        gates.settle(span(11, 20), false);
        let mut turned_away = 0;
        while !gates.is_stuck(Stream::Samples) {
            turned_away += 1;
            let first = 11 + 10 * turned_away;
            assert!(!gates.settle(span(first, first + 9), true));
            assert!(turned_away < 10, "it never ends");
        }
        assert!(turned_away > 3, "several may be on their way at once");
    }
}
