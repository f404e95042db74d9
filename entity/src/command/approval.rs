//! Lock one: how many people have to say yes to what, and whether enough of them have. The one question "may this be
//! handed to a device now" is answered here, for portal, API, queue and reports alike.

use super::{MASS_DEVICES, MASS_PERCENT, Order, Payload, Strength};
use crate::{
    command::{ApprovalNote, BreakGlass, CommandKind},
    id::{ApprovalPolicyId, BusinessId, UserId},
    platform::words,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Most people that a policy may ask for.
pub const APPROVALS_MAX: u32 = 5;
/// Seconds that a request waits for people at most when its policy does not say otherwise: a day.
pub const DECIDE_SECONDS_DEFAULT: u32 = 24 * 60 * 60;
/// How many people have to agree before strong commands go on after a stop, when no policy says otherwise.
pub const REARM_APPROVALS_DEFAULT: u32 = 2;
/// Seconds that what one person alone let pass may wait for its device: a quarter of an hour.
pub const BREAK_GLASS_SECONDS: i64 = 15 * 60;

words! {
    /// Who may decide.
    Approver {
        /// Whoever holds the permission for the business: people of the MSP and of the business alike.
        Anyone = "anyone",
        /// People of the business alone: the customer decides.
        Business = "business",
        /// At least one of the MSP and at least one of the business.
        Both = "both",
    }
}

words! {
    /// By which way a command comes to be. Every one of them ends in the same gate.
    Door {
        /// A person in the portal.
        Portal = "portal",
        /// A key at the API.
        Api = "api",
        /// Something that runs at a time.
        Schedule = "schedule",
        /// A person took a suggestion up.
        Suggestion = "suggestion",
        /// An alert's own action, where a policy says that it may.
        Alert = "alert",
        /// A test control.
        TestControl = "test_control",
    }
}

words! {
    /// What a person said.
    ApprovalDecision {
        /// Yes.
        Approve = "approve",
        /// No.
        Reject = "reject",
        /// What was a yes is none any more.
        Revoke = "revoke",
    }
}

/// How many people it takes for some kinds of commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApprovalRule {
    /// For these kinds.
    pub kinds: Vec<CommandKind>,
    /// So many people, besides the one who asks.
    pub approvals_needed: u32,
    /// Of these.
    pub approver: Approver,
}

/// What a business, or the MSP for all that have none of their own, wants decided by people. Each change is a new
/// revision, so that what held at a time can be told later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApprovalPolicy {
    /// Names the revision; absent: what holds where nobody has written one.
    pub id: Option<ApprovalPolicyId>,
    /// The business; absent: the MSP's own.
    pub business_id: Option<BusinessId>,
    /// The first rule that names a kind holds for it.
    pub rules: Vec<ApprovalRule>,
    /// Seconds that people have to decide.
    pub decide_seconds: u32,
    /// True: one person alone may let something pass in an emergency, with a reason that is looked at afterwards.
    pub allows_break_glass: bool,
    /// How many people have to agree before strong commands go on after a stop.
    #[serde(default = "rearm_approvals")]
    pub rearm_approvals: u32,
    /// What the server may ask for by itself when an alert proposes it. What is strong still needs its people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub automatic: Vec<CommandKind>,
}

const fn rearm_approvals() -> u32 {
    REARM_APPROVALS_DEFAULT
}

impl Default for ApprovalPolicy {
    fn default() -> Self {
        let strong = CommandKind::ALL.iter().copied().filter(|kind| kind.strength() == Strength::Strong);
        Self {
            id: None,
            business_id: None,
            rules: vec![ApprovalRule {
                kinds: strong.collect(),
                approvals_needed: 1,
                approver: Approver::Anyone,
            }],
            decide_seconds: DECIDE_SECONDS_DEFAULT,
            allows_break_glass: true,
            rearm_approvals: REARM_APPROVALS_DEFAULT,
            automatic: Vec::new(),
        }
    }
}

/// Are these many devices, so that it takes people and goes out in waves?
#[must_use]
pub const fn is_mass(targets: usize, business_devices: usize) -> bool {
    // A tenth of a handful is nobody: up to three devices are never many.
    targets > MASS_DEVICES || (targets > 3 && targets * 100 > business_devices * MASS_PERCENT)
}

