//! What people do about an alert.

use super::list::{find, get};
use crate::{Cx, Error, Result, access::Target, audit::Record, device, suggestion};
use entity::{
    alert::{AlertEvent, AlertState, AlertView, NOTES_MAX, ResolveInput},
    id::AlertId,
    policy::Action,
    portal_event::PortalEvent,
    problem::Problem,
    table::alert,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, UpdateMany, sea_query::Expr};

/// Takes an alert on.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role, conflict when it is over or somebody has it already.
pub async fn acknowledge(cx: &Cx, id: AlertId) -> Result<AlertView> {
    let (who, now) = (cx.me().id, cx.store().now());
    let fill = |update: UpdateMany<alert::Entity>| {
        update
            .col_expr(alert::Column::AcknowledgedBy, Expr::value(who))
            .col_expr(alert::Column::AcknowledgedAt, Expr::value(now))
    };
    step(cx, id, AlertEvent::Acknowledge, "alert.acknowledge", "Took on the alert", fill).await
}

/// Says that an alert is over, and what it was.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role, conflict when it is over already; invalid names the field.
pub async fn resolve(cx: &Cx, id: AlertId, input: ResolveInput) -> Result<AlertView> {
    let notes = input.notes.trim();
    if notes.chars().count() > NOTES_MAX {
        return Err(Problem::invalid("notes", format!("At most {NOTES_MAX} characters.")).into());
    }
    if notes.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t')) {
        return Err(Problem::invalid("notes", "Control characters are not accepted.").into());
    }
    let notes = (!notes.is_empty()).then(|| notes.to_owned());
    let (who, now) = (cx.me().id, cx.store().now());
    let fill = |update: UpdateMany<alert::Entity>| {
        update
            .col_expr(alert::Column::ResolvedBy, Expr::value(who))
            .col_expr(alert::Column::ResolvedAt, Expr::value(now))
            .col_expr(alert::Column::ResolutionNotes, Expr::value(notes))
    };
    step(cx, id, AlertEvent::Resolve, "alert.resolve", "Resolved the alert", fill).await
}

async fn step(
    cx: &Cx,
    id: AlertId,
    event: AlertEvent,
    action: &'static str,
    words: &str,
    fill: impl FnOnce(UpdateMany<alert::Entity>) -> UpdateMany<alert::Entity>,
) -> Result<AlertView> {
    let before = find(cx, id).await?;
    let device = device::find(cx, before.device_id).await?;
    let permit = cx.permit(Action::HandleAlert, Target::device(&device))?;
    let refused = |state: AlertState| {
        let words = match state {
            AlertState::Acknowledged => "Somebody has taken this alert on already.",
            _ => "This alert is over already.",
        };
        Error::conflict(None, words)
    };
    let next = before.state.on(event).ok_or_else(|| refused(before.state))?;
    let change = permit.begin().await?;
    let update = alert::Entity::update_many()
        .col_expr(alert::Column::State, Expr::value(next))
        .filter(alert::Column::Id.eq(id))
        .filter(alert::Column::State.eq(before.state));
    let moved = fill(update).exec(&*change).await?;
    if moved.rows_affected != 1 {
        return Err(Error::conflict(None, "Somebody else has just done something about this alert."));
    }
    let outdated = if next.is_open() { 0 } else { suggestion::outdate(&change, [id]).await? };
    let summary = format!("{words} “{}” of {}", before.alert_message, device.device_name);
    let record = Record::new(action, summary).device(device.id);
    let record = record.before(before.state.word()).after(next.word());
    permit.commit(change, record).await?;
    let (business_id, device_id) = (before.business_id, before.device_id);
    if !next.is_open() {
        cx.store().telemetry().alerts("ended", 1);
        cx.store().telemetry().suggestions("outdated", outdated);
    }
    cx.store().publish(PortalEvent::Alert { business_id, device_id, alert_id: id });
    get(cx, id).await
}
