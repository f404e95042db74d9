//! Yes, no, and a yes that is taken back. Whoever decides has the request for themselves meanwhile; of many at once each
//! finds what those before have decided.

use super::{break_glass, find, get, letter};
use crate::{
    Confirmed, Error, Result,
    access::{Authority, Permit, Target},
    audit::Record,
    command::{hands_of, needed_of, pending_approvals, proof, queue},
    store::{Change, Reach},
};
use entity::{
    approval::{DecisionInput, DecisionView, NOTE_MAX},
    command::{
        ApprovalDecision, ApprovalNote, CommandEvent, CommandState, PendingApproval, RequestState, Verdict,
        verdict,
    },
    id::{ApprovalId, CommandRequestId, UserId},
    input::paragraph,
    policy::Action,
    portal_event::PortalEvent,
    table::{approval, command, command_request as request},
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    sea_query::{Expr, OnConflict},
};
use serde_json::json;

/// Others may decide at the same time this often before somebody is told to look again.
const TRIES: usize = 8;

/// What somebody does about a request.
pub(super) enum Act {
    /// Says yes to what has this digest.
    Approve { read: String, note: Option<String> },
    /// Says no to it.
    Reject { read: String, note: Option<String> },
    /// Takes their own yes back.
    Revoke,
    /// Lets it pass alone.
    BreakGlass { read: String, reason: String },
}

/// Says yes to exactly what was read. When that is enough, it may go to its devices.
///
/// # Errors
/// Not found when it is out of reach; forbidden by role, for one's own request, and for those whose yes would not count;
/// conflict when it is over, when it is another request by now, or when they said it already.
pub async fn approve(cx: &Confirmed<'_>, id: CommandRequestId, input: DecisionInput) -> Result<DecisionView> {
    let note = paragraph("note", &input.note, NOTE_MAX)?;
    attempt(cx, id, Act::Approve { read: input.request_sha256, note }).await
}

/// Says no: it is over for all its devices.
///
/// # Errors
/// As [`approve`].
pub async fn reject(cx: &Confirmed<'_>, id: CommandRequestId, input: DecisionInput) -> Result<DecisionView> {
    let note = paragraph("note", &input.note, NOTE_MAX)?;
    attempt(cx, id, Act::Reject { read: input.request_sha256, note }).await
}

/// Takes one's own yes back, as long as a device has not got it. What one person alone let pass is over with it.
///
/// # Errors
/// Not found when it is out of reach; forbidden by role; conflict when they have not said yes, or every device has got it.
pub async fn revoke(cx: &Confirmed<'_>, id: CommandRequestId) -> Result<DecisionView> {
    attempt(cx, id, Act::Revoke).await
}

/// Does something about a request as it is now, and again when somebody else was quicker; tells who has to hear of it.
pub(super) async fn attempt(cx: &Confirmed<'_>, id: CommandRequestId, act: Act) -> Result<DecisionView> {
    let business_id = find(cx, id).await?.business_id;
    let permit = cx.permit(Action::Approve, Target::Business(business_id))?;
    // Whatever is decided meanwhile about what people may do is decided before or after this.
    let turn = Authority::of(cx).await?;
    for _ in 0..TRIES {
        let row = find(cx, id).await?;
        let moved = match &act {
            Act::Approve { read, note } => yes(cx, &permit, &row, read, note.as_deref()).await?,
            Act::Reject { read, note } => no(cx, &permit, &row, read, note.as_deref()).await?,
            Act::Revoke => back(cx, &permit, &row).await?,
            Act::BreakGlass { read, reason } => break_glass::open(cx, &permit, &row, read, reason).await?,
        };
        if let Some(moved) = moved {
            drop(turn);
            queue::announce(cx.store(), &moved);
            cx.store().publish(PortalEvent::CommandRequest { business_id, request_id: id });
            return get(cx, id).await;
        }
    }
    Err(Error::conflict(None, "Others are deciding about this request right now. Look at it again."))
}

/// Each of these answers nothing when the request is not as it was read any more.
type Done = Result<Option<Vec<queue::Moved>>>;

