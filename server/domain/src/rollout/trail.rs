//! Who decided what about a rollout, as the audit log has it: however long the log has become since, and whatever the
//! rollout was called then.

use super::{check_view, row};
use crate::{Cx, Result, audit};
use entity::{audit::AuditEntryView, id::RolloutId};
use serde_json::Value;

/// What is decided about rollouts, by people and by the server.
const DECISIONS: [&str; 14] = [
    "rollout.create",
    "rollout.change",
    "rollout.submit",
    "rollout.approve",
    "rollout.start",
    "rollout.wave",
    "rollout.pause",
    "rollout.resume",
    "rollout.halt",
    "rollout.complete",
    "rollout.cancel",
    "rollout.supersede",
    "rollout.roll_back",
    "rollout.undone",
];

/// The entries of the audit log about a rollout, newest first.
///
/// # Errors
/// Forbidden for people of customers, and by role for those who do not see the log; not found when there is no such rollout.
pub async fn trail(cx: &Cx, id: RolloutId) -> Result<Vec<AuditEntryView>> {
    check_view(cx)?;
    row::find(cx.store().db(), id).await?;
    let id = id.to_string();
    let mut entries = audit::about(cx, &DECISIONS, &id).await?;
    entries.retain(|entry| {
        let about = entry.after.as_ref().and_then(|after| after.get("rollout_id"));
        about.and_then(Value::as_str) == Some(id.as_str())
    });
    Ok(entries)
}
