//! What happens to rollouts because time passed: they start, grants run out, devices are given up, soaks end, and devices are
//! told that something waits for them.

use super::{
    SILENCE, TRIAL,
    advance::{advance, open},
    hint,
    judge::goods,
    row::{self, Rollout},
    step::{record, step, turn},
    supersede::{self, supersede},
};
use crate::{
    Error, Result, Store,
    audit::Actor,
    release,
    store::{Change, Reach},
};
use entity::{
    agent_release::ReleaseState,
    device::DeviceState,
    id::{RolloutId, UserId},
    portal_event::PortalEvent,
    presence::Presence,
    problem::ProblemCode,
    rollout::{RolloutEvent, RolloutState},
    table::{device, rollout, rollout_device as update},
    update::{UpdateEvent, UpdateState},
};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, ExprTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
    sea_query::{Expr, Query, SelectStatement},
};
use std::collections::BTreeMap;

/// Updates of one run; the others are found by the next.
const AT_ONCE: u64 = 1_000;

/// Starts what is due, gives up what ran out or fell silent, brings every rollout to where it belongs and tells devices.
/// Says how many rollouts changed.
///
/// # Errors
/// When the database fails; the next run finds the same.
pub(crate) async fn pass(store: &Store) -> Result<u64> {
    let mut changed = 0;
    for id in due(store).await? {
        changed += counted(id, start_due(store, id).await);
    }
    let mut overdue = overdue(store).await?;
    for id in in_state(store, &[RolloutState::Running, RolloutState::Completed]).await? {
        overdue.entry(id).or_default();
    }
    for (id, rows) in overdue {
        changed += counted(id, look_after(store, id, rows).await);
    }
    hint::tell(store).await?;
    store
        .telemetry()
        .rollouts(in_state(store, &[RolloutState::Running]).await?.len(), in_flight(store).await?);
    Ok(changed)
}

/// One rollout that cannot be looked after keeps nobody from looking after the others: what halts them must not depend on it.
fn counted(id: RolloutId, done: Result<bool>) -> u64 {
    match done {
        Ok(is_changed) => u64::from(is_changed),
        Err(error) => {
            tracing::warn!(%error, rollout.id = %id, "a rollout was not looked after; the next run tries again");
            0
        }
    }
}

async fn in_state(store: &Store, states: &[RolloutState]) -> Result<Vec<RolloutId>> {
    Ok(rollout::Entity::find()
        .filter(rollout::Column::State.is_in(states.iter().copied()))
        .order_by_asc(rollout::Column::Id)
        .select_only()
        .column(rollout::Column::Id)
        .into_tuple()
        .all(store.db())
        .await?)
}

async fn in_flight(store: &Store) -> Result<u64> {
    let sum: Vec<i64> = rollout::Entity::find()
        .filter(rollout::Column::InFlight.gt(0))
        .select_only()
        .column(rollout::Column::InFlight)
        .into_tuple()
        .all(store.db())
        .await?;
    Ok(sum.iter().sum::<i64>().unsigned_abs())
}

/// Rollouts whose time has come.
async fn due(store: &Store) -> Result<Vec<RolloutId>> {
    Ok(rollout::Entity::find()
        .filter(rollout::Column::State.eq(RolloutState::Scheduled))
        .filter(rollout::Column::StartAt.lte(store.now()))
        .order_by_asc(rollout::Column::Id)
        .select_only()
        .column(rollout::Column::Id)
        .into_tuple()
        .all(store.db())
        .await?)
}

async fn start_due(store: &Store, id: RolloutId) -> Result<bool> {
    let change = store.begin().await?;
    let mut rollout = supersede::take(&change, id).await?;
    if rollout.row.state != RolloutState::Scheduled {
        return Ok(false);
    }
    if let Err(error) = begin(&change, &mut rollout, None).await {
        let code = error.problem().code;
        if !matches!(code, ProblemCode::Conflict | ProblemCode::Forbidden) {
            return Err(error);
        }
        // What keeps it from starting is for people to mend, and its page says what it is.
        tracing::debug!(%error, rollout.id = %id, "a rollout whose time has come does not start");
        return Ok(false);
    }
    change.note(&Actor::system(super::SYSTEM), None, record(&rollout, "rollout.start", "Started")).await?;
    change.commit_unattended().await?;
    store.publish(PortalEvent::Rollout { rollout_id: id });
    Ok(true)
}

