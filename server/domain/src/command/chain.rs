//! A device's own record of commands, as far as it has told it: compared entry by entry with what was stored before. A
//! record that is not what it was is evidence, of a deletion on either side or of an old copy that was put back; then
//! both are kept, and people see it at the device.

use super::{
    chain_row::{self, Place},
    pace,
};
use crate::{
    AgentCx, Cx, Error, Result,
    access::Target,
    audit::{Actor, Record},
    device::{self, note},
    store::{Change, Reach},
};
use chrono::{DateTime, Utc};
use entity::{
    activity::ActivityKind,
    command::{ChainEntry, ChainEvent, ChainHead},
    evidence::RecordView,
    id::DeviceId,
    policy::Action,
    portal_event::PortalEvent,
    problem::Problem,
    seal,
    table::{chain_head, device as device_table},
    wire::{Chain, limits::CHAIN_ENTRIES_PER_MESSAGE_MAX},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};
use serde::{Deserialize, Serialize};

/// How often a device may tell another record than before until nobody listens any more.
const FORKS_MAX: i64 = 50;
/// Longest text of an entry, in bytes.
const TEXT_MAX: usize = 1_000;
/// What the audit log calls it when a device's record has come so far.
pub(crate) const ANCHOR: &str = "command.record";
/// What the audit log calls it when a device's record is not what it was.
pub(crate) const FAULT: &str = "command.record_fault";

/// What an anchor in the audit log says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Anchor {
    pub(crate) fork: i64,
    pub(crate) head: ChainHead,
}

/// What does not fit, and where another record parts from the one before, if one does.
struct Fault {
    what: String,
    parts_at: Option<Place>,
}

/// Takes entries of the device's own record, and says up to which entry it is stored. The same again changes nothing.
///
/// # Errors
/// Invalid when the message is out of bounds; when the database fails.
pub async fn append(cx: &AgentCx, chain: Chain) -> Result<u64> {
    check(&chain)?;
    pace::take(cx.device_id(), chain.entries.len(), cx.store().now())?;
    let device = cx.device().await?;
    let change = cx.begin().await?;
    let mut head = chain_row::lock(&change, cx, &device).await?;
    let before = (head.fork, head.seq);
    let fault = match chain.entries.iter().find(|entry| seal::chain_hash(entry) != entry.hash) {
        Some(entry) => Some(Fault {
            what: format!("Entry {} is not what its own hash says.", entry.seq),
            parts_at: None,
        }),
        None => follow(&change, &mut head, &chain.entries, cx.store().now()).await?,
    };
    // Said once, until somebody has seen it.
    let fault = fault.filter(|fault| fault.parts_at.is_some() || head.fault.as_ref() != Some(&fault.what));
    if head.fork > FORKS_MAX {
        // No reason to end its link: it may be a machine that is set back each night.
        let detail = "This device told too many records that do not fit together; no more of them are kept.";
        return Err(Error::conflict(None, detail));
    }
    let told = verified(&chain.head, &device);
    let stored = u64::try_from(head.seq).unwrap_or_default();
    let is_new = (head.fork, head.seq) != before;
    if !is_new && fault.is_none() {
        return Ok(stored);
    }
    let has_ended = chain.entries.iter().any(|one| {
        !matches!(one.event, ChainEvent::Received | ChainEvent::Started)
            && i64::try_from(one.seq).is_ok_and(|seq| seq > before.1 || head.fork > before.0)
    });
    let is_anchor = is_new && has_ended && told.seq == stored && told.hash == head.hash;
    head.told_seq = i64::try_from(told.seq).unwrap_or(i64::MAX);
    head.told_hash.clone_from(&told.hash);
    head.told_signature.clone_from(&told.signature);
    head.told_at = cx.store().now();
    finish(cx, change, &device, head, fault, is_anchor.then_some(told)).await?;
    Ok(stored)
}

