//! Checking a file of evidence with public keys alone: no database, no data folder, no network. Each thing that is checked
//! is said.

use super::{
    chain::{ANCHOR, Anchor},
    evidence_file,
};
use crate::audit;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::TimeDelta;
use entity::{
    command::{
        ApprovalDecision, ChainEvent, CommandState, Envelope, ORDER_SECONDS_MAX, Order, ResultStatus,
        approvals_needed,
    },
    evidence::{EVIDENCE_FORMAT, EvidenceAuditEntry, EvidenceBundle, EvidenceSeal},
    seal::{self, Purpose},
    table::audit_entry,
};

pub use super::evidence_file::FILE_BYTES_MAX;

/// How one thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// As it has to be.
    Good,
    /// Not as it has to be: the evidence is worth nothing.
    Bad,
    /// Nothing to be checked, and worth knowing.
    Note,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// How it was found.
    pub found: Found,
    /// What, in a sentence.
    pub what: String,
}

/// Everything that was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// In order.
    pub list: Vec<Check>,
}

impl Checks {
    /// True when nothing is bad.
    #[must_use]
    pub fn is_good(&self) -> bool {
        !self.list.is_empty() && self.list.iter().all(|check| check.found != Found::Bad)
    }

    fn that(&mut self, is_good: bool, what: impl Into<String>) -> bool {
        let found = if is_good { Found::Good } else { Found::Bad };
        self.list.push(Check { found, what: what.into() });
        is_good
    }

    fn note(&mut self, what: impl Into<String>) {
        self.list.push(Check { found: Found::Note, what: what.into() });
    }
}

/// Checks a file. `root`: the root's public key, as it is known from elsewhere.
#[must_use]
pub fn check(bytes: &[u8], root: Option<[u8; 32]>) -> Checks {
    let mut checks = Checks::default();
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= FILE_BYTES_MAX);
    let read = text.and_then(evidence_file::read).filter(|(_, bundle, _)| bundle.format == EVIDENCE_FORMAT);
    let is_file = read.is_some();
    checks.that(is_file, "The file is letter for letter one as Reeve makes it.");
    let Some((text, bundle, envelope)) = read else { return checks };
    let own = BASE64_STANDARD.decode(&bundle.command_root).ok().and_then(|root| root.try_into().ok());
    let Some(root) = root.or(own) else {
        checks.that(false, "The file names the root of the keys.");
        return checks;
    };
    if own != Some(root) {
        checks.that(false, "The file is of the root that was asked for.");
    }
    let is_sealed = is_sealed(&bundle, &envelope, &root, &seal::sha256(text.as_bytes()));
    if checks.that(is_sealed, "A key that the root let sign has sealed every byte of it.") {
        contents(&mut checks, &bundle, &root);
    } else {
        checks.note("Nothing else was looked at: whatever the file says, nobody stands for it.");
    }
    checks
}

fn is_sealed(bundle: &EvidenceBundle, envelope: &Envelope, root: &[u8; 32], digest: &str) -> bool {
    let fits = |sealed: &EvidenceSeal| {
        sealed.bundle_sha256 == digest
            && sealed.command_id == bundle.command.id
            && sealed.made_at == bundle.made_at
    };
    // What does not even claim to be about these bytes needs no signature checked.
    let claimed = seal::payload(envelope).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    claimed.as_ref().is_some_and(fits)
        && seal::open::<EvidenceSeal>(root, Purpose::Evidence, envelope, bundle.made_at)
            .is_ok_and(|(sealed, _)| fits(&sealed))
}

/// Does what the bundle says fit together?
fn contents(checks: &mut Checks, bundle: &EvidenceBundle, root: &[u8; 32]) {
    request(checks, bundle);
    decision(checks, bundle);
    let order = order(checks, bundle, root);
    answer(checks, bundle, order.as_ref());
    chain(checks, bundle);
    audited(checks, bundle);
}

fn request(checks: &mut Checks, bundle: &EvidenceBundle) {
    let (asked, targets) = (&bundle.request, &bundle.targets);
    checks.that(
        seal::request_sha256(asked) == bundle.request_sha256,
        "The digest that people approved is that of the request.",
    );
    checks.that(
        asked.targets_sha256 == seal::targets_sha256(targets)
            && u32::try_from(targets.len()) == Ok(asked.targets_count)
            && targets.contains(&bundle.device.id)
            && asked.business_id == bundle.device.business_id,
        "The request is for these devices, and this one is among them.",
    );
}

fn decision(checks: &mut Checks, bundle: &EvidenceBundle) {
    let decision = &bundle.decision;
    // How many devices the business had is not in the file: the least that it takes for any number.
    let policy = decision.policy.clone().unwrap_or_default();
    let (least, approver) =
        approvals_needed(&policy, &bundle.request.payload, bundle.targets.len(), usize::MAX / 200);
    let kind = bundle.request.payload.kind();
    let has_rule = policy.rules.iter().any(|rule| rule.kinds.contains(&kind));
    checks.that(
        decision.approvals_needed >= least && (!has_rule || decision.approver == approver),
        match decision.policy_revision {
            Some(revision) => format!(
                "Revision {revision} of the approval policy asks for {} approvals.",
                decision.approvals_needed
            ),
            None => {
                format!("The policy where none is written asks for {} approvals.", decision.approvals_needed)
            }
        },
    );
    let is_bound = decision
        .approvals
        .iter()
        .all(|one| one.decision != ApprovalDecision::Approve || one.request_sha256 == bundle.request_sha256);
    checks.that(is_bound, "Every approval is for this request.");
    if decision.break_glass_reason.is_some() {
        checks.note("Fewer people than usual decided it, in an emergency.");
    }
}

