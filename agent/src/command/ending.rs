//! How a command ended: written down, put into the record, and told.

use super::{
    chain::Draft,
    effect,
    judge::Refused,
    shared::{Commands, State, disk_trouble},
};
use chrono::{DateTime, Utc};
use entity::{
    command::{ChainEvent, CommandResult, Order, Refusal, ResultStatus},
    id::CommandId,
    seal,
};

impl Commands {
    /// A command has ended.
    pub(super) fn finish(&self, state: &mut State, result: &CommandResult) {
        let id = result.command_id;
        tracing::info!(%id, status = result.status.word(), "a command has ended: {}", result.detail);
        let result = &self.keep(state, result);
        self.record(state, [ended(result)]);
        state.outbox.say_result(id);
        self.0.told.notify_one();
    }

    /// Puts a result on the disk, and answers what is there now: without its output where that has no room.
    fn keep(&self, state: &mut State, result: &CommandResult) -> CommandResult {
        let Some(journal) = &mut state.journal else { return result.clone() };
        let Err(error) = journal.finish(result) else { return result.clone() };
        disk_trouble("the result of a command cannot be written down", &error);
        let small = CommandResult {
            output: String::new(),
            detail: format!("{}; the disk had no room for what it wrote", result.detail),
            ..result.clone()
        }
        .bounded();
        let is_less = !result.output.is_empty();
        if is_less && journal.finish(&small).is_ok() {
            return small;
        }
        // Told all the same, and tried again when the server has it.
        state.loose.insert(result.command_id, result.clone());
        result.clone()
    }
}

/// What the record says of that.
pub(super) fn ended(result: &CommandResult) -> Draft {
    let event = match result.status {
        ResultStatus::Refused => ChainEvent::Refused,
        ResultStatus::Interrupted => ChainEvent::Interrupted,
        _ => ChainEvent::Done,
    };
    let note = result.refusal.map_or(result.status.word(), Refusal::word);
    draft(event, result.command_id, &seal::result_sha256(result), note)
}

pub(super) fn draft(event: ChainEvent, id: CommandId, subject: &str, note: &str) -> Draft {
    Draft { event, command_id: Some(id), subject_sha256: subject.to_owned(), note: note.to_owned() }
}

/// How a command ended that was not begun.
pub(super) fn result(id: CommandId, order_sha256: String, refused: Option<&Refused>) -> CommandResult {
    CommandResult {
        command_id: id,
        order_sha256,
        status: ResultStatus::Refused,
        refusal: refused.map(|refused| refused.refusal),
        detail: refused.map(|refused| refused.detail.clone()).unwrap_or_default(),
        exit_code: None,
        output: String::new(),
        output_bytes: 0,
        started_at: None,
        ended_at: Utc::now(),
    }
}

/// How a command ended that was begun.
pub(super) fn done(
    order: &Order,
    order_sha256: &str,
    started_at: DateTime<Utc>,
    outcome: effect::Outcome,
) -> CommandResult {
    CommandResult {
        command_id: order.command_id,
        order_sha256: order_sha256.to_owned(),
        status: outcome.failed.unwrap_or(ResultStatus::Completed),
        refusal: None,
        detail: outcome.detail,
        exit_code: outcome.exit_code,
        output: outcome.output,
        output_bytes: outcome.output_bytes,
        started_at: Some(started_at),
        ended_at: Utc::now(),
    }
    .bounded()
}
