//! The gate: may this be handed to a device now? Asked before anything is, by whichever door it came; it collects what
//! [`entity::command::verdict`] decides by.

use super::{approval, proof};
use crate::{Error, Result, Store, emergency_stop};
use entity::{
    command::{BreakGlass, NotYet, Payload, Request, Verdict, verdict},
    seal,
    table::command_request as request,
};

/// The request as people see it and devices get it, made of what is stored: whatever was changed there has another digest
/// than the one that was approved.
///
/// # Errors
/// When what is stored cannot be read.
pub(crate) fn request_of(row: &request::Model) -> Result<Request> {
    Ok(Request {
        request_id: row.id,
        business_id: row.business_id,
        payload: payload_of(row)?,
        targets_count: u32::try_from(row.targets_count).unwrap_or(u32::MAX),
        targets_sha256: row.targets_sha256.clone(),
        timeout_seconds: u32::try_from(row.timeout_seconds).unwrap_or(u32::MAX),
        deliver_by: row.deliver_by,
        on_offline: row.on_offline,
        reason: row.reason.clone(),
        requested_by: row.requested_by,
    })
}

/// What will run.
///
/// # Errors
/// When what is stored cannot be read.
pub(crate) fn payload_of(row: &request::Model) -> Result<Payload> {
    serde_json::from_str(&row.payload).map_err(|error| Error::Internal(format!("stored payload: {error}")))
}

/// How many people have to say yes, and which.
pub(crate) fn needed_of(row: &request::Model) -> (u32, entity::command::Approver) {
    (u32::try_from(row.approvals_needed).unwrap_or(u32::MAX), row.approver)
}

/// May this request be handed to its devices now?
///
/// # Errors
/// When the database fails, or what is stored cannot be read.
pub(crate) async fn gate(store: &Store, row: &request::Model) -> Result<Verdict> {
    let asked = request_of(row)?;
    let digest = seal::request_sha256(&asked);
    let (least, approver) = needed_of(row);
    // Whatever the row says: what is strong takes somebody.
    let strength = super::strength_of(row)?;
    let least = least.max(u32::from(strength == entity::command::Strength::Strong));
    if digest != row.request_sha256 || !proof::has_request(store, row) {
        tracing::error!(request.id = %row.id, "a stored request is not what was asked; it goes to no device");
        return Ok(Verdict::Not(NotYet::Missing(least.max(1))));
    }
    let approvals = if least == 0 { Vec::new() } else { approval::pending(store, row).await? };
    let reason = row.break_glass_reason.clone().filter(|_| proof::has_break_glass(store, row));
    let broken = reason.map(|reason| BreakGlass { reason });
    let break_glass = broken.as_ref().zip(row.break_glass_at);
    let is_stopped = strength == entity::command::Strength::Strong
        && emergency_stop::is_stopped(store, row.business_id).await?;
    Ok(verdict(
        (least, approver),
        strength,
        &digest,
        row.requested_by,
        &approvals,
        break_glass,
        is_stopped,
        row.deliver_by,
        store.now(),
    ))
}
