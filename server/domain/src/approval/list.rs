//! Requests as those see them who decide them: what waits for whoever asks, and what was decided.

use super::{find, power::powers};
use crate::{
    Cx, Error, Result, approval_policy,
    command::{approvals, lock_of, needed_of, payload_of, pending_approvals, requests_by_id},
    emergency_stop,
    store::{
        Reach,
        keyset::{self, Order},
    },
};
use entity::{
    approval::{DEVICES_SHOWN, DecisionQuery, DecisionView},
    command::{Approver, NotYet, RequestState, TargetPreview, Verdict, verdict},
    id::{CommandRequestId, UserId},
    page::Page,
    policy::Action,
    table::{approval, command, command_request as request, device, user},
};
use sea_orm::{
    ColumnTrait as _, Condition, QueryFilter as _, QueryOrder as _, QuerySelect as _, QueryTrait as _, Select,
};
use std::collections::HashMap;

/// One page of requests, newest first; those that wait when no state is named.
///
/// # Errors
/// Forbidden by role; invalid names the field of the query.
pub async fn list(cx: &Cx, query: &DecisionQuery) -> Result<Page<DecisionView>> {
    check_view(cx)?;
    let select = matching(cx, query)?;
    let total = keyset::total(cx.db(), select.clone()).await?;
    let order = Order::newest("approvals.newest");
    let slice = keyset::page(cx.db(), select, order, query.cursor.as_deref(), query.limit).await?;
    Ok(Page { items: views(cx, &slice.rows).await?, next_cursor: slice.next_cursor, total: Some(total) })
}

/// One request.
///
/// # Errors
/// Not found when it is out of reach; forbidden by role.
pub async fn get(cx: &Cx, id: CommandRequestId) -> Result<DecisionView> {
    let row = find(cx, id).await?;
    check_view(cx)?;
    views(cx, &[row]).await?.pop().ok_or_else(|| Error::not_found("request"))
}

/// How many requests whoever asks may decide now, or has to look at.
///
/// # Errors
/// When the database fails.
pub async fn waiting_count(cx: &Cx) -> Result<u64> {
    if !cx.me().may(Action::Approve) {
        return Ok(0);
    }
    keyset::total(cx.db(), cx.select::<request::Entity>().filter(mine(cx))).await
}

/// Those who ask, those who decide, and those who look at what was done.
pub(super) fn check_view(cx: &Cx) -> Result<()> {
    let any = [Action::Approve, Action::RequestCommand, Action::ViewAudit];
    let held = any.into_iter().find(|action| cx.me().may(*action)).unwrap_or(Action::Approve);
    cx.check(held, "Your role does not show you requests.")
}

fn matching(cx: &Cx, query: &DecisionQuery) -> Result<Select<request::Entity>> {
    if query.search.as_ref().is_some_and(|text| !text.is_empty()) {
        let detail = "Requests are found by their state and business, not by a text.";
        return Err(entity::problem::Problem::invalid("search", detail).into());
    }
    let mut select = cx.select::<request::Entity>();
    if let Some(id) = query.business_id {
        select = select.filter(request::Column::BusinessId.eq(id));
    }
    if let Some(id) = query.requested_by {
        select = select.filter(request::Column::RequestedBy.eq(id));
    }
    if query.unreviewed == Some(true) {
        select = select
            .filter(request::Column::BreakGlassAt.is_not_null())
            .filter(request::Column::ReviewedAt.is_null());
    }
    if query.mine == Some(true) {
        select = select.filter(mine(cx));
    }
    match query.state {
        Some(state) => Ok(select.filter(request::Column::State.eq(state))),
        None if query.mine == Some(true) || query.unreviewed == Some(true) => Ok(select),
        None => Ok(select.filter(request::Column::State.eq(RequestState::Awaiting))),
    }
}