/// The order that the device got.
fn order(checks: &mut Checks, bundle: &EvidenceBundle, root: &[u8; 32]) -> Option<Order> {
    let Some(envelope) = &bundle.command.order else {
        checks.that(
            bundle.command.result.is_none() && bundle.command.receipt.is_none(),
            "It was handed to no device, and no device has answered.",
        );
        return None;
    };
    // When it was signed stands inside; it is believed once the key that signed it was good at that time.
    let issued_at = seal::payload(envelope)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Order>(&bytes).ok())
        .map(|order| order.issued_at);
    let opened = issued_at.and_then(|at| seal::open::<Order>(root, Purpose::Order, envelope, at).ok());
    checks.that(opened.is_some(), "A key that the root let sign at that time has signed the order.");
    let (order, signed) = opened?;
    checks.that(
        order.device_id == bundle.device.id && order.command_id == bundle.command.id,
        "The order is for this device and this command.",
    );
    checks.that(
        order.request == bundle.request && seal::is_what_was_approved(&order),
        "The order asks for what was approved, and for nothing else.",
    );
    let most = TimeDelta::seconds(i64::from(ORDER_SECONDS_MAX));
    checks.that(
        order.issued_at < order.expires_at && order.expires_at - order.issued_at <= most,
        "The order ends within a day.",
    );
    checks.that(
        bundle.command.order_sha256.as_deref() == Some(seal::sha256(&signed).as_str()),
        "The digest of the order is that of the bytes that were signed.",
    );
    let decision = &bundle.decision;
    let is_from = |note: &entity::command::ApprovalNote| {
        decision.approvals.iter().any(|one| {
            one.user_id == note.user_id
                && one.user_name == note.user_name
                && one.decision == ApprovalDecision::Approve
                && one.request_sha256 == note.request_sha256
                && one.decided_at == note.approved_at
                && one.decided_at <= order.issued_at
                && one.revoked_at.is_none_or(|at| at >= order.issued_at)
        })
    };
    checks.that(
        order.approvals_needed == decision.approvals_needed
            && order.has_its_approvals()
            && order.approvals.iter().all(is_from)
            && order.break_glass.as_ref().map(|why| &why.reason) == decision.break_glass_reason.as_ref(),
        "Enough people other than who asked had said yes before it was signed.",
    );
    Some(order)
}

/// What the device answered.
fn answer(checks: &mut Checks, bundle: &EvidenceBundle, order: Option<&Order>) {
    let command = &bundle.command;
    if let Some(receipt) = &command.receipt {
        checks.that(
            receipt.command_id == command.id && Some(&receipt.order_sha256) == command.order_sha256.as_ref(),
            "The device has acknowledged this order.",
        );
    }
    let Some(result) = &command.result else {
        checks.that(
            !has_answered(command.state),
            "The device has not said how it ended, and nothing else is claimed.",
        );
        return;
    };
    let is_of_order = order.is_some_and(|_| Some(&result.order_sha256) == command.order_sha256.as_ref());
    checks.that(
        result.command_id == command.id && (is_of_order || result.order_sha256.is_empty()),
        "The result is of this command and this order.",
    );
    checks.that(
        state_of(result.status) == command.state
            && (result.refusal.is_none() || result.status == ResultStatus::Refused),
        format!("It ended as the device says: {}.", command.state.label().to_lowercase()),
    );
}

const fn state_of(status: ResultStatus) -> CommandState {
    match status {
        ResultStatus::Completed => CommandState::Completed,
        ResultStatus::Failed => CommandState::Failed,
        ResultStatus::TimedOut => CommandState::TimedOut,
        ResultStatus::Refused => CommandState::Refused,
        ResultStatus::Interrupted => CommandState::Interrupted,
    }
}

const fn has_answered(state: CommandState) -> bool {
    matches!(
        state,
        CommandState::Completed
            | CommandState::Failed
            | CommandState::TimedOut
            | CommandState::Refused
            | CommandState::Interrupted
    )
}

