//! What people do with a rollout.

use super::{
    advance::advance,
    judge::goods,
    policy,
    row::{self, Rollout},
    step::{record, turn},
    supersede::{self, end_grants},
    timed::begin,
    view, wave,
};
use crate::{
    Confirmed, Cx, Error, Result,
    access::{Permit, Target},
    store::Change,
};
use entity::{
    agent_release::ReleaseState,
    id::{DeviceId, RolloutId},
    input::{fold, paragraph},
    policy::Action,
    portal_event::PortalEvent,
    problem::Problem,
    rollout::{
        NOTE_MAX, NoteInput, ResumeInput, RolloutEvent, RolloutInput, RolloutState, RolloutTarget,
        RolloutView,
    },
    table::{business, device, release, rollout, rollout_wave, service_location},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _,
    sea_query::Expr,
};

/// Devices of one platform that may be about it before the first of them has it.
const FIRST_IN_FLIGHT: i64 = 5;

/// Whoever rolls out reaches every device: a part of a rollout that nobody could see would be no rollout.
pub(super) fn check(cx: &Cx) -> Result<()> {
    if cx.reach().is_everything() {
        Ok(())
    } else {
        Err(Error::forbidden("Rollouts are for those who reach every business."))
    }
}

fn permit(cx: &Cx) -> Result<Permit<'_>> {
    check(cx)?;
    cx.permit(Action::ManageRollout, Target::Msp)
}

/// Makes a draft.
///
/// # Errors
/// Forbidden by role; invalid names the field.
pub async fn create(cx: &Cx, input: RolloutInput) -> Result<RolloutView> {
    let permit = permit(cx)?;
    let (row, waves) = drafted(cx, input).await?;
    let rollout = Rollout::new(row, waves)?;
    let change = permit.begin().await?;
    insert(&change, &rollout).await?;
    permit.commit(change, record(&rollout, "rollout.create", "Drafted")).await?;
    published(cx, rollout.id()).await
}

/// Writes a new rollout and its waves down.
pub(super) async fn insert(change: &Change, rollout: &Rollout) -> Result<()> {
    rollout::Entity::insert(rollout::ActiveModel::from(rollout.row.clone()))
        .exec_without_returning(&**change)
        .await?;
    insert_waves(change, rollout).await
}

async fn insert_waves(change: &Change, rollout: &Rollout) -> Result<()> {
    let waves = rollout.waves.iter().cloned().map(rollout_wave::ActiveModel::from);
    rollout_wave::Entity::insert_many(waves).exec_without_returning(&**change).await?;
    Ok(())
}

/// Writes a draft anew. Only who made it does: whoever says yes later has written none of it.
///
/// # Errors
/// Not found, forbidden by role and for everybody else; invalid names the field; conflict when it was handed in.
pub async fn redraft(cx: &Cx, id: RolloutId, input: RolloutInput) -> Result<RolloutView> {
    let permit = permit(cx)?;
    let (row, waves) = drafted(cx, input).await?;
    let change = cx.store().begin().await?;
    let before = row::take(&change, id).await?.row;
    if before.state != RolloutState::Draft {
        return Err(Error::conflict(None, "This rollout was handed in: its terms stay as they are."));
    }
    if before.created_by != cx.me().id {
        return Err(Error::forbidden("A draft is changed by who made it."));
    }
    let row = rollout::Model { id, revision: before.revision, created_at: before.created_at, ..row };
    let waves = waves.into_iter().map(|wave| rollout_wave::Model { rollout_id: id, ..wave }).collect();
    let rollout = Rollout::new(row, waves)?;
    let own = rollout_wave::Column::RolloutId.eq(id);
    rollout_wave::Entity::delete_many().filter(own).exec(&*change).await?;
    rollout::ActiveModel::from(rollout.row.clone()).reset_all().update(&*change).await?;
    insert_waves(&change, &rollout).await?;
    let entry = record(&rollout, "rollout.change", "Changed the draft of");
    permit.commit(change, entry).await?;
    published(cx, id).await
}