/// What whoever asks may decide, and has not yet; and what they have to look at.
fn mine(cx: &Cx) -> Condition {
    let (me, now) = (cx.me(), cx.store().now());
    if !me.may(Action::Approve) || cx.api_key_id().is_some() {
        return Condition::all().add(request::Column::Id.is_null());
    }
    let said = Reach::everything()
        .select::<approval::Entity>()
        .filter(approval::Column::UserId.eq(me.id))
        .filter(approval::Column::RevokedAt.is_null())
        .select_only()
        .column(approval::Column::RequestId)
        .into_query();
    let mut waits = Condition::all()
        .add(request::Column::State.eq(RequestState::Awaiting))
        .add(request::Column::DecideBy.gt(now))
        .add(request::Column::DeliverBy.gt(now))
        .add(request::Column::RequestedBy.ne(me.id))
        .add(request::Column::Id.not_in_subquery(said));
    if me.role.is_msp() {
        waits = waits.add(request::Column::Approver.ne(Approver::Business));
    }
    let to_look_at = Condition::all()
        .add(request::Column::BreakGlassAt.is_not_null())
        .add(request::Column::ReviewedAt.is_null())
        .add(request::Column::BreakGlassBy.ne(me.id))
        .add(request::Column::RequestedBy.ne(me.id));
    Condition::any().add(waits).add(to_look_at)
}

async fn views(cx: &Cx, rows: &[request::Model]) -> Result<Vec<DecisionView>> {
    let ids: Vec<CommandRequestId> = rows.iter().map(|row| row.id).collect();
    let mut shown: HashMap<CommandRequestId, _> =
        requests_by_id(cx, &ids).await?.into_iter().map(|row| (row.id, row)).collect();
    let mut views = Vec::new();
    for row in rows {
        let Some(request) = shown.remove(&row.id) else { continue };
        let approvals = approvals(cx, row).await?;
        let (missing, is_side_missing) = missing(cx, row).await?;
        let policy = approval_policy::in_force(cx.store().db(), row.business_id).await?;
        views.push(DecisionView {
            may: powers(cx, row, &approvals, policy.allows_break_glass),
            missing,
            is_side_missing,
            is_stopped: emergency_stop::is_stopped(cx.store(), row.business_id).await?,
            devices: devices(cx, row).await?,
            approvals,
            request,
        });
    }
    Ok(views)
}

/// How many people are missing now, and whether one side is.
async fn missing(cx: &Cx, row: &request::Model) -> Result<(u32, bool)> {
    if row.state != RequestState::Awaiting {
        return Ok((0, false));
    }
    let pending = pending_approvals(cx.store(), row).await?;
    let needed = needed_of(row);
    let now = cx.store().now().min(row.deliver_by - chrono::TimeDelta::seconds(1));
    let strength = row.kind.strength();
    let digest = &row.request_sha256;
    let answer =
        verdict(needed, strength, digest, row.requested_by, &pending, None, false, row.deliver_by, now);
    Ok(match answer {
        Verdict::Not(NotYet::Missing(count)) => (count, row.approver == Approver::Both),
        Verdict::Not(NotYet::MissingFrom(_)) => (1, true),
        _ => (0, false),
    })
}

/// The first devices of a request within reach, with both locks as they are now.
async fn devices(cx: &Cx, row: &request::Model) -> Result<Vec<TargetPreview>> {
    let ids: Vec<entity::id::DeviceId> = cx
        .select::<command::Entity>()
        .filter(command::Column::RequestId.eq(row.id))
        .order_by_asc(command::Column::Id)
        .limit(DEVICES_SHOWN)
        .select_only()
        .column(command::Column::DeviceId)
        .into_tuple()
        .all(cx.db())
        .await?;
    let mut found = cx
        .select::<device::Entity>()
        .filter(device::Column::Id.is_in(ids.iter().copied()))
        .all(cx.db())
        .await?;
    found.sort_by_key(|device| ids.iter().position(|id| *id == device.id));
    let (payload, now) = (payload_of(row)?, cx.store().now());
    found
        .into_iter()
        .map(|device| {
            Ok(TargetPreview {
                lock: lock_of(&payload, needed_of(row), &device, now)?,
                device_id: device.id,
                device_name: device.device_name,
                presence: device.presence,
            })
        })
        .collect()
}

/// What people are called. By the store: a customer sees who of the MSP decided about their devices.
pub(super) async fn people(
    cx: &Cx,
    ids: impl IntoIterator<Item = UserId>,
) -> Result<HashMap<UserId, String>> {
    let found: Vec<(UserId, String)> = Reach::everything()
        .select::<user::Entity>()
        .filter(user::Column::Id.is_in(ids))
        .select_only()
        .columns([user::Column::Id, user::Column::FullName])
        .into_tuple()
        .all(cx.store().db())
        .await?;
    Ok(found.into_iter().collect())
}
