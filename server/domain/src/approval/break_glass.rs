//! Breaking the glass: in an emergency one person alone lets something pass, with a reason, for a quarter of an hour. It
//! stays on the list until somebody else has looked at it. The device's lock holds all the same.

use super::{
    decide::{Act, after, attempt, check, check_hands, record, say},
    find, get, letter,
};
use crate::{
    Confirmed, Cx, Error, Result,
    access::{Permit, Target},
    approval_policy,
    command::{proof, queue},
};
use chrono::{SubsecRound as _, TimeDelta};
use entity::{
    approval::{BreakGlassInput, DecisionView, ReviewInput, ReviewView},
    command::{ApprovalDecision, BREAK_GLASS_SECONDS, CommandEvent, REASON_MAX},
    id::{CommandRequestId, UserId},
    input::paragraph,
    policy::Action,
    portal_event::PortalEvent,
    problem::Problem,
    table::{command, command_request as request},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};

/// Lets a request pass with one's own yes alone.
///
/// # Errors
/// Not found when it is out of reach; forbidden by role, for one's own request, and where the policy does not let one person
/// decide; conflict when it is over or another request by now; invalid without a reason.
pub async fn break_glass(
    cx: &Confirmed<'_>,
    id: CommandRequestId,
    input: BreakGlassInput,
) -> Result<DecisionView> {
    let reason = needed("reason", &input.reason)?;
    let view = attempt(cx, id, Act::BreakGlass { read: input.request_sha256, reason }).await?;
    letter::notify_of_break_glass(cx.store(), id);
    Ok(view)
}

/// Opens it; answers nothing when the request is not as it was read any more.
pub(super) async fn open(
    cx: &Confirmed<'_>,
    permit: &Permit<'_>,
    row: &request::Model,
    read: &str,
    reason: &str,
) -> Result<Option<Vec<queue::Moved>>> {
    check(cx, row, read)?;
    check_hands(cx, row).await?;
    let policy = approval_policy::in_force(cx.store().db(), row.business_id).await?;
    if !policy.allows_break_glass {
        return Err(Error::forbidden("The policy lets nobody decide alone, not in an emergency either."));
    }
    // As fine as every engine keeps it: the mark is about the second.
    let now = cx.store().now().trunc_subsecs(0);
    let mut opened = request::Model {
        break_glass_reason: Some(reason.to_owned()),
        break_glass_by: Some(cx.me().id),
        break_glass_at: Some(now),
        ..row.clone()
    };
    opened.break_glass_proof = Some(proof::of_break_glass(cx.store(), &opened)?);
    let change = permit.begin().await?;
    if !queue::try_hold(&change, row).await? {
        return Ok(None);
    }
    say(cx, &change, row, ApprovalDecision::Approve, Some(reason)).await?;
    request::Entity::update_many()
        .col_expr(request::Column::BreakGlassReason, Expr::value(reason))
        .col_expr(request::Column::BreakGlassBy, Expr::value(cx.me().id))
        .col_expr(request::Column::BreakGlassAt, Expr::value(now))
        .col_expr(request::Column::BreakGlassProof, Expr::value(opened.break_glass_proof))
        .filter(request::Column::Id.eq(row.id))
        .exec(&*change)
        .await?;
    let ends_at = row.deliver_by.min(now + TimeDelta::seconds(BREAK_GLASS_SECONDS));
    command::Entity::update_many()
        .col_expr(command::Column::DeliverBy, Expr::value(ends_at))
        .filter(command::Column::RequestId.eq(row.id))
        .exec(&*change)
        .await?;
    let moved = queue::decide(&change, row, CommandEvent::Approve).await?;
    let record = record("approval.break_glass", "Alone and in an emergency, let pass", row);
    permit.commit(change, record.after(after(row, Some(reason)))).await?;
    Ok(Some(moved))
}

/// Says that one has looked at what somebody let pass alone.
///
/// # Errors
/// Not found when it is out of reach; forbidden by role, and for who let it pass or asked for it; conflict when there is
/// nothing to look at; invalid without a note.
pub async fn review(cx: &Confirmed<'_>, id: CommandRequestId, input: ReviewInput) -> Result<DecisionView> {
    let note = needed("note", &input.note)?;
    let row = find(cx, id).await?;
    let permit = cx.permit(Action::Approve, Target::Business(row.business_id))?;
    if row.break_glass_at.is_none() {
        return Err(Error::conflict(None, "Nobody let this pass alone."));
    }
    if row.reviewed_at.is_some() {
        return Err(Error::conflict(None, "Somebody has looked at this already."));
    }
    if !may_review(&row, cx.me().id) {
        return Err(Error::forbidden("Somebody else has to look at this."));
    }
    let change = permit.begin().await?;
    let done = request::Entity::update_many()
        .col_expr(request::Column::ReviewedBy, Expr::value(cx.me().id))
        .col_expr(request::Column::ReviewedAt, Expr::value(cx.store().now()))
        .col_expr(request::Column::ReviewNote, Expr::value(note.as_str()))
        .filter(request::Column::Id.eq(id))
        .filter(request::Column::ReviewedAt.is_null())
        .exec(&*change)
        .await?;
    if done.rows_affected != 1 {
        return Err(Error::conflict(None, "Somebody has looked at this already."));
    }
    let record = record("approval.review", "Looked at what was let pass alone:", &row);
    permit.commit(change, record.after(after(&row, Some(&note)))).await?;
    cx.store().publish(PortalEvent::CommandRequest { business_id: row.business_id, request_id: id });
    get(cx, id).await
}

/// Neither who let it pass nor who asked for it.
pub(super) fn may_review(row: &request::Model, user: UserId) -> bool {
    row.break_glass_at.is_some()
        && row.reviewed_at.is_none()
        && row.break_glass_by != Some(user)
        && row.requested_by != user
}

/// What was let pass alone, and what became of it; absent when nobody did.
///
/// # Errors
/// Not found when it is out of reach; forbidden by role.
pub async fn review_of(cx: &Cx, id: CommandRequestId) -> Result<Option<ReviewView>> {
    let row = find(cx, id).await?;
    super::list::check_view(cx)?;
    let (Some(opened_at), Some(reason)) = (row.break_glass_at, row.break_glass_reason.clone()) else {
        return Ok(None);
    };
    let names = super::list::people(cx, [row.break_glass_by, row.reviewed_by].into_iter().flatten()).await?;
    let name = |id: Option<UserId>| id.and_then(|id| names.get(&id).cloned());
    Ok(Some(ReviewView {
        opened_by: name(row.break_glass_by).unwrap_or_default(),
        reason,
        opened_at,
        reviewed_by: name(row.reviewed_by),
        reviewed_at: row.reviewed_at,
        note: row.review_note,
    }))
}

/// What has to be said.
fn needed(field: &'static str, text: &str) -> Result<String> {
    let text = paragraph(field, text, REASON_MAX)?;
    Ok(text.ok_or_else(|| Problem::invalid(field, "This is required: others read it afterwards."))?)
}
