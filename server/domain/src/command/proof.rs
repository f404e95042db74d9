//! That this server wrote a request or a decision, and not somebody who can write into the database: a mark made with the
//! key that lies beside it. What has none is handed to no device.

use crate::{Result, Store};
use entity::{
    command::ApprovalDecision,
    table::{approval, command, command_request as request},
};

fn is_marked(store: &Store, place: &str, content: &str, mark: &str) -> bool {
    store.seal().open(place, mark).is_ok_and(|found| found == content.as_bytes())
}

fn place_of_request(row: &request::Model) -> String {
    format!("command request {}", row.id)
}

fn content_of_request(row: &request::Model) -> String {
    serde_json::json!([
        row.request_sha256,
        row.approvals_needed,
        row.approver,
        row.requested_by,
        row.business_id
    ])
    .to_string()
}

/// The mark of a request; to be made when all else of it is known.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn of_request(store: &Store, row: &request::Model) -> Result<String> {
    store.seal().close(&place_of_request(row), content_of_request(row).as_bytes())
}

/// Did this server write the request, as it is?
pub(crate) fn has_request(store: &Store, row: &request::Model) -> bool {
    is_marked(store, &place_of_request(row), &content_of_request(row), &row.proof)
}

fn place_of_command(row: &command::Model) -> String {
    format!("command {}", row.id)
}

fn content_of_command(row: &command::Model) -> String {
    serde_json::json!([row.request_id, row.device_id]).to_string()
}

/// The mark of a command: that this device is one of those that were asked.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn of_command(store: &Store, row: &command::Model) -> Result<String> {
    store.seal().close(&place_of_command(row), content_of_command(row).as_bytes())
}

/// Did this server write the command for this device?
pub(crate) fn has_command(store: &Store, row: &command::Model) -> bool {
    is_marked(store, &place_of_command(row), &content_of_command(row), &row.proof)
}

fn place_of_approval(row: &approval::Model) -> String {
    format!("command approval {} {}", row.request_id, row.user_id)
}

fn content_of_approval(row: &approval::Model) -> String {
    serde_json::json!([row.id, row.decision == ApprovalDecision::Approve, row.request_sha256]).to_string()
}

/// The mark of a decision.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn of_approval(store: &Store, row: &approval::Model) -> Result<String> {
    store.seal().close(&place_of_approval(row), content_of_approval(row).as_bytes())
}

/// Did this server write the decision, as it is?
pub(crate) fn has_approval(store: &Store, row: &approval::Model) -> bool {
    is_marked(store, &place_of_approval(row), &content_of_approval(row), &row.proof)
}

fn place_of_break_glass(row: &request::Model) -> String {
    format!("command break-glass {}", row.id)
}

fn content_of_break_glass(row: &request::Model) -> String {
    let at = row.break_glass_at.map(|at| at.timestamp());
    serde_json::json!([row.request_sha256, row.break_glass_reason, row.break_glass_by, at]).to_string()
}

/// The mark of the decision that fewer people than usual are enough.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn of_break_glass(store: &Store, row: &request::Model) -> Result<String> {
    store.seal().close(&place_of_break_glass(row), content_of_break_glass(row).as_bytes())
}

/// Did this server write that fewer people are enough?
pub(crate) fn has_break_glass(store: &Store, row: &request::Model) -> bool {
    let mark = row.break_glass_proof.as_deref();
    mark.is_some_and(|mark| is_marked(store, &place_of_break_glass(row), &content_of_break_glass(row), mark))
}
