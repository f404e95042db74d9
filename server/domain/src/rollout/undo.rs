//! Undoing a rollout: a newer release of the older programs, stamped anew, goes to the devices that got what is undone, with
//! few waves and much room. Devices never go to a lower sequence.

use super::{
    change::{check, insert, published},
    row::{self, Rollout},
    step::{record, turn},
    supersede::end_grants,
    timed::begin,
};
use crate::{Confirmed, Error, Result, access::Target, release};
use chrono::{DateTime, Utc};
use entity::{
    agent_release::ReleaseState,
    id::{RolloutId, UserId},
    input::{NAME_MAX, fold, paragraph},
    policy::Action,
    problem::Problem,
    rollout::{NOTE_MAX, RollBackInput, RolloutEvent, RolloutState, RolloutView},
    table::{release as release_table, rollout, rollout_wave},
};
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _};

/// Devices that may be about it at once, at least.
const IN_FLIGHT: i64 = 500;
/// Devices of one platform before the first of them has it.
const FIRST_IN_FLIGHT: i64 = 50;
/// Each wave by its percent, and how long it has to last, in seconds.
const WAVES: [(i64, i64); 2] = [(10, 300), (100, 0)];
/// Devices are spread over so long at most, in seconds.
const SPREAD_SECONDS: i64 = 60;

/// Undoes a rollout with a newer release, at once. Answers the rollout that does it.
///
/// # Errors
/// Not found, forbidden by role; invalid names the field; conflict when there is nothing to undo.
pub async fn roll_back(cx: &Confirmed<'_>, id: RolloutId, input: RollBackInput) -> Result<RolloutView> {
    check(cx)?;
    let permit = cx.permit(Action::ManageRollout, Target::Msp)?;
    let missing = || Problem::invalid("reason", "Say why, for those who look at this later.");
    let reason = paragraph("reason", &input.reason, NOTE_MAX)?.ok_or_else(missing)?;
    let store = cx.store();
    let none = |_| Error::from(Problem::invalid("release_id", "There is no such release."));
    let release = release::find(store.db(), input.release_id).await.map_err(none)?;
    if release.state != ReleaseState::Available {
        return Err(Problem::invalid("release_id", "It is not complete, or was withdrawn.").into());
    }
    let change = store.begin().await?;
    let mut undone = row::take(&change, id).await?;
    if release.seq <= undone.row.seq {
        let detail = "Devices never go to a lower sequence: sign the older programs, stamped anew, as a newer release.";
        return Err(Problem::invalid("release_id", detail).into());
    }
    if is_being_undone(&*change, id).await? {
        let detail = "Another rollout undoes it already; take that one back first, or undo that one.";
        return Err(Error::conflict(None, detail));
    }
    turn(&change, &mut undone, RolloutEvent::RollBack, Some(cx.me().id), Some(reason.clone())).await?;
    end_grants(&change, &mut undone, "The rollout is being undone.").await?;
    let mut undoing = undoing(&undone, &release, cx.me().id, reason, change.now())?;
    insert(&change, &undoing).await?;
    begin(&change, &mut undoing, Some(cx.me().id)).await?;
    permit.also(&change, record(&undoing, "rollout.start", "Started")).await?;
    permit.commit(change, record(&undone, "rollout.roll_back", "Began to undo")).await?;
    published(cx, id).await?;
    published(cx, undoing.id()).await
}

/// Does a rollout that is not over yet undo this one?
pub(super) async fn is_being_undone(db: &impl ConnectionTrait, id: RolloutId) -> Result<bool> {
    let over = [RolloutState::RolledBack, RolloutState::Cancelled, RolloutState::Superseded];
    let found = rollout::Entity::find()
        .filter(rollout::Column::Undoes.eq(id))
        .filter(rollout::Column::State.is_not_in(over))
        .one(db)
        .await?;
    Ok(found.is_some())
}

/// The rollout that undoes another one.
fn undoing(
    undone: &Rollout,
    release: &release_table::Model,
    by: UserId,
    reason: String,
    now: DateTime<Utc>,
) -> Result<Rollout> {
    let id = RolloutId::generate();
    let name: String = format!("Undo {}", undone.row.name).chars().take(NAME_MAX).collect();
    let waves = (1..).zip(WAVES).map(|(number, (percent, soak_seconds))| rollout_wave::Model {
        rollout_id: id,
        number,
        percent: Some(percent),
        devices: "[]".to_owned(),
        soak_seconds,
        min_successes: 1,
        success_percent: 95,
        opened_at: None,
        last_grant_at: None,
        soaks_since: None,
        passed_at: None,
    });
    let row = rollout::Model {
        id,
        name_key: fold(&name),
        salt: format!("{} {name}", release.id),
        name,
        state: RolloutState::Scheduled,
        revision: 0,
        reason: None,
        release_id: release.id,
        seq: release.seq,
        max_in_flight: undone.row.max_in_flight.max(IN_FLIGHT),
        first_in_flight: FIRST_IN_FLIGHT,
        in_flight: 0,
        spread_seconds: undone.row.spread_seconds.min(SPREAD_SECONDS),
        note: reason,
        start_at: None,
        wave: 0,
        waves: 2,
        is_approval_needed: false,
        undoes: Some(undone.id()),
        created_by: by,
        created_at: now,
        approved_by: None,
        approved_at: None,
        started_by: None,
        started_at: None,
        counted_from: None,
        halted_at: None,
        changed_by: Some(by),
        changed_at: now,
        ended_at: None,
        ..undone.row.clone()
    };
    Rollout::new(row, waves.collect())
}
