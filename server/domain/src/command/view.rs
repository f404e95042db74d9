//! Rows of commands and requests as people see them, with the names of what they are about.

use super::{gate::payload_of, strength_of};
use crate::{Cx, Error, Result, business, store::Reach};
use entity::{
    command::{ApprovalView, CommandRow, Payload, Priority, RequestRow},
    id::{CommandRequestId, DeviceId, UserId},
    table::{approval, command, command_request as request, device, user},
};
use sea_orm::{ColumnTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};
use std::collections::{HashMap, HashSet};

/// Who asks where nobody did.
pub(crate) const SERVER_NAME: &str = "The server";

/// The names of these people. By the store: a customer sees who of the MSP asks their devices for something.
async fn people(cx: &Cx, ids: impl Iterator<Item = UserId>) -> Result<HashMap<UserId, String>> {
    let ids: HashSet<UserId> = ids.collect();
    let mut names = HashMap::from([(UserId::SERVER, SERVER_NAME.to_owned())]);
    if ids.iter().all(|id| names.contains_key(id)) {
        return Ok(names);
    }
    let found: Vec<(UserId, String)> = Reach::everything()
        .select::<user::Entity>()
        .filter(user::Column::Id.is_in(ids))
        .select_only()
        .columns([user::Column::Id, user::Column::FullName])
        .into_tuple()
        .all(cx.store().db())
        .await?;
    names.extend(found);
    Ok(names)
}

async fn devices(cx: &Cx, ids: impl Iterator<Item = DeviceId>) -> Result<HashMap<DeviceId, String>> {
    let ids: HashSet<DeviceId> = ids.collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(DeviceId, String)> = cx
        .select::<device::Entity>()
        .filter(device::Column::Id.is_in(ids))
        .select_only()
        .columns([device::Column::Id, device::Column::DeviceName])
        .into_tuple()
        .all(cx.db())
        .await?;
    Ok(found.into_iter().collect())
}