/// What would be written: checked, filled in, not stored.
pub(super) async fn drafted(
    cx: &Cx,
    input: RolloutInput,
) -> Result<(rollout::Model, Vec<rollout_wave::Model>)> {
    let input = input.checked()?;
    let store = cx.store();
    let none = || Problem::invalid("release_id", "There is no such release.");
    let release = release::Entity::find_by_id(input.release_id).one(store.db()).await?.ok_or_else(none)?;
    let detail = match release.state {
        ReleaseState::Available => None,
        ReleaseState::Incomplete => Some("Some of its files are missing."),
        ReleaseState::Withdrawn => Some("It was withdrawn."),
    };
    if let Some(detail) = detail {
        return Err(Problem::invalid("release_id", detail).into());
    }
    check_target(cx, &input).await?;
    let internal = |error: serde_json::Error| Error::Internal(error.to_string());
    let (id, now) = (RolloutId::generate(), store.now());
    let mut waves = Vec::new();
    for (index, wave) in input.waves.iter().enumerate() {
        waves.push(rollout_wave::Model {
            rollout_id: id,
            number: i64::try_from(index + 1).unwrap_or(i64::MAX),
            percent: wave.percent.map(i64::from),
            devices: serde_json::to_string(&wave.devices).map_err(internal)?,
            soak_seconds: wave.soak_seconds.into(),
            min_successes: wave.min_successes.into(),
            success_percent: wave.success_percent.into(),
            opened_at: None,
            last_grant_at: None,
            soaks_since: None,
            passed_at: None,
        });
    }
    let row = rollout::Model {
        id,
        name_key: fold(&input.name),
        kind: input.kind,
        state: RolloutState::Draft,
        revision: 0,
        reason: None,
        release_id: release.id,
        seq: release.seq,
        channel: input.channel.unwrap_or(release.channel),
        target: serde_json::to_string(&input.target).map_err(internal)?,
        halt: serde_json::to_string(&input.halt).map_err(internal)?,
        max_in_flight: input.max_in_flight.into(),
        first_in_flight: FIRST_IN_FLIGHT,
        in_flight: 0,
        spread_seconds: input.spread_seconds.into(),
        // Known before it is made, so that a preview shows the devices that will be; another one for every release.
        salt: format!("{} {}", release.id, input.name),
        name: input.name,
        note: input.note,
        start_at: input.start_at,
        wave: 0,
        waves: i64::try_from(waves.len()).unwrap_or(i64::MAX),
        is_approval_needed: policy::read(store.db()).await?.is_approval_needed,
        undoes: None,
        created_by: cx.me().id,
        created_at: now,
        approved_by: None,
        approved_at: None,
        started_by: None,
        started_at: None,
        counted_from: None,
        halted_at: None,
        changed_by: Some(cx.me().id),
        changed_at: now,
        ended_at: None,
    };
    Ok((row, waves))
}

/// Does everything exist that is named?
async fn check_target(cx: &Cx, input: &RolloutInput) -> Result<()> {
    let db = cx.db();
    let unknown = |field: &str| Err(Problem::invalid(field, "One of them does not exist.").into());
    let is_known = match &input.target {
        RolloutTarget::All {} => true,
        RolloutTarget::Businesses { business_ids: ids } => {
            let select =
                cx.select::<business::Entity>().filter(business::Column::Id.is_in(ids.iter().copied()));
            count(db, select).await? == ids.len()
        }
        RolloutTarget::Locations { service_location_ids: ids } => {
            let of = service_location::Column::Id.is_in(ids.iter().copied());
            count(db, cx.select::<service_location::Entity>().filter(of)).await? == ids.len()
        }
        RolloutTarget::Devices { device_ids: ids } => {
            let select = cx.select::<device::Entity>().filter(device::Column::Id.is_in(ids.iter().copied()));
            count(db, select).await? == ids.len()
        }
    };
    if !is_known {
        return unknown("target");
    }
    let named: std::collections::BTreeSet<DeviceId> =
        input.waves.iter().flat_map(|wave| wave.devices.iter().copied()).collect();
    let of = device::Column::Id.is_in(named.iter().copied());
    if !named.is_empty() && count(db, cx.select::<device::Entity>().filter(of)).await? != named.len() {
        return unknown("waves");
    }
    Ok(())
}

