//! What takes no time and passes what waits: what puts the agent into safe mode must not wait for a script.

use super::{
    effect,
    ending::{done, draft},
    judge::Genuine,
    limit, note,
    shared::{Commands, State},
    take::received,
};
use chrono::{DateTime, Utc};
use entity::{
    command::{ChainEvent, CommandKind, Envelope, Order, Payload},
    seal,
};
use std::{io, time::Duration};

impl Commands {
    /// What takes no time and waits for nothing that does.
    pub(super) fn do_at_once(&self, state: &mut State, genuine: &Genuine, envelope: &Envelope) {
        let (order, sha) = (&genuine.order, &genuine.order_sha256);
        let (id, kind) = (order.command_id, order.request.payload.kind());
        if !kind.is_idempotent() {
            if self.admit(state, genuine, envelope) {
                match self.start(state, genuine) {
                    Some(started_at) => self.end_at_once(state, genuine, started_at),
                    // It waits for its turn, as if it took a while.
                    None => state.queue.push_back(id),
                }
            }
            return;
        }
        // Begun anew after a crash it comes to the same, so that one note about all of it is enough.
        let began =
            [draft(ChainEvent::Received, id, sha, kind.word()), draft(ChainEvent::Started, id, sha, "")];
        let started_at = Utc::now();
        let outcome = self.at_once(state, order);
        let result = done(order, sha, started_at, outcome);
        if self.settle(state, id, received(genuine, None), &result) {
            self.record(
                state,
                began.into_iter().chain([draft(
                    ChainEvent::Done,
                    id,
                    &seal::result_sha256(&result),
                    result.status.word(),
                )]),
            );
        }
    }

    /// Does what has begun, and ends it.
    pub(super) fn end_at_once(&self, state: &mut State, genuine: &Genuine, started_at: DateTime<Utc>) {
        let outcome = self.at_once(state, &genuine.order);
        self.finish(state, &done(&genuine.order, &genuine.order_sha256, started_at, outcome));
    }

    fn at_once(&self, state: &mut State, order: &Order) -> effect::Outcome {
        let done = |done: io::Result<()>, detail: String| match done {
            Ok(()) => effect::Outcome::done(detail),
            Err(error) => effect::Outcome::failed(error.to_string()),
        };
        match &order.request.payload {
            Payload::SetMode { mode } => {
                let kept = state.standing.keep_mode(self.paths(), *mode);
                tracing::warn!(mode = mode.word(), "the agent's mode is set");
                done(kept, format!("the agent is in {} mode", mode.word()))
            }
            Payload::SetRateLimit { endpoint, limit_rps } => {
                let kept = state.standing.keep_limit(self.paths(), endpoint, *limit_rps);
                limit::set(&state.standing.limits);
                done(kept, order.request.payload.sentence())
            }
            Payload::CollectInventory {} => {
                self.0.setting.look.notify_one();
                effect::Outcome::done("services, software and facts are looked at")
            }
            Payload::NotifyOps { message } => {
                note::write(&self.0.setting, message);
                effect::Outcome::done("the note is in the logs of the device and of the server")
            }
            Payload::UpdateAgent { version } => {
                self.0.setting.updates.wish(Duration::ZERO);
                effect::Outcome::done(format!(
                    "the agent asks for a newer version; whether that is {version}, the rollouts of its server say"
                ))
            }
            _ => effect::Outcome::failed("this agent cannot do that"),
        }
    }
}

/// Does it take no time?
pub(super) const fn is_instant(kind: CommandKind) -> bool {
    matches!(
        kind,
        CommandKind::SetMode
            | CommandKind::SetRateLimit
            | CommandKind::NotifyOps
            | CommandKind::CollectInventory
            | CommandKind::UpdateAgent
    )
}
