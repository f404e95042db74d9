//! Moving one update of a device, and a rollout as a whole: compare and set, the number of those that are about it, and the
//! audit entry, all in the change that holds the rollout.

use super::{SYSTEM, row::Rollout};
use crate::{
    Error, Result,
    audit::{Actor, Record},
    store::Change,
};
use chrono::{DateTime, Utc};
use entity::{
    id::UserId,
    rollout::RolloutEvent,
    table::{rollout, rollout_device as update},
    update::{UpdateEvent, UpdateState},
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, ExprTrait as _, QueryFilter as _, UpdateMany, sea_query::Expr,
};

/// Moves the update of a device, whose rollout is held. None when its state refuses the event.
pub(super) async fn step(
    change: &Change,
    rollout: &mut Rollout,
    row: &update::Model,
    event: UpdateEvent,
    detail: &str,
    fill: impl FnOnce(UpdateMany<update::Entity>) -> UpdateMany<update::Entity>,
) -> Result<Option<UpdateState>> {
    let Some(next) = row.state.on(event) else { return Ok(None) };
    let now = change.now();
    let ended_at = next.is_terminal().then_some(now);
    let moved = update::Entity::update_many()
        .col_expr(update::Column::State, Expr::value(next))
        .col_expr(update::Column::ChangedAt, Expr::value(now))
        .col_expr(update::Column::EndedAt, Expr::value(ended_at))
        .col_expr(update::Column::Detail, Expr::value(detail))
        .filter(update::Column::Id.eq(row.id))
        .filter(update::Column::State.eq(row.state));
    if fill(moved).exec(&**change).await?.rows_affected != 1 {
        return Ok(None);
    }
    match (row.state.is_in_flight(), next.is_in_flight()) {
        (true, false) => in_flight(change, rollout, -1).await?,
        (false, true) => in_flight(change, rollout, 1).await?,
        _ => {}
    }
    if next.is_terminal() || next == UpdateState::Switched {
        // The business reads it in its own log: what the MSP calls the rollout may name other customers.
        let words = format!("Update of the agent: {} {}", next.label().to_lowercase(), detail);
        let record = Record::new(action(next), words.trim_end())
            .device(row.device_id)
            .before(row.state)
            .after(serde_json::json!({ "update_id": row.id, "rollout_id": rollout.id(), "seq": row.seq }));
        change.note(&Actor::system(SYSTEM), Some(row.business_id), record).await?;
    }
    Ok(Some(next))
}

/// The word of the audit log.
const fn action(state: UpdateState) -> &'static str {
    match state {
        UpdateState::Waiting => "update.wait",
        UpdateState::Offered => "update.offer",
        UpdateState::Accepted => "update.accept",
        UpdateState::Downloading => "update.download",
        UpdateState::Staged => "update.stage",
        UpdateState::Switched => "update.go",
        UpdateState::Confirmed => "update.confirm",
        UpdateState::FailedPre => "update.fail",
        UpdateState::RolledBack => "update.roll_back",
        UpdateState::Lost => "update.lose",
        UpdateState::Expired => "update.expire",
        UpdateState::Skipped => "update.skip",
    }
}

/// Counts one more or one less that is about it.
async fn in_flight(change: &Change, rollout: &mut Rollout, by: i64) -> Result<()> {
    rollout::Entity::update_many()
        .col_expr(rollout::Column::InFlight, Expr::col(rollout::Column::InFlight).add(by))
        .filter(rollout::Column::Id.eq(rollout.id()))
        .exec(&**change)
        .await?;
    rollout.row.in_flight += by;
    Ok(())
}

/// Moves a rollout that is held.
///
/// # Errors
/// Conflict when its state refuses the event.
pub(super) async fn turn(
    change: &Change,
    rollout: &mut Rollout,
    event: RolloutEvent,
    by: Option<UserId>,
    reason: Option<String>,
) -> Result<()> {
    use rollout::Column as C;
    let before = rollout.row.state;
    let next = before.on(event).ok_or_else(|| {
        Error::conflict(
            None,
            format!("This rollout is {}; that is not possible now.", before.label().to_lowercase()),
        )
    })?;
    let now = change.now();
    let is_end = next.is_over() || event == RolloutEvent::Complete;
    let ended_at: Option<DateTime<Utc>> = if is_end { rollout.row.ended_at.or(Some(now)) } else { None };
    let halted_at = match event {
        RolloutEvent::Halt => Some(now),
        RolloutEvent::Resume => None,
        _ => rollout.row.halted_at,
    };
    rollout::Entity::update_many()
        .col_expr(C::State, Expr::value(next))
        .col_expr(C::Reason, Expr::value(reason.clone()))
        .col_expr(C::ChangedBy, Expr::value(by))
        .col_expr(C::ChangedAt, Expr::value(now))
        .col_expr(C::EndedAt, Expr::value(ended_at))
        .col_expr(C::HaltedAt, Expr::value(halted_at))
        .filter(C::Id.eq(rollout.id()))
        .filter(C::State.eq(before))
        .exec(&**change)
        .await?;
    let row = &mut rollout.row;
    (row.state, row.reason, row.changed_by, row.changed_at, row.ended_at) = (next, reason, by, now, ended_at);
    row.halted_at = halted_at;
    Ok(())
}

/// The audit entry of a rollout that moved.
pub(super) fn record(rollout: &Rollout, action: &'static str, what: &str) -> Record {
    let after = serde_json::json!({
        "rollout_id": rollout.id(),
        "release_id": rollout.row.release_id,
        "state": rollout.row.state,
        "reason": rollout.row.reason,
        "wave": rollout.row.wave,
    });
    Record::new(action, format!("{what} the rollout {}", rollout.row.name)).after(after)
}
