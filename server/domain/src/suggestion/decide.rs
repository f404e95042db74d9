//! What becomes of a suggestion: somebody takes or dismisses it, or its alert is over.

use super::list::{find, get, payload_of};
use crate::{Cx, Error, Result, access::Target, audit::Record, command, device, store::Change};
use chrono::{DateTime, Utc};
use entity::{
    command::{CommandDetail, CommandInput},
    id::{AlertId, CommandRequestId, SuggestionId, UserId},
    policy::Action,
    portal_event::PortalEvent,
    suggestion::{DismissInput, SuggestionEvent, SuggestionState, SuggestionView},
    table::suggestion,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, UpdateMany, sea_query::Expr};

/// Asks for what was suggested: the same request as if they had written it themselves, with the same locks before it.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role, conflict when it is not open any more or the device's access was
/// revoked.
pub async fn take(cx: &Cx, id: SuggestionId) -> Result<CommandDetail> {
    let row = find(cx, id).await?;
    let device = device::find(cx, row.device_id).await?;
    cx.permit(Action::RequestCommand, Target::device(&device))?;
    next(&row, SuggestionEvent::Take)?;
    let input = CommandInput {
        payload: payload_of(&row)?,
        timeout_seconds: None,
        deliver_within_seconds: None,
        on_offline: None,
        priority: None,
        reason: Some(row.why.clone()),
    };
    let made = command::create_suggested(cx, device, input, id).await?;
    told(cx, &row, SuggestionState::Taken);
    Ok(made)
}

/// Says that it is not wanted, and perhaps why.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role, conflict when it is not open any more; invalid names the field.
pub async fn dismiss(cx: &Cx, id: SuggestionId, input: DismissInput) -> Result<SuggestionView> {
    let row = find(cx, id).await?;
    let device = device::find(cx, row.device_id).await?;
    let permit = cx.permit(Action::HandleAlert, Target::device(&device))?;
    let note = input.checked()?;
    let state = next(&row, SuggestionEvent::Dismiss)?;
    let change = permit.begin().await?;
    let by = Some(cx.me().id);
    let update = moves(state, change.now())
        .col_expr(suggestion::Column::DecidedBy, Expr::value(by))
        .col_expr(suggestion::Column::Note, Expr::value(note.clone()))
        .filter(suggestion::Column::Id.eq(id));
    if update.exec(&*change).await?.rows_affected != 1 {
        return Err(moved_on());
    }
    let summary = format!("Dismissed a suggestion for {}", device.device_name);
    let after = serde_json::json!({ "suggestion_id": id, "kind": row.kind, "note": note });
    let record = Record::new("suggestion.dismiss", summary).device(device.id).before(row.state.word());
    permit.commit(change, record.after(after)).await?;
    told(cx, &row, state);
    get(cx, id).await
}

fn next(row: &suggestion::Model, event: SuggestionEvent) -> Result<SuggestionState> {
    row.state.on(event).ok_or_else(|| {
        let words = match row.state {
            SuggestionState::Taken => "Somebody has asked for this already.",
            SuggestionState::Dismissed => "Somebody has dismissed this already.",
            SuggestionState::AskedByItself => "The server has asked for this by itself already.",
            SuggestionState::Outdated | SuggestionState::Open => {
                "Its alert is over; it is not needed any more."
            }
        };
        Error::conflict(None, words)
    })
}

fn moved_on() -> Error {
    Error::conflict(None, "This suggestion has just been settled. Look at it again.")
}

/// What is open comes into a state.
fn moves(state: SuggestionState, now: DateTime<Utc>) -> UpdateMany<suggestion::Entity> {
    suggestion::Entity::update_many()
        .col_expr(suggestion::Column::State, Expr::value(state))
        .col_expr(suggestion::Column::DecidedAt, Expr::value(now))
        .filter(suggestion::Column::State.eq(SuggestionState::Open))
}

/// Somebody takes it with the request that is made in this change.
pub(crate) async fn settle_taken(
    change: &Change,
    id: SuggestionId,
    request: CommandRequestId,
    by: UserId,
) -> Result<()> {
    let update = moves(SuggestionState::Taken, change.now())
        .col_expr(suggestion::Column::RequestId, Expr::value(Some(request)))
        .col_expr(suggestion::Column::DecidedBy, Expr::value(Some(by)))
        .filter(suggestion::Column::Id.eq(id));
    if update.exec(&**change).await?.rows_affected == 1 { Ok(()) } else { Err(moved_on()) }
}

/// Their alerts are over in this change: what waited because of them is needed no more. Says how many.
pub(crate) async fn outdate(change: &Change, alerts: impl IntoIterator<Item = AlertId>) -> Result<u64> {
    let update =
        moves(SuggestionState::Outdated, change.now()).filter(suggestion::Column::AlertId.is_in(alerts));
    Ok(update.exec(&**change).await?.rows_affected)
}

/// Counts it, and tells open pages.
fn told(cx: &Cx, row: &suggestion::Model, state: SuggestionState) {
    cx.store().telemetry().suggestions(state.word(), 1);
    let suggestion::Model { business_id, device_id, alert_id, .. } = *row;
    cx.store().publish(PortalEvent::Alert { business_id, device_id, alert_id });
}
