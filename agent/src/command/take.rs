//! An order comes: it is judged, and before anything else is done about it, it is on the disk. A stop or what people take
//! back comes the same way.

use super::{
    chain::Draft,
    ending::{draft, result},
    instant::is_instant,
    journal::{Kept, RECORDS_MAX, Received, UNFINISHED_MAX},
    judge::{Genuine, Refused},
    shared::{Commands, State, disk_trouble, uptime},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    command::{ChainEvent, CommandResult, Envelope, ResultStatus, StopOrder},
    id::CommandId,
    seal::{self, Purpose},
};
use std::time::{Duration, Instant};

/// Entries of the record about what nobody known has signed, in an hour: whoever can send them must not fill the disk.
const STRANGERS_MAX: u32 = 60;
const HOUR: Duration = Duration::from_secs(3_600);
/// Longer than anything can be begun that is not from the future.
const REFUSED_REMEMBERED: TimeDelta = TimeDelta::days(4);

impl Commands {
    /// An order has come.
    pub fn take(&self, envelope: &Envelope) {
        let mut state = self.state();
        if state.journal.is_none() {
            return;
        }
        match self.judge(&state, envelope) {
            Err(refused) => match refused.order.clone() {
                None => self.refuse_stranger(&mut state, &refused),
                Some(genuine) => {
                    if !state.is_known(genuine.order.command_id) {
                        self.refuse(&mut state, &genuine, &refused);
                    }
                }
            },
            Ok(genuine) => {
                if !state.is_known(genuine.order.command_id) {
                    self.accept(&mut state, genuine, envelope);
                }
            }
        }
        drop(state);
        self.0.told.notify_one();
    }

    /// What cannot be told from noise: answered, and written down within bounds.
    fn refuse_stranger(&self, state: &mut State, refused: &Refused) {
        tracing::warn!(refusal = refused.refusal.word(), "an order is refused: {}", refused.detail);
        let now = Instant::now();
        if state.strangers.0.is_none_or(|since| now.duration_since(since) >= HOUR) {
            state.strangers = (Some(now), 0);
        }
        state.strangers.1 = state.strangers.1.saturating_add(1);
        if state.strangers.1 <= STRANGERS_MAX {
            self.record(
                state,
                [Draft {
                    event: ChainEvent::Refused,
                    command_id: refused.claimed,
                    subject_sha256: String::new(),
                    note: refused.refusal.word().to_owned(),
                }],
            );
        }
        let Some(id) = refused.claimed else { return };
        // What is known under this name is not touched by what only claims it.
        if state.journal.as_ref().is_some_and(|journal| journal.look(id).is_some()) {
            return;
        }
        state.outbox.say_plain(result(id, String::new(), Some(refused)));
    }

    /// Genuine, and not done: that is its end.
    fn refuse(&self, state: &mut State, genuine: &Genuine, refused: &Refused) {
        let id = genuine.order.command_id;
        tracing::warn!(%id, refusal = refused.refusal.word(), "a command is refused: {}", refused.detail);
        if state.journal.as_ref().is_none_or(|journal| journal.unfinished() >= RECORDS_MAX) {
            return;
        }
        let result = result(id, genuine.order_sha256.clone(), Some(refused));
        // What was refused proves nothing about the time, and is not remembered for ever because it says so.
        let (now, known) = (state.clock.now(uptime()), received(genuine, None));
        let received = Received {
            issued_at: known.issued_at.min(now),
            expires_at: known.expires_at.min(now + REFUSED_REMEMBERED),
            ..known
        };
        if self.settle(state, id, received, &result) {
            self.record(
                state,
                [
                    draft(
                        ChainEvent::Received,
                        id,
                        &genuine.order_sha256,
                        genuine.order.request.payload.kind().word(),
                    ),
                    draft(ChainEvent::Refused, id, &seal::result_sha256(&result), refused.refusal.word()),
                ],
            );
        }
    }

    /// Writes down a command that ends with its coming; true when that is on the disk.
    pub(super) fn settle(
        &self,
        state: &mut State,
        id: CommandId,
        received: Received,
        result: &CommandResult,
    ) -> bool {
        self.make_room(state);
        let Some(journal) = &mut state.journal else { return false };
        match journal.receive(id, received, Some(result)) {
            Ok(()) => {
                state.clock.is_at_least(result_floor(journal.look(id)));
                state.outbox.say_result(id);
                true
            }
            Err(error) => {
                disk_trouble("a command cannot be written down, and is left with the server", &error);
                false
            }
        }
    }