/// The device's own record.
fn chain(checks: &mut Checks, bundle: &EvidenceBundle) {
    let (chain, command) = (&bundle.chain, &bundle.command);
    if let Some(fault) = &chain.fault {
        checks.note(format!("The device's record was not what it was: {fault}"));
    }
    if chain.entries.is_empty() {
        checks.note("The device has not told its own record of it.");
        return;
    }
    let mut before = (chain.from.seq, chain.from.hash.clone());
    let mut is_whole = chain.from.seq > 0 || chain.from.hash == seal::chain_start();
    for entry in &chain.entries {
        is_whole &=
            entry.seq == before.0 + 1 && entry.previous == before.1 && entry.hash == seal::chain_hash(entry);
        before = (entry.seq, entry.hash.clone());
    }
    let first = chain.from.seq + 1;
    checks.that(is_whole, format!("Entries {first} to {} of the device's record are whole.", before.0));
    match &chain.to {
        Some(head) => {
            checks.that(
                (head.seq, &head.hash) == (before.0, &before.1),
                "They end where the device said that its record ends.",
            );
            if head.signature.is_some() {
                checks.that(
                    seal::is_signed_head(&bundle.device.public_key, bundle.device.id, head),
                    "The device's own key has signed where it ends.",
                );
            } else {
                checks
                    .note("The device has not signed where its record ends: the server's word stands alone.");
            }
        }
        None => checks.note("The device's record goes on; where it ends is not in the file."),
    }
    let about = || chain.entries.iter().filter(|entry| entry.command_id == Some(command.id));
    let of = |event: ChainEvent| about().find(move |entry| entry.event == event);
    let order_sha256 = command.order_sha256.clone().unwrap_or_default();
    if let Some(received) = of(ChainEvent::Received) {
        checks.that(received.subject_sha256 == order_sha256, "The device's record has this order.");
    }
    let Some(result) = &command.result else { return };
    let end = match result.status {
        ResultStatus::Refused => ChainEvent::Refused,
        ResultStatus::Interrupted => ChainEvent::Interrupted,
        _ => ChainEvent::Done,
    };
    match of(end) {
        Some(entry) => checks.that(
            // What was no order at all is refused without a word about what it was.
            entry.subject_sha256 == seal::result_sha256(result)
                || (entry.subject_sha256.is_empty() && result.order_sha256.is_empty()),
            "The device's record has this result.",
        ),
        None => checks.that(false, "The device's record says how it ended."),
    };
}

/// The server's audit log.
fn audited(checks: &mut Checks, bundle: &EvidenceBundle) {
    let (audit, command) = (&bundle.audit, &bundle.command);
    let is_whole = audit.entries.iter().all(is_as_hashed)
        && audit.entries.windows(2).all(|pair| {
            pair[0].seq < pair[1].seq
                && (pair[0].seq + 1 != pair[1].seq || pair[0].hash == pair[1].previous_hash)
        })
        && audit.entries.last().is_none_or(|last| {
            last.seq < audit.head_seq || (last.seq == audit.head_seq && last.hash == audit.head_hash)
        });
    let count = audit.entries.len();
    checks.that(is_whole, format!("Each of {count} entries of the audit log is what its hash says."));
    let ids = [bundle.request.request_id.to_string(), command.id.to_string()];
    let is_about = |entry: &EvidenceAuditEntry| {
        let texts = [&entry.before_json, &entry.after_json];
        texts.into_iter().flatten().any(|text| ids.iter().any(|id| text.contains(id.as_str())))
    };
    checks.that(audit.entries.iter().any(is_about), "The audit log knows of the request.");
    let anchors: Vec<Anchor> = audit
        .entries
        .iter()
        .filter(|entry| entry.action == ANCHOR && entry.device_id == Some(bundle.device.id))
        .filter_map(|entry| serde_json::from_str(entry.after_json.as_deref()?).ok())
        .collect();
    let is_anchored = |head: &entity::command::ChainHead| {
        anchors.iter().any(|anchor| (anchor.head.seq, &anchor.head.hash) == (head.seq, &head.hash))
    };
    match &bundle.chain.to {
        Some(head) if is_anchored(head) => {
            checks.that(true, "The audit log has the place up to which the device's record is here.");
        }
        Some(_) => checks.note("The audit log does not have the end of the device's record yet."),
        None => {}
    }
    if bundle.chain.from.seq > 0 {
        checks.that(
            is_anchored(&bundle.chain.from),
            "The audit log has the place from which on the device's record is here.",
        );
    }
    let head = &audit.head_hash;
    checks.note(format!(
        "Whether the audit log is whole, its server says: reeve verify --expect-head {head} (entry {})",
        audit.head_seq
    ));
}

fn is_as_hashed(entry: &EvidenceAuditEntry) -> bool {
    audit::chain::digest(&row(entry)).is_ok_and(|hash| hash == entry.hash)
}

/// An entry as the log has it.
fn row(entry: &EvidenceAuditEntry) -> audit_entry::Model {
    audit_entry::Model {
        id: entry.id,
        seq: Some(entry.seq),
        at: entry.at,
        actor_kind: entry.actor_kind,
        actor_id: entry.actor_id,
        actor_name: entry.actor_name.clone(),
        source_ip: entry.source_ip.clone(),
        request_id: entry.request_id.clone(),
        business_id: entry.business_id,
        device_id: entry.device_id,
        action: entry.action.clone(),
        summary: entry.summary.clone(),
        before_json: entry.before_json.clone(),
        after_json: entry.after_json.clone(),
        previous_hash: Some(entry.previous_hash.clone()),
        hash: None,
    }
}

#[cfg(test)]
mod tests;