async fn yes(
    cx: &Confirmed<'_>,
    permit: &Permit<'_>,
    row: &request::Model,
    read: &str,
    note: Option<&str>,
) -> Done {
    check(cx, row, read)?;
    check_hands(cx, row).await?;
    if !counts(cx, row) {
        return Err(Error::forbidden("The business itself has to approve this."));
    }
    let mut pending = pending_approvals(cx.store(), row).await?;
    pending.retain(|one| one.note.user_id != cx.me().id);
    pending.push(own(cx, row));
    let now = cx.store().now();
    let change = permit.begin().await?;
    if !queue::try_hold(&change, row).await? {
        return Ok(None);
    }
    if has_said(&change, row, cx.me().id).await? == Some(ApprovalDecision::Approve) {
        return Err(Error::conflict(None, "You have approved this already."));
    }
    say(cx, &change, row, ApprovalDecision::Approve, note).await?;
    let (needed, strength) = (needed_of(row), row.kind.strength());
    let digest = &row.request_sha256;
    // A stop is asked about when a device fetches it: what is approved meanwhile waits for its end.
    let enough =
        verdict(needed, strength, digest, row.requested_by, &pending, None, false, row.deliver_by, now);
    let moved = match enough {
        Verdict::May(_) => queue::decide(&change, row, CommandEvent::Approve).await?,
        Verdict::Not(_) => Vec::new(),
    };
    let record = record("approval.approve", "Approved", row);
    permit.commit(change, record.after(after(row, note))).await?;
    Ok(Some(moved))
}

async fn no(
    cx: &Confirmed<'_>,
    permit: &Permit<'_>,
    row: &request::Model,
    read: &str,
    note: Option<&str>,
) -> Done {
    check(cx, row, read)?;
    let change = permit.begin().await?;
    if !queue::try_hold(&change, row).await? {
        return Ok(None);
    }
    say(cx, &change, row, ApprovalDecision::Reject, note).await?;
    let moved = queue::decide(&change, row, CommandEvent::Reject).await?;
    let record = record("approval.reject", "Rejected", row);
    permit.commit(change, record.after(after(row, note))).await?;
    Ok(Some(moved))
}

async fn back(cx: &Confirmed<'_>, permit: &Permit<'_>, row: &request::Model) -> Done {
    let change = permit.begin().await?;
    if !queue::try_hold(&change, row).await? {
        return Ok(None);
    }
    let taken = approval::Entity::update_many()
        .col_expr(approval::Column::RevokedAt, Expr::value(cx.store().now()))
        // Whoever writes into the database cannot put it back.
        .col_expr(approval::Column::Proof, Expr::value(""))
        .filter(approval::Column::RequestId.eq(row.id))
        .filter(approval::Column::UserId.eq(cx.me().id))
        .filter(approval::Column::Decision.eq(ApprovalDecision::Approve))
        .filter(approval::Column::RevokedAt.is_null())
        .exec(&*change)
        .await?;
    if taken.rows_affected != 1 {
        return Err(Error::conflict(None, "There is no approval of yours to take back."));
    }
    let moved = match row.state {
        RequestState::Awaiting => Vec::new(),
        RequestState::Approved => super::void::take_back(&change, row).await?,
        _ => return Err(Error::conflict(None, "This request is over already.")),
    };
    let record = record("approval.revoke", "Took the approval back of", row);
    permit.commit(change, record.before(after(row, None))).await?;
    if row.state == RequestState::Approved && row.break_glass_at.is_none() {
        letter::notify(cx.store(), row.id);
    }
    Ok(Some(moved))
}

