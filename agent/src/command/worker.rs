//! Does what waits, one after the other.

use super::{
    effect,
    ending::{done, draft, result},
    instant::is_instant,
    judge::Genuine,
    shared::{Commands, State, disk_trouble},
};
use crate::machine;
use chrono::{DateTime, Utc};
use entity::{
    command::{ChainEvent, CommandProgress, CommandResult, Refusal},
    id::CommandId,
};
use std::time::Duration;
use tokio::time::sleep;

/// After a trouble with the disk it is tried again.
const TROUBLE: Duration = Duration::from_secs(5);

/// What is next.
enum Turn {
    Begin(Box<Genuine>, DateTime<Utc>),
    Again,
    Nothing,
    Trouble,
}

impl Commands {
    /// Does what waits until it is dropped.
    pub async fn work(self) {
        loop {
            match self.begin() {
                Turn::Begin(genuine, started_at) => self.carry_out(&genuine, started_at).await,
                Turn::Again => {}
                Turn::Nothing => self.0.turn.notified().await,
                Turn::Trouble => sleep(TROUBLE).await,
            }
        }
    }

    /// Takes the next one, if there is one that may be done at this moment: it may have become too late, and somebody may
    /// have closed a lock.
    fn begin(&self) -> Turn {
        let mut state = self.state();
        if !state.clock.is_set() || state.is_held {
            return Turn::Nothing;
        }
        let Some(id) = state.queue.front().copied() else { return Turn::Nothing };
        let envelope = match state.journal.as_ref().map(|journal| journal.envelope(id)) {
            Some(Ok(envelope)) => envelope,
            Some(Err(error)) => {
                tracing::error!(%error, %id, "a command that waits cannot be read");
                return Turn::Trouble;
            }
            None => return Turn::Nothing,
        };
        let Some(envelope) = envelope else {
            return self.give_up(&mut state, id, Refusal::Malformed.sentence());
        };
        let genuine = match self.judge(&state, &envelope) {
            Ok(genuine) => genuine,
            Err(refused) => {
                state.queue.pop_front();
                let ended = result(id, state.known_sha(id), Some(&refused));
                self.finish(&mut state, &ended);
                return Turn::Again;
            }
        };
        let Some(started_at) = self.start(&mut state, &genuine) else { return Turn::Trouble };
        if is_instant(genuine.order.request.payload.kind()) {
            self.end_at_once(&mut state, &genuine, started_at);
            return Turn::Again;
        }
        self.0.under_way.send_replace(true);
        drop(state);
        self.0.told.notify_one();
        Turn::Begin(Box::new(genuine), started_at)
    }

    /// It begins: that is on the disk when this answers, or it must not.
    pub(super) fn start(&self, state: &mut State, genuine: &Genuine) -> Option<DateTime<Utc>> {
        let (id, started_at) = (genuine.order.command_id, Utc::now());
        let is_new = state.announced.insert(id);
        let begins = is_new.then(|| draft(ChainEvent::Started, id, &genuine.order_sha256, ""));
        if !self.record(state, begins) {
            return None;
        }
        if let Err(error) = state.journal.as_mut()?.start(id, started_at, machine::boot_id()) {
            disk_trouble("it cannot be written down that a command begins: it waits", &error);
            return None;
        }
        state.announced.remove(&id);
        state.queue.retain(|waiting| *waiting != id);
        state.outbox.say_receipt(id, &genuine.order_sha256, true);
        Some(started_at)
    }

    fn give_up(&self, state: &mut State, id: CommandId, detail: &str) -> Turn {
        state.queue.pop_front();
        let sha = state.known_sha(id);
        let refusal = Some(Refusal::Malformed);
        self.finish(state, &CommandResult { refusal, detail: detail.to_owned(), ..result(id, sha, None) });
        Turn::Again
    }

    async fn carry_out(&self, genuine: &Genuine, started_at: DateTime<Utc>) {
        let order = &genuine.order;
        let command_id = order.command_id;
        let tell = |offset, output| {
            self.state().outbox.say_progress(CommandProgress { command_id, offset, output });
            self.0.told.notify_one();
        };
        let outcome = effect::carry_out(self.paths(), order, &tell).await;
        let result = done(order, &genuine.order_sha256, started_at, outcome);
        self.finish(&mut self.state(), &result);
        self.0.under_way.send_replace(false);
    }
}