/// A device says where its record ends, as the first thing on a new link. Answers up to which entry it is stored: the device
/// goes on from there. One that ends before what was stored has lost entries.
///
/// # Errors
/// When the database fails.
pub async fn hello(cx: &AgentCx, told: &ChainHead) -> Result<u64> {
    let found = Reach::everything()
        .select::<chain_head::Entity>()
        .filter(chain_head::Column::DeviceId.eq(cx.device_id()))
        .one(cx.store().db())
        .await?;
    let stored = found.as_ref().map_or(0, |head| u64::try_from(head.seq).unwrap_or_default());
    let fits = |head: &chain_head::Model| {
        told.seq > stored || (told.seq == stored && (stored == 0 || told.hash == head.hash))
    };
    if found.as_ref().is_none_or(fits) {
        return Ok(stored);
    }
    let device = cx.device().await?;
    let change = cx.begin().await?;
    let mut head = chain_row::lock(&change, cx, &device).await?;
    let stored = u64::try_from(head.seq).unwrap_or_default();
    if fits(&head) || head.fork >= FORKS_MAX {
        return Ok(stored);
    }
    let what = if told.seq < stored {
        format!(
            "The device's record ends at entry {} and {stored} were stored: entries were removed on the device, or an \
             older copy of it was put back.",
            told.seq
        )
    } else {
        format!("Entry {} of the device's record is another one than the one that was stored.", told.seq)
    };
    let place = Place::of(told.seq, &told.hash);
    let agreed = chain_row::stored_hash(&*change, &head, place.seq).await?;
    let base = if agreed.as_deref() == Some(place.hash.as_str()) { place } else { Place::start() };
    chain_row::fork(&mut head, base.clone());
    let fault = Fault { what, parts_at: Some(base) };
    let told = verified(told, &device);
    head.told_seq = i64::try_from(told.seq).unwrap_or(i64::MAX);
    head.told_hash = told.hash;
    head.told_signature = told.signature;
    head.told_at = cx.store().now();
    let stored = u64::try_from(head.seq).unwrap_or_default();
    finish(cx, change, &device, head, Some(fault), None).await?;
    Ok(stored)
}

/// Somebody has seen that a device's record is not what it was, and what is told from now on counts.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role, conflict when nothing is wrong.
pub async fn acknowledge(cx: &Cx, id: DeviceId) -> Result<RecordView> {
    let row = device::find(cx, id).await?;
    let permit = cx.permit(Action::ManageDevice, Target::device(&row))?;
    let change = permit.begin().await?;
    let found = Reach::everything()
        .select::<chain_head::Entity>()
        .filter(chain_head::Column::DeviceId.eq(id))
        .one(&*change)
        .await?;
    let fault = found.and_then(|head| head.fault);
    let Some(fault) = fault else {
        return Err(Error::conflict(None, "The record of this device fits together."));
    };
    chain_head::Entity::update_many()
        .col_expr(chain_head::Column::Fault, Expr::value(Option::<String>::None))
        .col_expr(chain_head::Column::FaultAt, Expr::value(Option::<DateTime<Utc>>::None))
        .filter(chain_head::Column::DeviceId.eq(id))
        .exec(&*change)
        .await?;
    let summary = format!("Has seen that the record of {} is not what it was", row.device_name);
    permit.commit(change, Record::new("command.record_seen", summary).device(id).before(fault)).await?;
    cx.store().publish(PortalEvent::Device { business_id: row.business_id, device_id: id });
    record(cx, id).await
}

/// How far a device's record has come here, and what does not fit.
///
/// # Errors
/// Not found when it is out of reach.
pub async fn record(cx: &Cx, id: DeviceId) -> Result<RecordView> {
    device::find(cx, id).await?;
    let select = cx.select::<chain_head::Entity>().filter(chain_head::Column::DeviceId.eq(id));
    Ok(chain_row::view(select.one(cx.db()).await?))
}

/// Follows the entries from where the stored record ends, and says what does not fit.
async fn follow(
    change: &Change,
    head: &mut chain_head::Model,
    entries: &[ChainEntry],
    now: DateTime<Utc>,
) -> Result<Option<Fault>> {
    let mut fault: Option<Fault> = None;
    let mut fresh = Vec::new();
    let known: Vec<&ChainEntry> =
        entries.iter().filter(|entry| i64::try_from(entry.seq).is_ok_and(|seq| seq <= head.seq)).collect();
    let stored = chain_row::stored_hashes(&**change, head, &known).await?;
    for entry in entries {
        let seq = i64::try_from(entry.seq).unwrap_or(i64::MAX);
        if fault.is_none() && stored.get(&seq).is_some_and(|hash| *hash == entry.hash) {
            continue;
        }
        if seq == head.seq + 1 && entry.previous == head.hash {
            head.seq = seq;
            head.hash.clone_from(&entry.hash);
            fresh.push(chain_row::row(now, head, entry)?);
            continue;
        }
        // What comes after what does not fit waits until it was told again.
        if fault.is_some() || (seq > head.seq + 1 && !fresh.is_empty()) {
            break;
        }
        if seq > head.seq + 1 {
            // A device sends what is behind the last entry that is stored: what it leaves out, it does not have.
            let which = if seq == head.seq + 2 {
                format!("Entry {} of the device's record is", seq - 1)
            } else {
                format!("Entries {} to {} of the device's record are", head.seq + 1, seq - 1)
            };
            let base = Place { seq: seq - 1, hash: entry.previous.clone() };
            chain_row::fork(head, base.clone());
            let what = format!("{which} not on the device any more, and never came here.");
            fault = Some(Fault { what, parts_at: Some(base) });
            head.seq = seq;
            head.hash.clone_from(&entry.hash);
            fresh.push(chain_row::row(now, head, entry)?);
            continue;
        }
        let what = format!(
            "Entry {seq} of the device's record is another one than the one that was stored, or follows another one: \
             the record was changed on the device or here, or an older copy of the device was put back."
        );
        let before = Place { seq: seq - 1, hash: entry.previous.clone() };
        chain_row::keep(change, std::mem::take(&mut fresh)).await?;
        let agreed = chain_row::stored_hash(&**change, head, before.seq).await?;
        if agreed.as_deref() != Some(before.hash.as_str()) {
            // Where the two part is not known: the device tells all of it.
            chain_row::fork(head, Place::start());
            fault = Some(Fault { what, parts_at: Some(Place::start()) });
            break;
        }
        chain_row::fork(head, before.clone());
        fault = Some(Fault { what, parts_at: Some(before) });
        head.seq = seq;
        head.hash.clone_from(&entry.hash);
        fresh.push(chain_row::row(now, head, entry)?);
    }
    chain_row::keep(change, fresh).await?;
    Ok(fault)
}

