//! What a device says of an update. What it runs counts for more than what it says: a build that is not the one of the
//! release is not it, whatever is claimed.

use super::{
    LEASE, SILENCE,
    advance::advance,
    row::{self, Rollout},
    seen::{is_it, note_running},
    step::step,
};
use crate::{
    AgentCx, Result,
    store::{Change, Reach},
};
use entity::{
    input::clip,
    portal_event::PortalEvent,
    release::Reason,
    table::rollout_device as update,
    update::{LOG_LINE_MAX, LOG_LINES_MAX, UpdateEvent, UpdateState, UpdateStatus, UpdateStatusAck},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, UpdateMany, sea_query::Expr};

/// Longest words about an update, in characters.
const DETAIL_MAX: usize = 1_000;

/// Takes a report. Late, repeated and foreign ones are acknowledged and change nothing.
///
/// # Errors
/// When the database fails; the device says it again.
pub async fn report(cx: &AgentCx, status: UpdateStatus) -> Result<UpdateStatusAck> {
    let ack = UpdateStatusAck { update_id: status.update_id, step: status.step };
    note_running(cx, &status.running).await?;
    let Some(known) = super::offer::find(cx, status.update_id).await? else { return Ok(ack) };
    if i64::from(status.step) <= known.step {
        return Ok(ack);
    }
    let store = cx.store();
    let change = store.begin().await?;
    let mut rollout = row::take(&change, known.rollout_id).await?;
    let row = Reach::everything()
        .select::<update::Entity>()
        .filter(update::Column::Id.eq(known.id))
        .one(&*change)
        .await?;
    let Some(row) = row.filter(|row| row.step < i64::from(status.step)) else { return Ok(ack) };
    let moved = write(&change, &mut rollout, &row, &status).await?;
    advance(&change, &mut rollout).await?;
    change.commit_unattended().await?;
    if let Some(state) = moved {
        store.telemetry().update(state);
    }
    store.publish(PortalEvent::Rollout { rollout_id: rollout.id() });
    Ok(ack)
}

async fn write(
    change: &Change,
    rollout: &mut Rollout,
    row: &update::Model,
    status: &UpdateStatus,
) -> Result<Option<UpdateState>> {
    let detail = clip(&status.detail, DETAIL_MAX);
    let is_it = is_it(row, &status.running);
    let (event, detail) = match status.state {
        UpdateState::Accepted => (Some(UpdateEvent::Accept), detail),
        UpdateState::Downloading => (Some(UpdateEvent::Download), detail),
        UpdateState::Staged => (Some(UpdateEvent::Stage), detail),
        UpdateState::Switched => (Some(UpdateEvent::Switch), detail),
        UpdateState::Confirmed if is_it => (Some(UpdateEvent::Confirm), detail),
        UpdateState::Confirmed => {
            let detail = format!("It says that it stays, and runs {}.", clip(&status.running.version, 60));
            (Some(UpdateEvent::RollBack), detail)
        }
        // Held back by the server is no failure of the device.
        UpdateState::FailedPre if matches!(status.reason, Some(Reason::NoGo | Reason::Superseded)) => {
            (Some(UpdateEvent::Expire), detail)
        }
        UpdateState::FailedPre => (Some(UpdateEvent::Fail), detail),
        UpdateState::RolledBack => (Some(UpdateEvent::RollBack), detail),
        UpdateState::Waiting
        | UpdateState::Offered
        | UpdateState::Lost
        | UpdateState::Expired
        | UpdateState::Skipped => (None, detail),
    };
    let told = facts(status, change.now())?;
    // What the rollout held back was no try of the device.
    let is_held = event == Some(UpdateEvent::Expire) && !rollout.row.state.is_open();
    let attempts = row.attempts - i64::from(is_held);
    let fill = |moved: UpdateMany<update::Entity>| {
        told(moved).col_expr(update::Column::Attempts, Expr::value(attempts))
    };
    let moved = match event {
        Some(event) => step(change, rollout, row, event, &detail, fill).await?,
        None => None,
    };
    if moved.is_none() {
        told(update::Entity::update_many()).filter(update::Column::Id.eq(row.id)).exec(&**change).await?;
    }
    Ok(moved)
}

/// What a report says beside the state; a device that says something keeps its place.
fn facts(
    status: &UpdateStatus,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<impl Fn(UpdateMany<update::Entity>) -> UpdateMany<update::Entity>> {
    use update::Column as C;
    let lines: Vec<String> =
        status.log_lines.iter().take(LOG_LINES_MAX).map(|line| clip(line, LOG_LINE_MAX)).collect();
    let lines = serde_json::to_string(&lines).map_err(|error| crate::Error::Internal(error.to_string()))?;
    let is_switched = status.state == UpdateState::Switched;
    let (step, reason, gap) = (i64::from(status.step), status.reason, status.gap_ms.map(count));
    let downloaded = status.downloaded_bytes.map(count);
    Ok(move |update: UpdateMany<update::Entity>| {
        let mut update = update
            .col_expr(C::Step, Expr::value(step))
            .col_expr(C::Reason, Expr::value(reason))
            .col_expr(C::LeaseExpiresAt, Expr::value(now + LEASE))
            .col_expr(C::LogLines, Expr::value(lines.clone()));
        if let Some(bytes) = downloaded {
            update = update.col_expr(C::DownloadedBytes, Expr::value(bytes));
        }
        if let Some(gap) = gap {
            update = update.col_expr(C::GapMs, Expr::value(gap));
        }
        if is_switched {
            update = update.col_expr(C::SwitchedAt, Expr::value(now));
        }
        update
    })
}

fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Has a device had the time to say that it changed over?
pub(super) fn is_settled(row: &update::Model, now: chrono::DateTime<chrono::Utc>) -> bool {
    row.switched_at.is_none_or(|at| at + SILENCE <= now)
}
