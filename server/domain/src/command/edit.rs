//! Changing what was asked while nothing of it has left: it is another request by then, with another digest, and whatever
//! was said about it before counts no longer.

use super::{
    create::{Asked, commands, insert_commands, request_row},
    gate::{payload_of, request_of},
    list, proof, queue,
    queue::Moved,
    script, target, wave,
};
use crate::{
    Cx, Error, Result,
    access::Target,
    approval, approval_policy,
    audit::Record,
    store::{Change, Reach},
};
use chrono::{DateTime, Utc};
use entity::{
    command::{CommandEvent, OnOffline, Payload, RequestDetail, RequestEdit, RequestState, approvals_needed},
    id::{CommandId, CommandRequestId, DeviceId},
    policy::Action,
    portal_event::PortalEvent,
    problem::Problem,
    seal,
    table::{command, command_request as request, device},
};
use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};

/// Devices that the audit log names one by one.
const NAMED_MAX: usize = 50;

/// Changes a request: what, on which devices, until when, why. Every yes to it is void, and those who decide are asked anew.
///
/// # Errors
/// Not found when it, or a part of its devices, is out of reach; forbidden for everybody but who asked; conflict when it is
/// over, another one than was read, or a device has got it already; invalid names the field.
pub async fn edit(cx: &Cx, id: CommandRequestId, input: RequestEdit) -> Result<RequestDetail> {
    let before = list::find_request(cx, id).await?;
    check(cx, &before, &input.request_sha256)?;
    let there = there(cx, &before).await?;
    let devices = if input.targets.is_empty() && input.filter.is_none() {
        there
    } else {
        target::resolve(cx, &input.targets, input.filter.as_ref()).await?
    };
    let asked = Asked::read(cx, input.command).await?;
    if asked.payload.kind() != before.kind {
        let detail = "Another kind is another request: take this one back, and ask anew.";
        return Err(Problem::invalid("payload", detail).into());
    }
    let mut groups = target::by_business(devices)?;
    let devices = groups.remove(&before.business_id).filter(|_| groups.is_empty()).ok_or_else(|| {
        Problem::invalid("targets", "These have to be devices of the business that was asked about.")
    })?;
    for row in &devices {
        cx.permit(Action::RequestCommand, Target::device(row))?;
    }
    script::check_business(cx.store(), &asked.payload, before.business_id).await?;
    write(cx, &before, &asked, devices).await?;
    super::get_request(cx, id).await
}

/// May they change this, as it was read?
fn check(cx: &Cx, row: &request::Model, read: &str) -> Result<()> {
    if row.requested_by != cx.me().id {
        return Err(Error::forbidden(
            "Only who asked for this may change it. You may ask for something else.",
        ));
    }
    let now = cx.store().now();
    let detail = match row.state {
        RequestState::Awaiting if now >= row.decide_by.min(row.deliver_by) => {
            "The time of this request is over."
        }
        RequestState::Approved if now >= row.deliver_by => "The time of this request is over.",
        RequestState::Awaiting | RequestState::Approved if row.break_glass_at.is_some() => {
            "Somebody let this pass alone, as it is: take it back, and ask anew."
        }
        RequestState::Awaiting | RequestState::Approved => "",
        RequestState::Rejected => "This request was rejected already.",
        RequestState::Expired => "The time of this request is over.",
        RequestState::Cancelled => "This request was taken back already.",
    };
    if !detail.is_empty() {
        return Err(Error::conflict(None, detail));
    }
    if !read.trim().eq_ignore_ascii_case(&row.request_sha256) {
        let detail = "This request is another one than you read: look at it again.";
        return Err(Error::conflict(Some("request_sha256"), detail));
    }
    Ok(())
}

/// The devices that it is for, all of them within reach.
async fn there(cx: &Cx, row: &request::Model) -> Result<Vec<device::Model>> {
    let of_it = sea_orm::sea_query::Query::select()
        .column(command::Column::DeviceId)
        .from(command::Entity)
        .and_where(command::Column::RequestId.eq(row.id))
        .to_owned();
    let found =
        cx.select::<device::Entity>().filter(device::Column::Id.in_subquery(of_it)).all(cx.db()).await?;
    if i64::try_from(found.len()) != Ok(row.targets_count) {
        return Err(Error::forbidden("A part of its devices is out of your reach."));
    }
    Ok(found)
}