/// Begins a rollout that is held: what it takes the place of ends, and the first wave opens.
///
/// # Errors
/// Conflict when its state or that of its release does not let it.
pub(super) async fn begin(change: &Change, rollout: &mut Rollout, by: Option<UserId>) -> Result<()> {
    use rollout::Column as C;
    let goods = goods(&**change, rollout).await?;
    if goods.release.state != ReleaseState::Available {
        return Err(Error::conflict(None, "Its release is not complete, or was withdrawn."));
    }
    if !release::is_good(&**change, &goods.release, change.now()).await? {
        let detail =
            "No device would take its release now: it has to be signed again, by a key of the root in force.";
        return Err(Error::conflict(None, detail));
    }
    if let Some(why) = halted_before(&**change, rollout, by.unwrap_or(rollout.row.created_by)).await? {
        return Err(Error::forbidden(why));
    }
    turn(change, rollout, RolloutEvent::Start, by, None).await?;
    let now = change.now();
    rollout::Entity::update_many()
        .col_expr(C::StartedBy, Expr::value(by))
        .col_expr(C::StartedAt, Expr::value(now))
        .col_expr(C::CountedFrom, Expr::value(now))
        .filter(C::Id.eq(rollout.id()))
        .exec(&**change)
        .await?;
    (rollout.row.started_by, rollout.row.started_at, rollout.row.counted_from) = (by, Some(now), Some(now));
    supersede(change, rollout, &goods).await?;
    open(change, rollout, &mut Some(goods)).await?;
    advance(change, rollout).await?;
    Ok(())
}

/// What keeps this person from starting it, in words. What was halted goes on because somebody else than who started it says
/// so, and another rollout of the same release is no way around that; somebody else's yes to that one, after the halt, is
/// such a word.
pub(super) async fn halted_before(
    db: &impl ConnectionTrait,
    rollout: &Rollout,
    by: UserId,
) -> Result<Option<String>> {
    // Whoever undoes hurries.
    if rollout.row.undoes.is_some() {
        return Ok(None);
    }
    let halted = rollout::Entity::find()
        .filter(rollout::Column::ReleaseId.eq(rollout.row.release_id))
        .filter(rollout::Column::Id.ne(rollout.id()))
        .filter(rollout::Column::HaltedAt.is_not_null())
        .order_by_asc(rollout::Column::Id)
        .all(db)
        .await?;
    let is_own = |row: &&rollout::Model| row.started_by.unwrap_or(row.created_by) == by;
    let has_yes = |row: &rollout::Model| {
        rollout.row.approved_by.is_some_and(|who| who != by) && rollout.row.approved_at > row.halted_at
    };
    Ok(halted.iter().filter(is_own).find(|row| !has_yes(row)).map(|row| {
        format!(
            "{} brought the same release and was halted: somebody else than who started it has to start this one.",
            row.name
        )
    }))
}

/// Grants that ran out, and devices that have been on trial for so long that they should have been heard of.
pub(super) async fn overdue(store: &Store) -> Result<BTreeMap<RolloutId, Vec<update::Model>>> {
    let before = [UpdateState::Offered, UpdateState::Accepted, UpdateState::Downloading, UpdateState::Staged];
    let now = store.now();
    let leases = Reach::everything()
        .select::<update::Entity>()
        .filter(update::Column::State.is_in(before))
        .filter(update::Column::LeaseExpiresAt.lte(now))
        .order_by_asc(update::Column::LeaseExpiresAt)
        .limit(AT_ONCE)
        .all(store.db())
        .await?;
    let trials = Reach::everything()
        .select::<update::Entity>()
        .filter(update::Column::State.eq(UpdateState::Switched))
        .filter(update::Column::SwitchedAt.lte(now - SILENCE))
        // Those that are there on trial stay out of the way of those that fell silent, and cost nothing.
        .filter(
            Condition::any()
                .add(update::Column::SwitchedAt.lte(now - TRIAL))
                .add(update::Column::DeviceId.in_subquery(suspects())),
        )
        .order_by_asc(update::Column::SwitchedAt)
        .limit(AT_ONCE)
        .all(store.db())
        .await?;
    let mut of: BTreeMap<RolloutId, Vec<update::Model>> = BTreeMap::new();
    for row in leases.into_iter().chain(trials) {
        of.entry(row.rollout_id).or_default().push(row);
    }
    Ok(of)
}

