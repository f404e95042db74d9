//! A person changes what is said of a release, or takes it back.

use super::{get, hand::Hand};
use crate::{Confirmed, Result, audit::Record, rollout, store::Change};
use entity::{
    agent_release::{NOTES_MAX, ReleaseChange, ReleaseDetail, ReleaseEvent},
    command::REASON_MAX,
    id::ReleaseId,
    input::paragraph,
    problem::Problem,
    table::release,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};
use serde_json::json;

/// Writes other notes, or takes a release back: from then on nobody is offered it, and rollouts of it end.
///
/// # Errors
/// Not found; forbidden by role; invalid names the field; conflict when it was taken back already.
pub async fn change(cx: &Confirmed<'_>, id: ReleaseId, input: ReleaseChange) -> Result<ReleaseDetail> {
    let hand = Hand::of(cx)?;
    let notes = input.notes.as_deref().map(|text| paragraph("notes", text, NOTES_MAX)).transpose()?;
    let missing = || Problem::invalid("withdraw_reason", "Say why, for those who look at this later.");
    let reason = match input.withdraw_reason.as_deref() {
        Some(text) => Some(paragraph("withdraw_reason", text, REASON_MAX)?.ok_or_else(missing)?),
        None => None,
    };
    if notes.is_none() && reason.is_none() {
        return get(cx, id).await;
    }
    // Both or neither.
    let change = hand.begin().await?;
    let row = super::find(&*change, id).await?;
    let mut records = Vec::new();
    if let Some(notes) = notes.map(Option::unwrap_or_default) {
        records.push(write_notes(&change, &row, &notes).await?);
    }
    if let Some(reason) = reason {
        records.push(withdraw(cx, &change, &row, &reason).await?);
    }
    if let Some(last) = records.pop() {
        for record in records {
            hand.note(&change, record).await?;
        }
        hand.commit(change, last).await?;
    }
    get(cx, id).await
}

async fn write_notes(change: &Change, row: &release::Model, notes: &str) -> Result<Record> {
    release::Entity::update_many()
        .col_expr(release::Column::Notes, Expr::value(notes))
        .filter(release::Column::Id.eq(row.id))
        .exec(&**change)
        .await?;
    Ok(Record::new("release.change", format!("Changed the notes of {}", row.version))
        .before(json!({ "notes": row.notes }))
        .after(json!({ "notes": notes })))
}

async fn withdraw(cx: &Confirmed<'_>, change: &Change, row: &release::Model, reason: &str) -> Result<Record> {
    let next = row.state.on(ReleaseEvent::Withdraw).ok_or_else(super::bring::withdrawn)?;
    release::Entity::update_many()
        .col_expr(release::Column::State, Expr::value(next))
        .col_expr(release::Column::WithdrawnAt, Expr::value(change.now()))
        .col_expr(release::Column::WithdrawnBy, Expr::value(cx.me().id))
        .col_expr(release::Column::WithdrawnReason, Expr::value(reason))
        .filter(release::Column::Id.eq(row.id))
        .exec(&**change)
        .await?;
    rollout::release_withdrawn(change, row.id).await?;
    Ok(Record::new("release.withdraw", format!("Withdrew the release {}", row.version))
        .before(json!({ "state": row.state }))
        .after(json!({ "state": next, "reason": reason })))
}
