//! A person changes what is said of a release, or takes it back.

use super::{get, hand::Hand};
use crate::{Confirmed, Result, audit::Record, rollout};
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
    let row = super::find(cx.store().db(), id).await?;
    if let Some(text) = &input.notes {
        let notes = paragraph("notes", text, NOTES_MAX)?.unwrap_or_default();
        let change = hand.begin().await?;
        release::Entity::update_many()
            .col_expr(release::Column::Notes, Expr::value(notes.as_str()))
            .filter(release::Column::Id.eq(id))
            .exec(&*change)
            .await?;
        let record = Record::new("release.change", format!("Changed the notes of {}", row.version))
            .before(json!({ "notes": row.notes }))
            .after(json!({ "notes": notes }));
        hand.commit(change, record).await?;
    }
    if let Some(text) = &input.withdraw_reason {
        let missing = || Problem::invalid("withdraw_reason", "Say why, for those who look at this later.");
        let reason = paragraph("withdraw_reason", text, REASON_MAX)?.ok_or_else(missing)?;
        withdraw(cx, &hand, id, &reason).await?;
    }
    get(cx, id).await
}

async fn withdraw(cx: &Confirmed<'_>, hand: &Hand<'_>, id: ReleaseId, reason: &str) -> Result<()> {
    let change = hand.begin().await?;
    let row = super::find(&*change, id).await?;
    let next = row.state.on(ReleaseEvent::Withdraw).ok_or_else(super::bring::withdrawn)?;
    release::Entity::update_many()
        .col_expr(release::Column::State, Expr::value(next))
        .col_expr(release::Column::WithdrawnAt, Expr::value(change.now()))
        .col_expr(release::Column::WithdrawnBy, Expr::value(cx.me().id))
        .col_expr(release::Column::WithdrawnReason, Expr::value(reason))
        .filter(release::Column::Id.eq(id))
        .exec(&*change)
        .await?;
    rollout::release_withdrawn(&change, id).await?;
    let record = Record::new("release.withdraw", format!("Withdrew the release {}", row.version))
        .before(json!({ "state": row.state }))
        .after(json!({ "state": next, "reason": reason }));
    hand.commit(change, record).await
}
