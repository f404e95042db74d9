//! Commands: what people ask this device to do, done only when both locks are open. An order is judged by its signature,
//! the approvals in it and this device's own lock; it is on the disk before anything happens; and each step of it goes
//! into a record in which a gap shows.

pub mod chain;
mod clock;
mod effect;
mod ending;
mod floor;
pub mod hand;
mod instant;
mod invocation;
mod journal;
mod judge;
pub mod limit;
mod note;
mod output;
mod perform;
mod recover;
mod shared;
pub mod standing;
mod survey;
mod take;
mod tell;
#[cfg(test)]
mod tests;
mod worker;

pub use shared::{Commands, Setting};
pub use survey::{Survey, survey};

use crate::paths::Paths;
use entity::command::CommandKind;
use std::fs;

/// The words by which a hello says what this agent can be asked to do.
#[must_use]
pub fn capabilities() -> Vec<String> {
    let kinds = CommandKind::ALL.iter().filter(|kind| effect::can_kind(**kind));
    let words = kinds.map(|kind| format!("command.{}", kind.word()));
    std::iter::once("commands.v1".to_owned()).chain(words).collect()
}

/// Everything about commands belongs to the device that this machine was before.
pub fn forget_all(paths: &Paths) {
    let _ = fs::remove_dir_all(paths.folder().join("commands"));
    let names = [
        "chain.jsonl",
        "chain.acknowledged",
        "command-time",
        "agent-mode.json",
        "emergency-stop.json",
        "rate-limits.json",
    ];
    for name in names {
        let _ = fs::remove_file(paths.folder().join(name));
    }
}
