//! What is found at the start of what was begun before: commands go on where they were, or count as interrupted, and the
//! record gets what the agent did not live to write into it.

use super::{
    chain,
    effect::Outcome,
    ending::{done, draft, ended, result},
    journal::Phase,
    shared::{Commands, State},
};
use crate::machine;
use entity::{
    command::{ChainEvent, CommandKind, CommandResult, Order, ResultStatus},
    id::CommandId,
    seal,
};

/// Entries of the record that say that something is over.
const ENDS: [ChainEvent; 3] = [ChainEvent::Done, ChainEvent::Refused, ChainEvent::Interrupted];

impl Commands {
    /// Puts what waits into its order again, and finds an end for what was begun.
    pub(super) fn recover(&self) {
        let mut state = self.state();
        self.mend_record(&mut state);
        let Some(journal) = &state.journal else { return };
        let (mut waiting, mut begun) = (Vec::new(), Vec::new());
        for (id, kept) in journal.all() {
            match &kept.phase {
                Phase::Received => waiting.push((kept.received.at, id)),
                Phase::Started { at, boot_id } => begun.push((id, *at, boot_id.clone())),
                Phase::Done | Phase::Over => {}
            }
        }
        waiting.sort_unstable();
        state.queue = waiting.into_iter().map(|(_, id)| id).collect();
        for (id, at, boot_id) in begun {
            let order = order_of(&state, id);
            let kind = order.as_ref().map(|order| order.request.payload.kind());
            if kind.is_some_and(CommandKind::is_idempotent) {
                state.queue.push_front(id);
                continue;
            }
            let is_another_boot = boot_id.is_some() && boot_id != machine::boot_id();
            let ended = match (kind, order) {
                (Some(CommandKind::Reboot), Some(order)) if is_another_boot => {
                    let outcome = Outcome::done("the machine has restarted");
                    done(&order, &state.known_sha(id), at, outcome)
                }
                _ => CommandResult {
                    status: ResultStatus::Interrupted,
                    detail: "the agent ended while it was done; what came of it is not known".to_owned(),
                    started_at: Some(at),
                    ..result(id, state.known_sha(id), None)
                },
            };
            self.finish(&mut state, &ended);
        }
    }

    /// What is written down of commands that are not over, and not in the record: the agent ended between the two.
    fn mend_record(&self, state: &mut State) {
        let Some(journal) = &state.journal else { return };
        let open: Vec<CommandId> =
            journal.all().filter(|(_, kept)| kept.phase != Phase::Over).map(|(id, _)| id).collect();
        if open.is_empty() {
            return;
        }
        let recorded = match chain::about(self.paths(), &open.iter().copied().collect()) {
            Ok(recorded) => recorded,
            Err(error) => return tracing::error!(%error, "the record of commands cannot be read"),
        };
        let mut missing = Vec::new();
        for id in open {
            let has = |event| recorded.contains(&(id, event));
            let has_ended = ENDS.into_iter().any(has);
            let sha = state.known_sha(id);
            let phase = state.journal.as_ref().and_then(|journal| journal.look(id)).map(|kept| &kept.phase);
            if !has(ChainEvent::Received) {
                let kind = order_of(state, id).map_or("", |order| order.request.payload.kind().word());
                missing.push(draft(ChainEvent::Received, id, &sha, kind));
            }
            match phase {
                Some(Phase::Received) if has(ChainEvent::Started) => {
                    state.announced.insert(id);
                }
                Some(Phase::Started { .. }) if !has(ChainEvent::Started) => {
                    missing.push(draft(ChainEvent::Started, id, &sha, ""));
                }
                Some(Phase::Done) if !has_ended => {
                    let Some(result) = result_of(state, id) else { continue };
                    if result.started_at.is_some() && !has(ChainEvent::Started) {
                        missing.push(draft(ChainEvent::Started, id, &sha, ""));
                    }
                    missing.push(ended(&result));
                }
                _ => {}
            }
        }
        if !missing.is_empty() {
            self.record(state, missing);
        }
    }
}

/// How a command ended, when that is on the disk.
fn result_of(state: &State, id: CommandId) -> Option<CommandResult> {
    state.journal.as_ref()?.result(id).ok()?
}

/// The order of a command that is on this device's own disk; it was checked before it was written there.
fn order_of(state: &State, id: CommandId) -> Option<Order> {
    let envelope = state.journal.as_ref()?.envelope(id).ok()??;
    serde_json::from_slice(&seal::payload(&envelope).ok()?).ok()
}
