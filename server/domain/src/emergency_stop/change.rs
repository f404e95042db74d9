//! Stopping, which is easy, and going on again, which takes several people.

use super::{last, list::view};
use crate::{
    Confirmed, Cx, Error, Result, Store,
    access::{Authority, Target},
    approval::{self, Voter, voters},
    approval_policy,
    audit::Record,
    business,
    store::{Change, Reach, statement},
};
use chrono::{DateTime, SubsecRound as _, Utc};
use entity::{
    command::{ApprovalNote, REASON_MAX, StopOrder},
    emergency_stop::{EmergencyStopView, RearmInput, StopInput},
    id::{ApprovalId, BusinessId},
    input::paragraph,
    policy::Action,
    portal_event::PortalEvent,
    seal,
    table::{device, emergency_rearm, emergency_stop as stop_table},
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

/// Stops everything strong at once: nothing is handed out any more, and devices are told to begin nothing.
///
/// # Errors
/// Not found when the business is out of reach, forbidden by role; invalid names the field.
pub async fn stop(cx: &Cx, input: StopInput) -> Result<EmergencyStopView> {
    let place = place(cx, input.business_id).await?;
    let permit = cx.permit(Action::StopCommands, Target::of(input.business_id))?;
    let reason = paragraph("reason", &input.reason, REASON_MAX)?.unwrap_or_default();
    let change = permit.begin().await?;
    let now = cx.store().now().trunc_subsecs(0);
    let seq = next_seq(&change, now).await?;
    let order = StopOrder {
        seq: seq.unsigned_abs(),
        business_id: input.business_id,
        is_stopped: true,
        decided_at: now,
        approvals: Vec::new(),
    };
    insert(cx, &change, seq, order, &reason).await?;
    let record = Record::new("emergency_stop.stop", format!("Stopped every strong command {place}"));
    permit.commit(change, record.after(serde_json::json!({ "seq": seq, "reason": reason }))).await?;
    tell(cx.store(), input.business_id).await;
    let text = format!(
        "{} stopped every strong command {place}.\n\nWhy: {}\n\nNothing strong begins until enough people agree that it \
         may go on:\n\n{}/emergency-stop\n",
        cx.me().full_name,
        if reason.is_empty() { "No reason was given." } else { reason.as_str() },
        cx.store().public_url(),
    );
    let subject = format!("Emergency stop {place}");
    approval::write_to(cx.store(), input.business_id, cx.me().id, subject, text);
    view(cx, input.business_id).await
}

/// Says that strong commands may go on. When enough people have, they do.
///
/// # Errors
/// Not found when the business is out of reach, forbidden by role; conflict when it is not stopped, was stopped again
/// since, or they have said so already; invalid names the field.
pub async fn rearm(cx: &Confirmed<'_>, input: RearmInput) -> Result<EmergencyStopView> {
    let place = place(cx, input.business_id).await?;
    let permit = cx.permit(Action::Approve, Target::of(input.business_id))?;
    let note = paragraph("note", &input.note, REASON_MAX)?;
    let _turn = Authority::of(cx).await?;
    let store = cx.store();
    let people = voters(store, input.business_id).await?;
    let needed = needed(store, input.business_id).await?;
    let change = permit.begin().await?;
    let now = store.now().trunc_subsecs(0);
    // First: whoever stops or lets go on at the same time waits here, and what is read after it stays true.
    let seq = next_seq(&change, now).await?;
    let stopped = last(&*change, input.business_id).await?.filter(|row| row.is_stopped);
    let stopped = stopped.ok_or_else(|| Error::conflict(None, "Nothing is stopped here."))?;
    if stopped.seq.unsigned_abs() != input.seq {
        return Err(Error::conflict(Some("seq"), "It was stopped again since. Look at it, and decide anew."));
    }
    vote(cx, &change, &stopped, note.clone(), now).await?;
    let notes = counted(store, &change, &stopped, &people).await?;
    let is_enough = notes.len() >= usize::try_from(needed).unwrap_or(usize::MAX);
    let record = if is_enough {
        let order = StopOrder {
            seq: seq.unsigned_abs(),
            business_id: input.business_id,
            is_stopped: false,
            decided_at: now,
            approvals: notes,
        };
        insert(cx, &change, seq, order, note.as_deref().unwrap_or_default()).await?;
        Record::new("emergency_stop.rearm", format!("Let strong commands go on {place}"))
    } else {
        let count = notes.len();
        let summary = format!("Agreed that strong commands may go on {place}: {count} of {needed}");
        Record::new("emergency_stop.agree", summary)
    };
    permit.commit(change, record.after(serde_json::json!({ "stop_seq": stopped.seq, "note": note }))).await?;
    if is_enough {
        tell(store, input.business_id).await;
    } else {
        store.publish(PortalEvent::EmergencyStop { business_id: input.business_id });
    }
    view(cx, input.business_id).await
}

/// Where, in words.
async fn place(cx: &Cx, id: Option<BusinessId>) -> Result<String> {
    Ok(match id {
        Some(id) => format!("at {}", business::find(cx, id).await?.business_name),
        None => "at every business".to_owned(),
    })
}

/// How many people have to agree.
pub(super) async fn needed(store: &Store, id: Option<BusinessId>) -> Result<u32> {
    let policy = match id {
        Some(id) => approval_policy::in_force(store.db(), id).await?,
        None => approval_policy::of_msp(store.db()).await?,
    };
    Ok(policy.rearm_approvals.max(1))
}

/// The number of a decision: rises, also past what was decided before a backup was restored, because devices obey only
/// what is newer than what they have.
async fn next_seq(change: &Change, now: DateTime<Utc>) -> Result<i64> {
    let sql = "UPDATE counters SET value = CASE WHEN value + 1 > ? THEN value + 1 ELSE ? END WHERE name = \
               'stop_seq' RETURNING value";
    let at = now.timestamp_millis();
    let statement = statement(change.get_database_backend(), sql, [at.into(), at.into()]);
    let row = change.query_one_raw(statement).await?;
    let row = row.ok_or_else(|| Error::Internal("the counter of stops is missing".to_owned()))?;
    Ok(row.try_get("", "value")?)
}

async fn insert(cx: &Cx, change: &Change, seq: i64, order: StopOrder, reason: &str) -> Result<()> {
    let envelope = cx.store().signer().seal_stop(&order)?;
    let row = stop_table::Model {
        seq,
        business_id: order.business_id,
        is_stopped: order.is_stopped,
        envelope: serde_json::to_string(&envelope).map_err(|error| Error::Internal(error.to_string()))?,
        decided_by: cx.me().id,
        reason: reason.to_owned(),
        decided_at: order.decided_at,
    };
    stop_table::Entity::insert(stop_table::ActiveModel::from(row)).exec_without_returning(&**change).await?;
    Ok(())
}

async fn vote(
    cx: &Confirmed<'_>,
    change: &Change,
    stopped: &stop_table::Model,
    note: Option<String>,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut row = emergency_rearm::Model {
        id: ApprovalId::generate(),
        stop_seq: stopped.seq,
        business_id: stopped.business_id,
        user_id: cx.me().id,
        user_name: cx.me().full_name.clone(),
        note,
        approved_at: now,
        proof: String::new(),
    };
    row.proof = cx.store().seal().close(&proof_place(&row), proof_content(&row).as_bytes())?;
    emergency_rearm::Entity::insert(emergency_rearm::ActiveModel::from(row))
        .exec_without_returning(&**change)
        .await
        .map_err(crate::error::on_duplicate("seq", "You have agreed already; others have to."))?;
    Ok(())
}

fn proof_place(row: &emergency_rearm::Model) -> String {
    format!("emergency rearm {} {}", row.stop_seq, row.user_id)
}

fn proof_content(row: &emergency_rearm::Model) -> String {
    row.id.to_string()
}

/// Did this server write it, for somebody who may still decide?
pub(super) fn counts(store: &Store, row: &emergency_rearm::Model, people: &[Voter]) -> bool {
    people.iter().any(|one| one.id == row.user_id)
        && store
            .seal()
            .open(&proof_place(row), &row.proof)
            .is_ok_and(|is| is == proof_content(row).as_bytes())
}

/// Who agreed, as it counts now.
async fn counted(
    store: &Store,
    change: &Change,
    stopped: &stop_table::Model,
    people: &[Voter],
) -> Result<Vec<ApprovalNote>> {
    let whose = stopped.business_id.map_or_else(|| "every business".to_owned(), |id| id.to_string());
    let digest = seal::sha256(format!("reeve.rearm.v1\n{whose}\n{}\n", stopped.seq).as_bytes());
    let rows = Reach::everything()
        .select::<emergency_rearm::Entity>()
        .filter(emergency_rearm::Column::StopSeq.eq(stopped.seq))
        .order_by_asc(emergency_rearm::Column::ApprovedAt)
        .all(&**change)
        .await?;
    let rows = rows.into_iter().filter(|row| counts(store, row, people));
    Ok(rows
        .map(|row| ApprovalNote {
            user_id: row.user_id,
            user_name: row.user_name,
            approved_at: row.approved_at,
            request_sha256: digest.clone(),
            signature: None,
        })
        .collect())
}

/// Tells devices and open pages. A device that does not hear it learns of it when it says hello.
async fn tell(store: &Store, business: Option<BusinessId>) {
    store.publish(PortalEvent::EmergencyStop { business_id: business });
    let mut select = Reach::everything().select::<device::Entity>();
    if let Some(business) = business {
        select = select.filter(device::Column::BusinessId.eq(business));
    }
    let found = select.select_only().column(device::Column::Id).into_tuple().all(store.db()).await;
    match found {
        Ok(devices) => store.wake(&devices),
        Err(error) => tracing::warn!(%error, "devices were not woken for a stop; they look by themselves"),
    }
}
