//! The evidence of a command: everything about it, put together in one file that can be checked without this server.

use super::{
    chain::{ANCHOR, Anchor},
    evidence_file,
    gate::request_of,
};
use crate::{
    Cx, Error, Result, audit,
    store::{Db, Reach},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    command::{ApprovalPolicy, ChainEntry, ChainHead, CommandResult},
    evidence::{
        EVIDENCE_FORMAT, EvidenceApproval, EvidenceAudit, EvidenceAuditEntry, EvidenceBundle, EvidenceChain,
        EvidenceCommand, EvidenceDecision, EvidenceDevice,
    },
    id::{ApprovalPolicyId, CommandId, DeviceId},
    policy::Action,
    seal,
    table::{
        approval, approval_policy, audit_entry, business, chain_entry, chain_head, command, command_request,
        device,
    },
};
use sea_orm::{ColumnTrait as _, Condition, QueryFilter as _, QueryOrder as _, QuerySelect as _};
use serde::de::DeserializeOwned;

/// Most entries of a device's record that one file holds.
const CHAIN_MAX: u64 = 5_000;
/// Most entries of the audit log that one file holds.
const AUDIT_MAX: u64 = 500;
/// Anchors that are looked at on either side of a command.
const ANCHORS_MAX: u64 = 50;
/// The audit log is looked through for so long before a command was asked for and after it ended.
const AROUND: TimeDelta = TimeDelta::minutes(5);

/// Puts the evidence of a command together: the text of a file, sealed with the command key.
///
/// # Errors
/// Not found when the command is out of reach, forbidden for those who do not see the audit log, unavailable when the
/// command key is over.
pub async fn export(cx: &Cx, id: CommandId) -> Result<String> {
    cx.check(
        Action::ViewAudit,
        "Your role does not show you the audit log, which is a part of the evidence.",
    )?;
    let row = cx.select::<command::Entity>().filter(command::Column::Id.eq(id)).one(cx.db()).await?;
    let row = row.ok_or_else(|| Error::not_found("command"))?;
    evidence_file::write(&gather(cx, row).await?, cx.store().signer())
}

async fn gather(cx: &Cx, row: command::Model) -> Result<EvidenceBundle> {
    // What belongs to the command was reached with it, wherever its device is now.
    let db = cx.store().db();
    let asked = Reach::everything()
        .select::<command_request::Entity>()
        .filter(command_request::Column::Id.eq(row.request_id))
        .one(db)
        .await?;
    let asked = asked.ok_or_else(|| Error::not_found("request"))?;
    let targets = Reach::everything()
        .select::<command::Entity>()
        .select_only()
        .column(command::Column::DeviceId)
        .filter(command::Column::RequestId.eq(row.request_id))
        .order_by_asc(command::Column::DeviceId)
        .into_tuple::<DeviceId>()
        .all(db)
        .await?;
    let found = Reach::everything()
        .select::<device::Entity>()
        .filter(device::Column::Id.eq(row.device_id))
        .one(db)
        .await?;
    let found = found.ok_or_else(|| Error::not_found("device"))?;
    let business = Reach::everything()
        .select::<business::Entity>()
        .filter(business::Column::Id.eq(row.business_id))
        .one(db)
        .await?;
    let chain = chain(db, &row).await?;
    let audit = audited(db, &asked, &row, &chain).await?;
    Ok(EvidenceBundle {
        format: EVIDENCE_FORMAT.to_owned(),
        made_at: cx.store().now(),
        server: cx.store().public_url().to_owned(),
        command_root: cx.store().signer().root_public_text(),
        request_sha256: asked.request_sha256.clone(),
        door: asked.door,
        priority: asked.priority,
        created_at: asked.created_at,
        targets,
        decision: decision(db, &asked).await?,
        device: EvidenceDevice {
            id: found.id,
            device_name: found.device_name,
            business_id: row.business_id,
            business_name: business.map(|business| business.business_name).unwrap_or_default(),
            public_key: found.public_key,
        },
        request: request_of(&asked)?,
        command: outcome(row)?,
        chain,
        audit,
    })
}