    fn accept(&self, state: &mut State, genuine: Genuine, envelope: &Envelope) {
        let id = genuine.order.command_id;
        let kind = genuine.order.request.payload.kind();
        self.make_room(state);
        if state.journal.as_ref().is_none_or(|journal| journal.unfinished() >= UNFINISHED_MAX) {
            tracing::warn!(%id, "too many commands wait: this one is left with the server");
            return;
        }
        tracing::info!(%id, kind = kind.word(), "a command has come: {}", genuine.order.request.payload.sentence());
        if is_instant(kind) {
            return self.do_at_once(state, &genuine, envelope);
        }
        if self.admit(state, &genuine, envelope) {
            state.outbox.say_receipt(id, &genuine.order_sha256, false);
            state.queue.push_back(id);
            self.0.turn.notify_one();
        }
    }

    /// Writes down a command that has come; true when that is on the disk.
    pub(super) fn admit(&self, state: &mut State, genuine: &Genuine, envelope: &Envelope) -> bool {
        let order = &genuine.order;
        let Some(journal) = &mut state.journal else { return false };
        if let Err(error) = journal.receive(order.command_id, received(genuine, Some(envelope)), None) {
            disk_trouble("a command cannot be written down, and is left with the server", &error);
            return false;
        }
        state.clock.is_at_least(order.issued_at);
        let kind = order.request.payload.kind().word();
        self.record(state, [draft(ChainEvent::Received, order.command_id, &genuine.order_sha256, kind)]);
        true
    }

    /// Strong commands are stopped, or may go on.
    pub fn stop(&self, envelope: &Envelope) {
        let mut state = self.state();
        let Some(root) = self.0.setting.root else { return };
        let now = state.clock.now(uptime());
        let opened = seal::open::<StopOrder>(&root, Purpose::Stop, envelope, now);
        let (order, bytes) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                tracing::error!(%error, "an emergency stop is not genuine: {error}");
                return;
            }
        };
        // Numbers are milliseconds: one of the far future would make this device deaf to every later decision.
        if i64::try_from(order.seq).map_or(true, |seq| seq > (now + TimeDelta::days(1)).timestamp_millis()) {
            tracing::error!(seq = order.seq, "an emergency stop is of the future, and not believed");
            return;
        }
        if !state.standing.stops.take(&order) {
            return;
        }
        if let Err(error) = state.standing.keep_stops(self.paths()) {
            disk_trouble("an emergency stop cannot be kept; it holds until the agent ends", &error);
        }
        let whose = if order.business_id.is_some() { "business" } else { "all" };
        let word = if order.is_stopped { "stopped" } else { "resumed" };
        tracing::warn!(seq = order.seq, whose, "strong commands are {word}");
        self.record(
            &mut state,
            [Draft {
                event: ChainEvent::Stop,
                command_id: None,
                subject_sha256: seal::sha256(&bytes),
                note: format!("{word} {whose} {}", order.seq),
            }],
        );
        drop(state);
        self.0.told.notify_one();
    }

    /// People have taken a command back; what has begun goes on.
    pub fn cancel(&self, id: CommandId) {
        let mut state = self.state();
        let Some(at) = state.queue.iter().position(|waiting| *waiting == id) else { return };
        state.queue.remove(at);
        let sha = state.known_sha(id);
        let cancelled = CommandResult {
            status: ResultStatus::Refused,
            detail: "it was taken back before it began".to_owned(),
            ..result(id, sha, None)
        };
        self.finish(&mut state, &cancelled);
    }
}

fn result_floor(kept: Option<&Kept>) -> DateTime<Utc> {
    kept.map_or(DateTime::UNIX_EPOCH, |kept| kept.received.issued_at)
}

pub(super) fn received(genuine: &Genuine, envelope: Option<&Envelope>) -> Received {
    Received {
        at: Utc::now(),
        order_sha256: genuine.order_sha256.clone(),
        issued_at: genuine.order.issued_at,
        // A server can sign the same again as long as what was approved is not over.
        expires_at: genuine.order.expires_at.max(genuine.order.request.deliver_by),
        envelope: envelope.cloned(),
    }
}