async fn count<E: sea_orm::EntityTrait>(
    db: &impl ConnectionTrait,
    select: sea_orm::Select<E>,
) -> Result<usize> {
    Ok(usize::try_from(crate::store::keyset::total(db, select).await?).unwrap_or(usize::MAX))
}

/// Hands a draft in: it waits for somebody else, or may start.
///
/// # Errors
/// Not found, forbidden by role; conflict when it is no draft.
pub async fn submit(cx: &Confirmed<'_>, id: RolloutId) -> Result<RolloutView> {
    let permit = permitted(cx)?;
    let change = cx.store().begin().await?;
    let mut rollout = row::take(&change, id).await?;
    let is_needed = policy::read(&*change).await?.is_approval_needed;
    rollout::Entity::update_many()
        .col_expr(rollout::Column::IsApprovalNeeded, Expr::value(is_needed))
        .filter(rollout::Column::Id.eq(id))
        .exec(&*change)
        .await?;
    let event = if is_needed { RolloutEvent::Submit } else { RolloutEvent::Approve };
    if rollout.row.state != RolloutState::Draft {
        return Err(Error::conflict(None, "This rollout was handed in already."));
    }
    turn(&change, &mut rollout, event, Some(cx.me().id), None).await?;
    permit.commit(change, record(&rollout, "rollout.submit", "Handed in")).await?;
    published(cx, id).await
}

fn permitted<'a>(cx: &'a Confirmed<'_>) -> Result<Permit<'a>> {
    check(cx)?;
    cx.permit(Action::ManageRollout, Target::Msp)
}

/// Says yes to a rollout that somebody else made.
///
/// # Errors
/// Not found, forbidden by role and for who made it; conflict when it does not wait for a yes.
pub async fn approve(cx: &Confirmed<'_>, id: RolloutId, input: NoteInput) -> Result<RolloutView> {
    let permit = permitted(cx)?;
    let note = paragraph("note", &input.note, NOTE_MAX)?;
    let change = cx.store().begin().await?;
    let mut rollout = row::take(&change, id).await?;
    if rollout.row.state != RolloutState::AwaitingApproval {
        return Err(Error::conflict(None, "This rollout does not wait for a yes."));
    }
    if rollout.row.created_by == cx.me().id {
        return Err(Error::forbidden("Somebody else than who made it has to say yes."));
    }
    turn(&change, &mut rollout, RolloutEvent::Approve, Some(cx.me().id), note).await?;
    rollout::Entity::update_many()
        .col_expr(rollout::Column::ApprovedBy, Expr::value(cx.me().id))
        .col_expr(rollout::Column::ApprovedAt, Expr::value(change.now()))
        .filter(rollout::Column::Id.eq(id))
        .exec(&*change)
        .await?;
    permit.commit(change, record(&rollout, "rollout.approve", "Approved")).await?;
    published(cx, id).await
}

/// Starts a rollout now: the first wave opens, and older ones for the same devices end.
///
/// # Errors
/// Not found, forbidden by role; conflict when it may not start.
pub async fn start(cx: &Confirmed<'_>, id: RolloutId) -> Result<RolloutView> {
    let permit = permitted(cx)?;
    let change = cx.store().begin().await?;
    let mut rollout = supersede::take(&change, id).await?;
    begin(&change, &mut rollout, Some(cx.me().id)).await?;
    permit.commit(change, record(&rollout, "rollout.start", "Started")).await?;
    published(cx, id).await
}

/// Holds a rollout: nobody is granted it or let go on any more.
///
/// # Errors
/// Not found, forbidden by role; conflict when it does not go out.
pub async fn pause(cx: &Cx, id: RolloutId, input: NoteInput) -> Result<RolloutView> {
    stop(cx, id, input, RolloutEvent::Pause, "rollout.pause", "Paused").await
}

/// Stops a rollout until somebody else lets it go on.
///
/// # Errors
/// Not found, forbidden by role; conflict when there is nothing to stop.
pub async fn halt(cx: &Cx, id: RolloutId, input: NoteInput) -> Result<RolloutView> {
    stop(cx, id, input, RolloutEvent::Halt, "rollout.halt", "Halted").await
}