/// Devices that are not there, or run something else than the update brought.
fn suspects() -> SelectStatement {
    let runs = Expr::col((device::Entity, device::Column::RunningSha256));
    let brought = Expr::col((update::Entity, update::Column::ArtifactSha256));
    Query::select()
        .column((device::Entity, device::Column::Id))
        .from(device::Entity)
        .cond_where(
            Condition::any()
                .add(device::Column::State.ne(DeviceState::Active))
                .add(device::Column::Presence.ne(Presence::Online))
                .add(runs.ne(brought)),
        )
        .to_owned()
}

pub(super) async fn look_after(store: &Store, id: RolloutId, rows: Vec<update::Model>) -> Result<bool> {
    let change = store.begin().await?;
    let mut rollout = row::take(&change, id).await?;
    let (mut is_changed, now) = (false, change.now());
    let mut moved = Vec::new();
    for row in rows {
        let (event, detail) = match row.state {
            UpdateState::Switched => match fate(&change, &row).await? {
                Some(fate) => fate,
                None => continue,
            },
            _ => (UpdateEvent::Expire, "The device did not say a word while the grant was good."),
        };
        // Whoever said something since the row was read keeps its place; what a pause outlasted was no try of the device.
        let attempts = row.attempts - i64::from(!rollout.row.state.is_open());
        let is_still_due = |moved: sea_orm::UpdateMany<update::Entity>| match event {
            UpdateEvent::Expire => moved
                .col_expr(update::Column::Attempts, Expr::value(attempts))
                .filter(update::Column::LeaseExpiresAt.lte(now)),
            _ => moved,
        };
        moved.extend(step(&change, &mut rollout, &row, event, detail, is_still_due).await?);
    }
    is_changed |= !moved.is_empty();
    is_changed |= leave(&change, &mut rollout).await?;
    is_changed |= advance(&change, &mut rollout).await?;
    if is_changed {
        change.commit_unattended().await?;
        moved.into_iter().for_each(|state| store.telemetry().update(state));
        store.publish(PortalEvent::Rollout { rollout_id: id });
    }
    Ok(is_changed)
}

/// What became of a device that changed over a while ago and has not said how it went.
async fn fate(change: &Change, row: &update::Model) -> Result<Option<(UpdateEvent, &'static str)>> {
    let now = change.now();
    let device = Reach::everything()
        .select::<device::Entity>()
        .filter(device::Column::Id.eq(row.device_id))
        .one(&**change)
        .await?;
    let Some(device) = device.filter(|device| device.state == DeviceState::Active) else {
        return Ok(Some((UpdateEvent::Lose, "The device's access was ended meanwhile.")));
    };
    let is_silent =
        device.presence != Presence::Online && device.last_seen_at.is_none_or(|at| at + SILENCE <= now);
    let since = row.switched_at.unwrap_or(row.changed_at);
    Ok(if is_silent {
        Some((UpdateEvent::Lose, "Nothing was heard of it since the change."))
    } else if device.running_sha256.is_some_and(|sha256| sha256 != row.artifact_sha256)
        && since + SILENCE * 2 <= now
    {
        Some((UpdateEvent::RollBack, "It is there, and runs something else."))
    } else if since + TRIAL <= now {
        Some((UpdateEvent::Lose, "It is there, and never said that it stays."))
    } else {
        None
    })
}

/// Devices that waited and are no longer meant: revoked, or moved out of the target.
async fn leave(change: &Change, rollout: &mut Rollout) -> Result<bool> {
    let meant = Query::select()
        .column(device::Column::Id)
        .from(device::Entity)
        .and_where(device::Column::State.eq(DeviceState::Active))
        .cond_where(rollout.covered())
        .to_owned();
    let rows = Reach::everything()
        .select::<update::Entity>()
        .filter(update::Column::RolloutId.eq(rollout.id()))
        .filter(update::Column::State.eq(UpdateState::Waiting))
        .filter(update::Column::DeviceId.not_in_subquery(meant))
        .limit(AT_ONCE)
        .all(&**change)
        .await?;
    let is_any = !rows.is_empty();
    for row in rows {
        let detail = "It is no longer one of the devices that are meant.";
        step(change, rollout, &row, UpdateEvent::Skip, detail, |update| update).await?;
    }
    Ok(is_any)
}
