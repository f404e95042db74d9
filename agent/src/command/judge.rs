//! May this be done on this device now? The one place where the agent answers that; pure.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    command::{Envelope, Mode, ORDER_SECONDS_MAX, Order, Payload, Refusal, Strength, TIMEOUT_SECONDS_MAX},
    device_lock::{Decision, RefusalCode, StrongKind},
    id::{BusinessId, CommandId, DeviceId},
    seal::{self, Purpose, Unsealed},
};
use serde::Deserialize;

/// Everything that the answer depends on besides the order.
pub struct Situation<'a> {
    /// Public key of the root that registration gave.
    pub root: Option<[u8; 32]>,
    /// This device.
    pub device_id: DeviceId,
    /// Are strong commands stopped for this business?
    pub is_stopped: &'a dyn Fn(BusinessId) -> bool,
    /// How the agent behaves.
    pub mode: Mode,
    /// What the device's lock says.
    pub lock: &'a dyn Fn(StrongKind, &str) -> Decision,
    /// Can this agent do it on this system?
    pub can: &'a dyn Fn(&Payload) -> bool,
    /// The time, by a clock that nobody at the device sets.
    pub now: DateTime<Utc>,
}

/// An order that is genuine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genuine {
    /// The order.
    pub order: Order,
    /// SHA-256 of the bytes that were signed, hex.
    pub order_sha256: String,
}

/// That it is not done, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The code.
    pub refusal: Refusal,
    /// More about it, a sentence without a full stop.
    pub detail: String,
    /// The order, when it is genuine and for this device.
    pub order: Option<Box<Genuine>>,
    /// The command that it claims to be, which proves nothing without [`Refused::order`].
    pub claimed: Option<CommandId>,
}

/// Decides.
///
/// # Errors
/// Why it is not done.
pub fn judge(envelope: &Envelope, situation: &Situation<'_>) -> Result<Genuine, Refused> {
    let genuine = open(envelope, situation)?;
    let order = &genuine.order;
    let refused = |refusal: Refusal, detail: String| {
        let claimed = Some(order.command_id);
        Err(Refused { refusal, detail, order: Some(Box::new(genuine.clone())), claimed })
    };
    if let Err(what) = check(order, situation.now) {
        return refused(Refusal::Malformed, what);
    }
    let last = order.expires_at.min(order.request.deliver_by);
    if situation.now >= last {
        let passed = format!("its time was over at {}", last.format("%Y-%m-%d %H:%M:%S UTC"));
        return refused(Refusal::Expired, passed);
    }
    if !seal::is_what_was_approved(order) {
        return refused(Refusal::NotApproved, "what was approved is not what it asks for".to_owned());
    }
    if !order.has_its_approvals() {
        let detail = format!("it takes the approval of {}", order.approvals_needed.max(1));
        return refused(Refusal::NotApproved, detail);
    }
    let payload = &order.request.payload;
    let say = |refusal: Refusal| refused(refusal, refusal.sentence().to_owned());
    if !(situation.can)(payload) {
        return say(Refusal::Unsupported);
    }
    if payload.kind().strength() == Strength::Strong {
        if (situation.is_stopped)(order.request.business_id) {
            return say(Refusal::Stopped);
        }
        if situation.mode == Mode::Safe {
            return say(Refusal::SafeMode);
        }
    }
    for (kind, argument) in payload.lock_arguments() {
        match (situation.lock)(kind, &argument) {
            Decision::Open => {}
            Decision::Refused(RefusalCode::LockedLocal) => return say(Refusal::LockedLocal),
            Decision::Refused(RefusalCode::NotAllowed) => return say(Refusal::NotAllowed),
        }
    }
    Ok(genuine)
}

/// Is it signed for this device?
fn open(envelope: &Envelope, situation: &Situation<'_>) -> Result<Genuine, Refused> {
    let refused = |refusal: Refusal, detail: &str| Refused {
        refusal,
        detail: detail.to_owned(),
        order: None,
        claimed: claimed(envelope),
    };
    let Some(root) = &situation.root else {
        let detail = "this device knows no key for commands: register it again with --replace";
        return Err(refused(Refusal::BadSignature, detail));
    };
    let (order, bytes) =
        seal::open::<Order>(root, Purpose::Order, envelope, situation.now).map_err(|why| {
            let refusal = if why == Unsealed::Malformed { Refusal::Malformed } else { Refusal::BadSignature };
            refused(refusal, refusal.sentence())
        })?;
    let is_ours = order.device_id == situation.device_id
        && (order.request.targets_count != 1
            || order.request.targets_sha256 == seal::targets_sha256(&[situation.device_id]));
    if !is_ours {
        return Err(refused(Refusal::WrongDevice, Refusal::WrongDevice.sentence()));
    }
    Ok(Genuine { order, order_sha256: seal::sha256(&bytes) })
}

/// Which command an envelope claims to hold; nothing is believed for it.
fn claimed(envelope: &Envelope) -> Option<CommandId> {
    #[derive(Deserialize)]
    struct Claim {
        command_id: CommandId,
    }
    let bytes = seal::payload(envelope).ok()?;
    serde_json::from_slice::<Claim>(&bytes).ok().map(|claim| claim.command_id)
}

/// What the server checked when the request was made, and a server that means no good did not.
fn check(order: &Order, now: DateTime<Utc>) -> Result<(), String> {
    let request = &order.request;
    request.payload.check().map_err(|problem| problem.detail)?;
    if request.timeout_seconds == 0 || request.timeout_seconds > TIMEOUT_SECONDS_MAX {
        return Err("timeout_seconds is out of bounds".to_owned());
    }
    let day = TimeDelta::seconds(i64::from(ORDER_SECONDS_MAX));
    // Nothing is older than what was signed last: a time that is far ahead would make this device deaf until then.
    if order.issued_at > now + day {
        return Err("it was signed in the future".to_owned());
    }
    if order.expires_at > order.issued_at + day {
        return Err("it is valid for longer than a day".to_owned());
    }
    // So long it is remembered once it is over. People have a day; the clocks of two servers may differ.
    if request.deliver_by > order.issued_at + day + day {
        return Err("what was approved waits for longer than a day".to_owned());
    }
    // The device's lock goes by the digest: it has to be that of what runs.
    if let Payload::RunScript { script, script_sha256, .. } = &request.payload
        && *script_sha256 != seal::sha256(script.as_bytes())
    {
        return Err("script_sha256 is not the digest of the script".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