/// The requests of these commands. By the store: whoever reaches a command reaches what was asked.
pub(super) async fn requests_of(
    cx: &Cx,
    rows: &[command::Model],
) -> Result<HashMap<CommandRequestId, request::Model>> {
    let ids: HashSet<CommandRequestId> = rows.iter().map(|row| row.request_id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found = Reach::everything()
        .select::<request::Entity>()
        .filter(request::Column::Id.is_in(ids))
        .all(cx.store().db())
        .await?;
    Ok(found.into_iter().map(|row| (row.id, row)).collect())
}

/// Commands as rows of a list; those have to be within reach.
pub(super) async fn commands(cx: &Cx, rows: Vec<command::Model>) -> Result<Vec<CommandRow>> {
    let requests = requests_of(cx, &rows).await?;
    let businesses = business::names(cx, rows.iter().map(|row| row.business_id)).await?;
    let devices = devices(cx, rows.iter().map(|row| row.device_id)).await?;
    let people = people(cx, requests.values().map(|request| request.requested_by)).await?;
    let mut sentences: HashMap<CommandRequestId, String> = HashMap::new();
    for (id, request) in &requests {
        sentences.insert(*id, payload_of(request)?.sentence());
    }
    let views = rows.into_iter().map(|row| {
        let request = requests.get(&row.request_id).ok_or_else(|| Error::not_found("request"))?;
        Ok(CommandRow {
            business_name: businesses.get(&row.business_id).cloned().unwrap_or_default(),
            device_name: devices.get(&row.device_id).cloned().unwrap_or_default(),
            sentence: sentences.get(&row.request_id).cloned().unwrap_or_default(),
            requested_by: people.get(&request.requested_by).cloned().unwrap_or_default(),
            priority: usize::try_from(row.rank)
                .ok()
                .and_then(|rank| Priority::ALL.get(rank).copied())
                .unwrap_or(request.priority),
            wave: row.wave.unsigned_abs(),
            is_cancel_asked: row.cancel_asked_at.is_some(),
            id: row.id,
            request_id: row.request_id,
            business_id: row.business_id,
            device_id: row.device_id,
            kind: row.kind,
            state: row.state,
            deliver_by: row.deliver_by,
            created_at: row.created_at,
            sent_at: row.sent_at,
            started_at: row.started_at,
            ended_at: row.ended_at,
            refusal: row.refusal,
            exit_code: row.exit_code,
            detail: row.detail,
            is_late: row.is_late,
        })
    });
    views.collect()
}

/// Requests as rows of a list; those have to be within reach.
pub(crate) async fn requests(cx: &Cx, rows: Vec<request::Model>) -> Result<Vec<RequestRow>> {
    let businesses = business::names(cx, rows.iter().map(|row| row.business_id)).await?;
    let people = people(cx, rows.iter().map(|row| row.requested_by)).await?;
    let single: Vec<CommandRequestId> =
        rows.iter().filter(|row| row.targets_count == 1).map(|row| row.id).collect();
    let of_one = only_devices(cx, &single).await?;
    let views = rows.into_iter().map(|row| {
        let payload: Payload = payload_of(&row)?;
        Ok(RequestRow {
            business_name: businesses.get(&row.business_id).cloned().unwrap_or_default(),
            requested_by_name: people.get(&row.requested_by).cloned().unwrap_or_default(),
            device_name: of_one.get(&row.id).cloned(),
            strength: strength_of(&row)?,
            sentence: payload.sentence(),
            payload,
            targets_count: row.targets_count.unsigned_abs(),
            timeout_seconds: u32::try_from(row.timeout_seconds).unwrap_or(u32::MAX),
            approvals_needed: u32::try_from(row.approvals_needed).unwrap_or(u32::MAX),
            wave: row.wave.unsigned_abs(),
            waves: row.waves.unsigned_abs(),
            id: row.id,
            business_id: row.business_id,
            state: row.state,
            kind: row.kind,
            targets_sha256: row.targets_sha256,
            request_sha256: row.request_sha256,
            deliver_by: row.deliver_by,
            decide_by: row.decide_by,
            on_offline: row.on_offline,
            priority: row.priority,
            reason: row.reason,
            requested_by: row.requested_by,
            door: row.door,
            approver: row.approver,
            policy_id: row.policy_id,
            break_glass_reason: row.break_glass_reason,
            break_glass_at: row.break_glass_at,
            reviewed_at: row.reviewed_at,
            created_at: row.created_at,
            decided_at: row.decided_at,
        })
    });
    views.collect()
}

/// The name of the device of each of these requests for one.
async fn only_devices(cx: &Cx, ids: &[CommandRequestId]) -> Result<HashMap<CommandRequestId, String>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let pairs: Vec<(CommandRequestId, DeviceId)> = cx
        .select::<command::Entity>()
        .filter(command::Column::RequestId.is_in(ids.iter().copied()))
        .select_only()
        .columns([command::Column::RequestId, command::Column::DeviceId])
        .into_tuple()
        .all(cx.db())
        .await?;
    let names = devices(cx, pairs.iter().map(|(_, device)| *device)).await?;
    let named =
        pairs.into_iter().filter_map(|(request, device)| Some((request, names.get(&device)?.clone())));
    Ok(named.collect())
}

/// Requests that whoever asks has just made, in this order.
pub(crate) async fn requests_by_id(cx: &Cx, ids: &[CommandRequestId]) -> Result<Vec<RequestRow>> {
    let rows = Reach::everything()
        .select::<request::Entity>()
        .filter(request::Column::Id.is_in(ids.iter().copied()))
        .order_by_asc(request::Column::Id)
        .all(cx.store().db())
        .await?;
    requests(cx, rows).await
}

/// Who said what about a request that is within reach.
pub(crate) async fn approvals(cx: &Cx, row: &request::Model) -> Result<Vec<ApprovalView>> {
    let rows = Reach::of(row.business_id)
        .select::<approval::Entity>()
        .filter(approval::Column::RequestId.eq(row.id))
        .order_by_asc(approval::Column::DecidedAt)
        .all(cx.store().db())
        .await?;
    let view = |row: approval::Model| ApprovalView {
        user_id: row.user_id,
        user_name: row.user_name,
        decision: row.decision,
        note: row.note,
        decided_at: row.decided_at,
        revoked_at: row.revoked_at,
    };
    Ok(rows.into_iter().map(view).collect())
}