async fn decision(db: &Db, asked: &command_request::Model) -> Result<EvidenceDecision> {
    let (policy, policy_revision) = match asked.policy_id {
        Some(id) => policy(db, id).await?,
        None => (None, None),
    };
    let rows = Reach::everything()
        .select::<approval::Entity>()
        .filter(approval::Column::RequestId.eq(asked.id))
        .order_by_asc(approval::Column::DecidedAt)
        .all(db)
        .await?;
    let approvals = rows.into_iter().map(|row| EvidenceApproval {
        id: row.id,
        user_id: row.user_id,
        user_name: row.user_name,
        decision: row.decision,
        request_sha256: row.request_sha256,
        note: row.note,
        decided_at: row.decided_at,
        revoked_at: row.revoked_at,
    });
    Ok(EvidenceDecision {
        policy,
        policy_revision,
        approvals_needed: u32::try_from(asked.approvals_needed).unwrap_or(u32::MAX),
        approver: asked.approver,
        approvals: approvals.collect(),
        break_glass_reason: asked.break_glass_reason.clone(),
        break_glass_at: asked.break_glass_at,
    })
}

async fn policy(db: &Db, id: ApprovalPolicyId) -> Result<(Option<ApprovalPolicy>, Option<u64>)> {
    let Some(row) = Reach::everything()
        .select::<approval_policy::Entity>()
        .filter(approval_policy::Column::Id.eq(id))
        .one(db)
        .await?
    else {
        return Ok((None, None));
    };
    Ok((Some(read("policy", &row.document)?), u64::try_from(row.revision).ok()))
}

fn outcome(row: command::Model) -> Result<EvidenceCommand> {
    let result: Option<CommandResult> = row.result.as_deref().map(|text| read("result", text)).transpose()?;
    let output = row.output.unwrap_or_default();
    Ok(EvidenceCommand {
        id: row.id,
        state: row.state,
        sent_at: row.sent_at,
        is_late: row.is_late,
        locks: row.lock_at_creation.as_deref().map(|text| read("lock state", text)).transpose()?,
        order: row.envelope.as_deref().map(|text| read("envelope", text)).transpose()?,
        order_sha256: row.order_sha256,
        receipt: row.receipt.as_deref().map(|text| read("receipt", text)).transpose()?,
        result: result.map(|result| CommandResult { output, ..result }),
    })
}

/// The device's own record around a command: from the last place before it that the audit log knows, to the first after it.
async fn chain(db: &Db, row: &command::Model) -> Result<EvidenceChain> {
    let head = Reach::everything()
        .select::<chain_head::Entity>()
        .filter(chain_head::Column::DeviceId.eq(row.device_id))
        .one(db)
        .await?;
    let Some(head) = head else { return Ok(EvidenceChain::default()) };
    let fault = head.fault.clone();
    let about = Reach::everything()
        .select::<chain_entry::Entity>()
        .filter(chain_entry::Column::DeviceId.eq(row.device_id))
        .filter(chain_entry::Column::CommandId.eq(row.id))
        .order_by_desc(chain_entry::Column::Fork)
        .order_by_asc(chain_entry::Column::Seq)
        .all(db)
        .await?;
    let Some(first) = about.first() else { return Ok(EvidenceChain { fault, ..EvidenceChain::default() }) };
    let fork = first.fork;
    let last = about.iter().filter(|entry| entry.fork == fork).map(|entry| entry.seq).max();
    let last = last.unwrap_or(first.seq);
    let place = |head: &ChainHead| i64::try_from(head.seq).unwrap_or(i64::MAX);
    let from = anchors(db, row.device_id, fork, first.received_at, false).await?.into_iter();
    let from = from.filter(|head| place(head) < first.seq).max_by_key(place).unwrap_or_else(start);
    let to = anchors(db, row.device_id, fork, first.received_at, true).await?.into_iter();
    let to = to.filter(|head| place(head) >= last).min_by_key(place);
    // Not anchored yet: as far as it was told.
    let to = to.or_else(|| (head.fork == fork).then(|| told(&head)).flatten());
    let until = to.as_ref().map_or(last, place);
    let rows = Reach::everything()
        .select::<chain_entry::Entity>()
        .filter(chain_entry::Column::DeviceId.eq(row.device_id))
        .filter(chain_entry::Column::Fork.lte(fork))
        .filter(chain_entry::Column::Seq.gt(place(&from)))
        .filter(chain_entry::Column::Seq.lte(until))
        .order_by_asc(chain_entry::Column::Seq)
        .order_by_desc(chain_entry::Column::Fork)
        .limit(CHAIN_MAX)
        .all(db)
        .await?;
    let mut entries: Vec<ChainEntry> = Vec::with_capacity(rows.len());
    for row in rows {
        let entry: ChainEntry = read("entry of a device's record", &row.entry)?;
        // Of several records the one that was told last counts.
        if entries.last().is_none_or(|before| before.seq != entry.seq) {
            entries.push(entry);
        }
    }
    Ok(EvidenceChain { fork: fork.unsigned_abs(), from, entries, to, fault })
}