/// May they decide about this, as it was read?
pub(super) fn check(cx: &Confirmed<'_>, row: &request::Model, read: &str) -> Result<()> {
    if row.requested_by == cx.me().id {
        return Err(Error::forbidden("You asked for this: somebody else has to decide."));
    }
    let now = cx.store().now();
    let detail = match row.state {
        RequestState::Awaiting if now >= row.decide_by.min(row.deliver_by) => {
            "The time of this request is over."
        }
        RequestState::Awaiting => "",
        RequestState::Approved => "This request was approved already.",
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

/// Did somebody else ask? A program asks in the name of who gave it its key.
pub(super) async fn check_hands(cx: &Confirmed<'_>, row: &request::Model) -> Result<()> {
    if hands_of(cx.store(), row).await?.contains(&cx.me().id) {
        let detail = "You made a key of the account that asked for this: somebody else has to decide.";
        return Err(Error::forbidden(detail));
    }
    Ok(())
}

/// Would their yes count?
pub(super) fn counts(cx: &Confirmed<'_>, row: &request::Model) -> bool {
    row.approver != entity::command::Approver::Business || cx.me().business_id == Some(row.business_id)
}

/// Their own yes, as it counts.
fn own(cx: &Confirmed<'_>, row: &request::Model) -> PendingApproval {
    PendingApproval {
        may_approve_now: true,
        is_of_business: cx.me().business_id == Some(row.business_id),
        is_revoked: false,
        note: ApprovalNote {
            user_id: cx.me().id,
            user_name: cx.me().full_name.clone(),
            approved_at: cx.store().now(),
            request_sha256: row.request_sha256.clone(),
            signature: None,
        },
    }
}

/// What somebody said about the request as it is, and has not taken back.
async fn has_said(change: &Change, row: &request::Model, user: UserId) -> Result<Option<ApprovalDecision>> {
    let found = Reach::of(row.business_id)
        .select::<approval::Entity>()
        .filter(approval::Column::RequestId.eq(row.id))
        .filter(approval::Column::UserId.eq(user))
        .filter(approval::Column::RevokedAt.is_null())
        .filter(approval::Column::RequestSha256.eq(row.request_sha256.as_str()))
        .one(&**change)
        .await?;
    Ok(found.map(|row| row.decision))
}

/// Writes down what they say; what they said before about it is in the audit log.
pub(super) async fn say(
    cx: &Confirmed<'_>,
    change: &Change,
    row: &request::Model,
    decision: ApprovalDecision,
    note: Option<&str>,
) -> Result<()> {
    let mut said = approval::Model {
        id: ApprovalId::generate(),
        request_id: row.id,
        business_id: row.business_id,
        user_id: cx.me().id,
        user_name: cx.me().full_name.clone(),
        decision,
        request_sha256: row.request_sha256.clone(),
        note: note.map(str::to_owned),
        decided_at: cx.store().now(),
        revoked_at: None,
        proof: String::new(),
    };
    said.proof = proof::of_approval(cx.store(), &said)?;
    let said = approval::ActiveModel::from(said);
    use approval::Column;
    let replace = OnConflict::columns([Column::RequestId, Column::UserId])
        .update_columns([
            Column::Id,
            Column::UserName,
            Column::Decision,
            Column::RequestSha256,
            Column::Note,
            Column::DecidedAt,
            Column::RevokedAt,
            Column::Proof,
        ])
        .to_owned();
    approval::Entity::insert(said).on_conflict(replace).exec_without_returning(&**change).await?;
    Ok(())
}

/// How many of its commands wait for people.
pub(super) async fn waiting(change: &Change, row: &request::Model) -> Result<u64> {
    Ok(Reach::of(row.business_id)
        .select::<command::Entity>()
        .filter(command::Column::RequestId.eq(row.id))
        .filter(command::Column::State.eq(CommandState::AwaitingApproval))
        .count(&**change)
        .await?)
}

/// What the audit log says of a decision.
pub(super) fn record(action: &'static str, words: &str, row: &request::Model) -> Record {
    let what = row.kind.label();
    let devices =
        if row.targets_count == 1 { "a device".to_owned() } else { format!("{} devices", row.targets_count) };
    Record::new(action, format!("{words} “{what}” on {devices}"))
}

/// What was decided, with the digest that it is bound to.
pub(super) fn after(row: &request::Model, note: Option<&str>) -> serde_json::Value {
    json!({ "request_id": row.id, "request_sha256": row.request_sha256, "note": note })
}