async fn write(cx: &Cx, before: &request::Model, asked: &Asked, devices: Vec<device::Model>) -> Result<()> {
    let store = cx.store();
    let policy = approval_policy::in_force(store.db(), before.business_id).await?;
    let business_devices = target::count_of(store, before.business_id).await?;
    let needed = approvals_needed(&policy, &asked.payload, devices.len(), business_devices);
    let waves = wave::plan(devices.len(), business_devices);
    let permit = cx.permit(
        Action::RequestCommand,
        Target::device(devices.first().ok_or_else(|| Error::not_found("device"))?),
    )?;
    let mut after =
        request_row((before.requested_by, store.now()), asked, &policy, needed, &devices, before.door)?;
    (after.id, after.seq, after.revision) = (before.id, before.seq, before.revision + 1);
    (after.ask_key, after.ask_sha256) = (before.ask_key.clone(), before.ask_sha256.clone());
    after.waves = waves.iter().copied().max().unwrap_or(1);
    let mut rows = commands(store, asked, needed, &after, devices, &waves)?;
    after.created_at = before.created_at;
    after.request_sha256 = seal::request_sha256(&request_of(&after)?);
    after.proof = proof::of_request(store, &after)?;

    let change = permit.begin().await?;
    // From here on nobody decides about it, and no device gets it.
    queue::hold(&change, before).await?;
    let former = former(&change, before).await?;
    for row in &mut rows {
        if let Some((id, created_at)) = former.get(&row.device_id) {
            (row.id, row.created_at) = (*id, *created_at);
        }
        row.proof = proof::of_command(store, row)?;
    }
    let voided = approval::void_all(&change, before, change.now()).await?;
    replace(&change, &after, &rows).await?;
    let mut moved: Vec<Moved> = rows.iter().map(|row| Moved::of(row, row.state)).collect();
    if after.state == RequestState::Approved && after.on_offline == OnOffline::Skip {
        for skipped in wave::skip_offline(&change, after.id, after.wave).await? {
            moved.retain(|one| one.command_id != skipped.command_id);
            moved.push(skipped);
        }
    }
    permit.commit(change, record(before, &former, &after, &rows, voided)?).await?;
    queue::announce(store, &moved);
    store.publish(PortalEvent::CommandRequest { business_id: after.business_id, request_id: after.id });
    if after.state == RequestState::Awaiting {
        approval::notify_of_edit(store, after.id);
    }
    Ok(())
}

/// A command of each device, as it was before: its id and when it was made.
type Former = HashMap<DeviceId, (CommandId, DateTime<Utc>)>;

/// The commands as they are now, none of which any device may have got.
async fn former(change: &Change, row: &request::Model) -> Result<Former> {
    let rows = Reach::of(row.business_id)
        .select::<command::Entity>()
        .filter(command::Column::RequestId.eq(row.id))
        .all(&**change)
        .await?;
    let event = if row.state == RequestState::Approved { CommandEvent::Void } else { CommandEvent::Approve };
    if rows.iter().any(|row| row.sends > 0 || row.state.is_over() || row.state.on(event).is_none()) {
        let detail = "A part of this has reached its device, or is over: take it back, and ask anew.";
        return Err(Error::conflict(None, detail));
    }
    Ok(rows.into_iter().map(|row| (row.device_id, (row.id, row.created_at))).collect())
}

/// Puts the request and its commands in the place of those before. None of these has left the server, and what they were is
/// in the audit log.
async fn replace(change: &Change, after: &request::Model, rows: &[command::Model]) -> Result<()> {
    request::Entity::update_many()
        .set(request::ActiveModel::from(after.clone()).reset_all())
        .filter(request::Column::Id.eq(after.id))
        .exec(&**change)
        .await?;
    command::Entity::delete_many().filter(command::Column::RequestId.eq(after.id)).exec(&**change).await?;
    insert_commands(change, rows).await
}

/// The audit entry: what it was and what it is, with the digests that people approve.
fn record(
    before: &request::Model,
    former: &Former,
    after: &request::Model,
    rows: &[command::Model],
    voided: u64,
) -> Result<Record> {
    let (was, is): (BTreeSet<DeviceId>, BTreeSet<DeviceId>) =
        (former.keys().copied().collect(), rows.iter().map(|row| row.device_id).collect());
    let differ = |one: &BTreeSet<DeviceId>, other: &BTreeSet<DeviceId>| {
        one.difference(other).take(NAMED_MAX).copied().collect::<Vec<_>>()
    };
    let (mut old, mut new) = (about(before)?, about(after)?);
    old["left_out"] = json!(differ(&was, &is));
    old["approvals_voided"] = json!(voided);
    new["added"] = json!(differ(&is, &was));
    let summary = format!("Changed what was asked: {}", payload_of(after)?.sentence());
    let record = Record::new("command.edit", summary).before(old).after(new);
    Ok(match rows {
        [only] if was.len() == 1 && was == is => record.device(only.device_id),
        _ => record,
    })
}

/// A request for the audit log. A script is named by its digest.
fn about(row: &request::Model) -> Result<Value> {
    let mut payload = payload_of(row)?;
    if let Payload::RunScript { script, .. } = &mut payload {
        script.clear();
    }
    Ok(json!({
        "request_id": row.id,
        "request_sha256": row.request_sha256,
        "state": row.state,
        "payload": payload,
        "targets_sha256": row.targets_sha256,
        "targets_count": row.targets_count,
        "approvals_needed": row.approvals_needed,
        "approver": row.approver,
        "timeout_seconds": row.timeout_seconds,
        "deliver_by": row.deliver_by,
        "on_offline": row.on_offline,
        "priority": row.priority,
        "reason": row.reason,
    }))
}