/// How many people have to say yes, and who they have to be. A strong command takes at least one whatever the policy
/// says, and so does anything for many devices.
#[must_use]
pub fn approvals_needed(
    policy: &ApprovalPolicy,
    payload: &Payload,
    targets: usize,
    business_devices: usize,
) -> (u32, Approver) {
    let kind = payload.kind();
    let rule = policy.rules.iter().find(|rule| rule.kinds.contains(&kind));
    let is_mass = is_mass(targets, business_devices);
    let least = u32::from(kind.strength() == Strength::Strong || is_mass);
    match rule {
        Some(rule) => (rule.approvals_needed.clamp(least, APPROVALS_MAX), rule.approver),
        None => (least, Approver::Anyone),
    }
}

/// A yes as it counts now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingApproval {
    /// What was said.
    pub note: ApprovalNote,
    /// True: they hold the permission in this business at this moment.
    pub may_approve_now: bool,
    /// True: they belong to the business, false: to the MSP.
    pub is_of_business: bool,
    /// True: it was taken back.
    pub is_revoked: bool,
}

/// Why something may not be handed to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotYet {
    /// So many are missing.
    Missing(u32),
    /// Somebody of this kind is missing.
    MissingFrom(Approver),
    /// Its time is over.
    Expired,
    /// Strong commands are stopped for this business, or for all.
    Stopped,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may; these are the ones who said so.
    May(Vec<ApprovalNote>),
    /// It may not.
    Not(NotYet),
}

/// What the locks look like before one asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LockState {
    /// How many people have to say yes.
    pub approvals_needed: u32,
    /// Of these.
    pub approver: Approver,
    /// True: the device would do it, as far as it has told.
    pub device_allows: bool,
    /// What to type on the device when it would not.
    pub arm_command: Option<String>,
}

/// May this be handed to a device now? `request_sha256` is the digest of the request as it is at this moment; a yes to
/// anything else does not count, nor does one of who asks, of who may not approve any more, or a second one of the same
/// person.
#[must_use]
#[expect(clippy::too_many_arguments, reason = "one question, one function; each is a fact of its own")]
pub fn verdict(
    needed: (u32, Approver),
    strength: Strength,
    request_sha256: &str,
    requested_by: UserId,
    approvals: &[PendingApproval],
    break_glass: Option<(&BreakGlass, DateTime<Utc>)>,
    is_stopped: bool,
    deliver_by: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Verdict {
    if now >= deliver_by {
        return Verdict::Not(NotYet::Expired);
    }
    if is_stopped && strength == Strength::Strong {
        return Verdict::Not(NotYet::Stopped);
    }
    let mut counted: Vec<&PendingApproval> = Vec::new();
    for approval in approvals {
        let counts = !approval.is_revoked
            && approval.may_approve_now
            && approval.note.user_id != requested_by
            && approval.note.request_sha256 == request_sha256;
        if counts && counted.iter().all(|one| one.note.user_id != approval.note.user_id) {
            counted.push(approval);
        }
    }
    let notes = || counted.iter().map(|one| one.note.clone()).collect();
    let (least, approver) = needed;
    if let Some((_, opened_at)) = break_glass {
        if now >= opened_at + TimeDelta::seconds(BREAK_GLASS_SECONDS) {
            return Verdict::Not(NotYet::Expired);
        }
        return if counted.is_empty() && least > 0 {
            Verdict::Not(NotYet::Missing(1))
        } else {
            Verdict::May(notes())
        };
    }
    let of_business = counted.iter().filter(|one| one.is_of_business).count();
    let enough = match approver {
        Approver::Business => of_business,
        Approver::Anyone | Approver::Both => counted.len(),
    };
    let missing = least.saturating_sub(u32::try_from(enough).unwrap_or(u32::MAX));
    if missing > 0 {
        return Verdict::Not(NotYet::Missing(missing));
    }
    if least > 0 && approver == Approver::Both && (of_business == 0 || of_business == counted.len()) {
        return Verdict::Not(NotYet::MissingFrom(Approver::Both));
    }
    Verdict::May(notes())
}

impl Order {
    /// True when what it carries of approvals is enough by its own words: as many different people as had to, none of
    /// them who asks, all for what is asked. What the agent can check by itself.
    #[must_use]
    pub fn has_its_approvals(&self) -> bool {
        let mut people: Vec<UserId> = Vec::new();
        for note in &self.approvals {
            if note.request_sha256 == self.request_sha256
                && note.user_id != self.request.requested_by
                && !people.contains(&note.user_id)
            {
                people.push(note.user_id);
            }
        }
        let strong = self.request.payload.kind().strength() == Strength::Strong;
        let needed =
            if self.break_glass.is_some() { 1 } else { self.approvals_needed.max(u32::from(strong)) };
        people.len() >= usize::try_from(needed).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests;