fn start() -> ChainHead {
    ChainHead { seq: 0, hash: seal::chain_start(), signature: None }
}

/// Where the device said that its record ends, when all of it up to there is stored.
fn told(head: &chain_head::Model) -> Option<ChainHead> {
    (head.told_seq == head.seq && head.told_hash == head.hash).then(|| ChainHead {
        seq: head.told_seq.unsigned_abs(),
        hash: head.told_hash.clone(),
        signature: head.told_signature.clone(),
    })
}

/// Where the audit log says that a device's record had come to, before a time or after it.
async fn anchors(
    db: &Db,
    device: DeviceId,
    fork: i64,
    at: DateTime<Utc>,
    is_after: bool,
) -> Result<Vec<ChainHead>> {
    let select = Reach::everything()
        .select::<audit_entry::Entity>()
        .filter(audit_entry::Column::DeviceId.eq(device))
        .filter(audit_entry::Column::Action.eq(ANCHOR));
    let select = if is_after {
        select.filter(audit_entry::Column::At.gte(at)).order_by_asc(audit_entry::Column::Id)
    } else {
        select.filter(audit_entry::Column::At.lte(at)).order_by_desc(audit_entry::Column::Id)
    };
    let rows = select.limit(ANCHORS_MAX).all(db).await?;
    let read = rows.into_iter().filter_map(|row| serde_json::from_str::<Anchor>(&row.after_json?).ok());
    Ok(read.filter(|anchor| anchor.fork == fork).map(|anchor| anchor.head).collect())
}

/// The audit log about a command: what names it or its request, and the anchors of the device's record around it.
async fn audited(
    db: &Db,
    asked: &command_request::Model,
    row: &command::Model,
    chain: &EvidenceChain,
) -> Result<EvidenceAudit> {
    let (head_seq, head_hash) = audit::chain::head(db).await?;
    let mut about = Condition::any();
    for id in [asked.id.to_string(), row.id.to_string()] {
        let pattern = format!("%{id}%");
        about = about
            .add(audit_entry::Column::BeforeJson.like(pattern.as_str()))
            .add(audit_entry::Column::AfterJson.like(pattern.as_str()));
    }
    for head in [Some(&chain.from), chain.to.as_ref()].into_iter().flatten().filter(|head| head.seq > 0) {
        let pattern = format!("%{}%", head.hash);
        about = about.add(
            Condition::all()
                .add(audit_entry::Column::DeviceId.eq(row.device_id))
                .add(audit_entry::Column::Action.eq(ANCHOR))
                .add(audit_entry::Column::AfterJson.like(pattern.as_str())),
        );
    }
    let rows = Reach::everything()
        .select::<audit_entry::Entity>()
        .filter(audit_entry::Column::BusinessId.eq(row.business_id))
        .filter(audit_entry::Column::Hash.is_not_null())
        .filter(
            Condition::any()
                .add(audit_entry::Column::DeviceId.eq(row.device_id))
                .add(audit_entry::Column::At.gte(asked.created_at - AROUND)),
        )
        .filter(about)
        .order_by_asc(audit_entry::Column::Seq)
        .limit(AUDIT_MAX)
        .all(db)
        .await?;
    Ok(EvidenceAudit { head_seq, head_hash, entries: rows.into_iter().map(entry).collect() })
}

fn entry(row: audit_entry::Model) -> EvidenceAuditEntry {
    EvidenceAuditEntry {
        seq: row.seq.unwrap_or_default(),
        id: row.id,
        at: row.at,
        actor_kind: row.actor_kind,
        actor_id: row.actor_id,
        actor_name: row.actor_name,
        source_ip: row.source_ip,
        request_id: row.request_id,
        business_id: row.business_id,
        device_id: row.device_id,
        action: row.action,
        summary: row.summary,
        before_json: row.before_json,
        after_json: row.after_json,
        previous_hash: row.previous_hash.unwrap_or_default(),
        hash: row.hash.unwrap_or_default(),
    }
}

fn read<T: DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::Internal(format!("stored {what}: {error}")))
}

#[cfg(test)]
mod tests;