/// Writes the head, and what the audit log and the people have to know.
async fn finish(
    cx: &AgentCx,
    change: Change,
    device: &device_table::Model,
    mut head: chain_head::Model,
    fault: Option<Fault>,
    anchor: Option<ChainHead>,
) -> Result<()> {
    let (now, business) = (cx.store().now(), device.business_id);
    let is_fault = fault.is_some();
    if let Some(fault) = &fault {
        head.fault = Some(fault.what.clone());
        head.fault_at = Some(now);
        note(&change, device.id, business, now, ActivityKind::RecordFault, fault.what.clone()).await?;
    }
    let fork = head.fork;
    chain_row::write(&change, head).await?;
    let actor = Actor::system("the device's own record");
    match (fault, anchor) {
        (Some(Fault { what, parts_at }), _) => {
            tracing::warn!(device.id = %device.id, what, "a device's own record is not what it was");
            let summary = format!("The record of {} is not what it was. {what}", device.device_name);
            let record = Record::new(FAULT, summary).device(device.id);
            let record = match parts_at {
                Some(place) => record.after(Anchor { fork, head: place.into() }),
                None => record,
            };
            change.commit(&actor, Some(business), record).await?;
        }
        (None, Some(head)) => {
            let summary = format!("The record of {} has come to entry {}", device.device_name, head.seq);
            let record = Record::new(ANCHOR, summary).device(device.id).after(Anchor { fork, head });
            change.commit(&actor, Some(business), record).await?;
        }
        (None, None) => change.commit_unattended().await?,
    }
    if is_fault {
        cx.store().publish(PortalEvent::Device { business_id: business, device_id: device.id });
    }
    Ok(())
}

/// A head with its signature, or without when it is not the device's.
fn verified(told: &ChainHead, device: &device_table::Model) -> ChainHead {
    let is_theirs = seal::is_signed_head(&device.public_key, device.id, told);
    ChainHead { signature: told.signature.clone().filter(|_| is_theirs), ..told.clone() }
}

fn check(chain: &Chain) -> Result<()> {
    if chain.entries.len() > CHAIN_ENTRIES_PER_MESSAGE_MAX {
        let detail = format!("At most {CHAIN_ENTRIES_PER_MESSAGE_MAX} of them in one message.");
        return Err(Problem::invalid("entries", detail).into());
    }
    let is_good = |entry: &ChainEntry| {
        let texts = [&entry.subject_sha256, &entry.note, &entry.previous, &entry.hash];
        entry.seq > 0
            && i64::try_from(entry.seq).is_ok()
            && texts.iter().all(|text| text.len() <= TEXT_MAX && !text.contains('\0'))
    };
    if !chain.entries.iter().all(is_good) {
        return Err(Problem::invalid("entries", "An entry is out of bounds.").into());
    }
    let is_in_order = chain.entries.windows(2).all(|pair| pair[0].seq < pair[1].seq);
    if is_in_order && chain.head.hash.len() <= TEXT_MAX && !chain.head.hash.contains('\0') {
        Ok(())
    } else {
        Err(Problem::invalid("entries", "They have to come in order.").into())
    }
}

#[cfg(test)]
mod tests;
