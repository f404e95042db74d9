//! Approvals that count no longer: one was taken back, what they were for was changed, or the policy became stricter.

use super::decide::waiting;
use crate::{
    Cx, Error, Result,
    audit::{Actor, Record},
    command::{needed_of, payload_of, proof, queue},
    store::{Change, Reach, keyset},
};
use chrono::{DateTime, Utc};
use entity::{
    command::{ApprovalPolicy, Approver, CommandEvent, CommandState, RequestState, approvals_needed},
    device::DeviceState,
    id::{BusinessId, CommandRequestId},
    table::{approval, command, command_request as request, device},
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, sea_query::Expr,
};
use serde_json::json;

/// Requests that are looked at in one turn.
const AT_ONCE: u64 = 500;

/// Takes back what was approved and no device has got: it waits for people again, and what one person alone let pass is
/// over. The request has to be held.
pub(super) async fn take_back(change: &Change, row: &request::Model) -> Result<Vec<queue::Moved>> {
    let event = if row.break_glass_at.is_some() { CommandEvent::Cancel } else { CommandEvent::Void };
    let moved = queue::decide(change, row, event).await?;
    let is_nothing_left = match event {
        CommandEvent::Void => waiting(change, row).await? == 0,
        _ => moved.is_empty(),
    };
    if is_nothing_left {
        return Err(Error::conflict(
            None,
            "Every device has got it already. Cancel it to stop what can be stopped.",
        ));
    }
    Ok(moved)
}

/// Every yes to this request is none any more.
pub(crate) async fn void_all(change: &Change, row: &request::Model, now: DateTime<Utc>) -> Result<u64> {
    let voided = approval::Entity::update_many()
        .col_expr(approval::Column::RevokedAt, Expr::value(now))
        .col_expr(approval::Column::Proof, Expr::value(""))
        .filter(approval::Column::RequestId.eq(row.id))
        .filter(approval::Column::RevokedAt.is_null())
        .exec(&**change)
        .await?;
    Ok(voided.rows_affected)
}

/// A policy was changed in this change: requests of these businesses that no device has got and that would take more
/// people now wait for them, and what was said about them before counts no longer. Answers what moved and which requests.
pub(crate) async fn void_tightened(
    cx: &Cx,
    change: &Change,
    businesses: &[BusinessId],
    policy: &ApprovalPolicy,
) -> Result<(Vec<queue::Moved>, Vec<CommandRequestId>)> {
    let (mut moved, mut voided) = (Vec::new(), Vec::new());
    for business in businesses {
        let active = Reach::of(*business)
            .select::<device::Entity>()
            .filter(device::Column::State.eq(DeviceState::Active));
        let devices = usize::try_from(keyset::total(&**change, active).await?).unwrap_or(usize::MAX);
        let mut after = None;
        loop {
            let rows = open_requests(change, *business, after).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.id);
            for row in &rows {
                if let Some(found) = tighten(cx, change, row, policy, devices).await? {
                    moved.extend(found);
                    voided.push(row.id);
                }
            }
        }
    }
    Ok((moved, voided))
}

async fn open_requests(
    change: &Change,
    business: BusinessId,
    after: Option<CommandRequestId>,
) -> Result<Vec<request::Model>> {
    let mut select = Reach::of(business)
        .select::<request::Entity>()
        .filter(request::Column::State.is_in([RequestState::Awaiting, RequestState::Approved]))
        .filter(request::Column::DeliverBy.gt(change.now()));
    if let Some(after) = after {
        select = select.filter(request::Column::Id.gt(after));
    }
    // Held until the end of the change: nobody approves meanwhile what this is about to void.
    Ok(select.order_by_asc(request::Column::Id).limit(AT_ONCE).lock_exclusive().all(&**change).await?)
}

/// Makes one request wait for more people, when the policy asks for more.
async fn tighten(
    cx: &Cx,
    change: &Change,
    row: &request::Model,
    policy: &ApprovalPolicy,
    devices: usize,
) -> Result<Option<Vec<queue::Moved>>> {
    let payload = payload_of(row)?;
    let targets = usize::try_from(row.targets_count).unwrap_or(usize::MAX);
    let (needed, approver) = approvals_needed(policy, &payload, targets, devices);
    let before = needed_of(row);
    let glass = row.break_glass_at.is_some() && !policy.allows_break_glass;
    if !is_tighter(before, (needed, approver)) && !glass {
        return Ok(None);
    }
    if row.state == RequestState::Approved && !has_pending(change, row).await? {
        return Ok(None);
    }
    queue::hold(change, row).await?;
    let moved = match row.state {
        RequestState::Approved => take_back(change, row).await?,
        _ => Vec::new(),
    };
    void_all(change, row, change.now()).await?;
    let after = request::Model {
        approvals_needed: i64::from(needed.max(before.0)),
        approver,
        policy_id: policy.id,
        ..row.clone()
    };
    request::Entity::update_many()
        .col_expr(request::Column::ApprovalsNeeded, Expr::value(after.approvals_needed))
        .col_expr(request::Column::Approver, Expr::value(approver))
        .col_expr(request::Column::PolicyId, Expr::value(policy.id))
        .col_expr(request::Column::Proof, Expr::value(proof::of_request(cx.store(), &after)?))
        .filter(request::Column::Id.eq(row.id))
        .exec(&**change)
        .await?;
    let summary = format!("A stricter policy voided the approvals of “{}”", row.kind.label());
    let record = Record::new("approval.void", summary)
        .before(json!({ "request_id": row.id, "approvals_needed": before.0, "approver": before.1 }))
        .after(json!({ "request_id": row.id, "approvals_needed": needed, "approver": approver }));
    change.note(&Actor::of(cx), Some(row.business_id), record).await?;
    Ok(Some(moved))
}

/// Does it take more people, or others?
fn is_tighter(before: (u32, Approver), after: (u32, Approver)) -> bool {
    after.0 > before.0 || (after.0 > 0 && after.1 != before.1 && after.1 != Approver::Anyone)
}

/// Is there a command of it that no device has got?
async fn has_pending(change: &Change, row: &request::Model) -> Result<bool> {
    let found = Reach::of(row.business_id)
        .select::<command::Entity>()
        .filter(command::Column::RequestId.eq(row.id))
        .filter(command::Column::State.eq(CommandState::Pending))
        .one(&**change)
        .await?;
    Ok(found.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Approver::{Anyone, Both, Business};

    #[test]
    fn tighter_is_more_people_or_others() {
        for (before, after, is) in [
            ((1, Anyone), (1, Anyone), false),
            ((1, Anyone), (2, Anyone), true),
            ((2, Anyone), (1, Anyone), false),
            ((1, Anyone), (1, Business), true),
            ((1, Business), (1, Anyone), false),
            ((1, Business), (2, Anyone), true),
            ((2, Both), (2, Business), true),
            ((0, Anyone), (0, Business), false),
            ((2, Anyone), (1, Both), true),
        ] {
            assert_eq!(is_tighter(before, after), is, "{before:?} {after:?}");
        }
    }
}