/// Takes a rollout back for good. What devices have stays on them.
///
/// # Errors
/// Not found, forbidden by role; conflict when it is over.
pub async fn cancel(cx: &Cx, id: RolloutId, input: NoteInput) -> Result<RolloutView> {
    stop(cx, id, input, RolloutEvent::Cancel, "rollout.cancel", "Cancelled").await
}

async fn stop(
    cx: &Cx,
    id: RolloutId,
    input: NoteInput,
    event: RolloutEvent,
    action: &'static str,
    what: &str,
) -> Result<RolloutView> {
    let permit = permit(cx)?;
    let note = paragraph("note", &input.note, NOTE_MAX)?;
    let change = cx.store().begin().await?;
    let mut rollout = row::take(&change, id).await?;
    turn(&change, &mut rollout, event, Some(cx.me().id), note).await?;
    if event == RolloutEvent::Cancel {
        end_grants(&change, &mut rollout, "The rollout was cancelled.").await?;
    }
    permit.commit(change, record(&rollout, action, what)).await?;
    published(cx, id).await
}

/// Lets a rollout go on. After a halt it takes somebody else than who started it, with a confirmed identity and a reason;
/// what went wrong until then does not stop it again.
///
/// # Errors
/// Not found, forbidden by role or for who started it; confirm identity after a halt; invalid when the reason is missing;
/// conflict when it is neither paused nor halted.
pub async fn resume(cx: &Cx, id: RolloutId, input: ResumeInput) -> Result<RolloutView> {
    let permit = permit(cx)?;
    let reason = paragraph("reason", &input.reason, NOTE_MAX)?;
    // As it is at first sight: a confirmed identity is asked for before anything is held.
    let seen = row::find(cx.store().db(), id).await?;
    if seen.row.state == RolloutState::Halted {
        cx.confirmed()?;
    }
    let change = cx.store().begin().await?;
    let mut rollout = row::take(&change, id).await?;
    let was_halted = rollout.row.state == RolloutState::Halted;
    if was_halted && seen.row.state != RolloutState::Halted {
        return Err(Error::conflict(None, "It was halted meanwhile. Look at it again."));
    }
    if was_halted {
        if starter(&rollout) == cx.me().id {
            return Err(Error::forbidden(
                "Somebody else than who started it has to let it go on after a halt.",
            ));
        }
        if reason.is_none() {
            return Err(Problem::invalid("reason", "Say why it is safe to go on.").into());
        }
        let goods = goods(&*change, &rollout).await?;
        if goods.release.state != ReleaseState::Available {
            return Err(Error::conflict(None, "Its release was withdrawn."));
        }
        accept(&change, &mut rollout).await?;
    }
    let before = rollout.row.reason.clone();
    turn(&change, &mut rollout, RolloutEvent::Resume, Some(cx.me().id), None).await?;
    advance(&change, &mut rollout).await?;
    let after = serde_json::json!({ "rollout_id": id, "reason": reason });
    let entry = record(&rollout, "rollout.resume", "Let go on").before(before).after(after);
    permit.commit(change, entry).await?;
    published(cx, id).await
}

/// Who started it, or made it where its time started it.
pub(super) fn starter(rollout: &Rollout) -> entity::id::UserId {
    rollout.row.started_by.unwrap_or(rollout.row.created_by)
}

/// What went wrong until now has been seen; what was enough for the open wave has to last anew.
async fn accept(change: &Change, rollout: &mut Rollout) -> Result<()> {
    let now = change.now();
    rollout::Entity::update_many()
        .col_expr(rollout::Column::CountedFrom, Expr::value(now))
        .filter(rollout::Column::Id.eq(rollout.id()))
        .exec(&**change)
        .await?;
    rollout.row.counted_from = Some(now);
    wave::write(change, rollout, rollout.row.wave, rollout_wave::Column::SoaksSince, None).await?;
    let open = rollout.row.wave;
    if let Some(wave) = rollout.waves.iter_mut().find(|wave| wave.number == open) {
        wave.soaks_since = None;
    }
    Ok(())
}

/// Tells open pages, and answers how it stands now.
pub(super) async fn published(cx: &Cx, id: RolloutId) -> Result<RolloutView> {
    cx.store().publish(PortalEvent::Rollout { rollout_id: id });
    view::one(cx, row::find(cx.store().db(), id).await?).await
}
