//! What a device is granted when it asks, and whether it may change over at the last moment. Both are decided in the change
//! that holds the rollout: a cap is never passed, and after a halt nobody is let go on.

use super::{
    AGAIN_AFTER, ATTEMPTS_MAX, LEASE, SYSTEM,
    advance::advance,
    judge::{Candidate, goods},
    row::{self, Rollout},
    step::step,
    tally::tally,
    wave,
};
use crate::{
    AgentCx, Error, Result, Store,
    audit::{Actor, Record},
    release,
    store::{Change, Reach},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    agent_release::ReleaseState,
    id::{ReleaseId, RolloutId, UpdateId},
    portal_event::PortalEvent,
    rollout::{RolloutState, may_grant},
    table::{device, release_artifact as artifact, rollout, rollout_device as update, rollout_wave},
    update::{GoAnswer, UpdateEvent, UpdateQuestion, UpdateState},
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, ExprTrait as _, QueryFilter as _, QueryOrder as _, SqlErr,
    sea_query::Expr,
};

/// What a device was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Names the update.
    pub update_id: UpdateId,
    /// Of which rollout.
    pub rollout_id: RolloutId,
    /// Which release.
    pub release_id: ReleaseId,
    /// Until when it is good without a word from the device.
    pub lease_expires_at: DateTime<Utc>,
    /// Not to be fetched before.
    pub not_before: Option<DateTime<Utc>>,
}

const OPEN: [RolloutState; 2] = [RolloutState::Running, RolloutState::Completed];
const IN_FLIGHT: [UpdateState; 5] = [
    UpdateState::Offered,
    UpdateState::Accepted,
    UpdateState::Downloading,
    UpdateState::Staged,
    UpdateState::Switched,
];

/// Is something due for this device now? Asked again, the same is granted again.
///
/// # Errors
/// When the database fails.
pub async fn offer(cx: &AgentCx, question: &UpdateQuestion) -> Result<Option<Grant>> {
    let store = cx.store();
    if let Some(row) = active(cx).await? {
        return again(store, &row).await;
    }
    let device = cx.device().await?;
    let candidate = Candidate::asking(&device, question);
    let open = rollout::Entity::find()
        .filter(rollout::Column::State.is_in(OPEN))
        .filter(rollout::Column::Seq.gt(candidate.running_seq.unwrap_or_default()))
        .order_by_desc(rollout::Column::Seq)
        .order_by_desc(rollout::Column::Id)
        .all(store.db())
        .await?;
    for row in open {
        let rollout = row::with_waves(store.db(), row).await?;
        if !rollout.covers(&device) || rollout.wave_of(device.id) > rollout.row.wave {
            continue;
        }
        let goods = goods(store.db(), &rollout).await?;
        if goods.release.state != ReleaseState::Available {
            continue;
        }
        // The newest that is due is the one that it gets: it does not get an older one because there is no room now.
        if let Ok(artifact) = goods.judge(&rollout, &candidate) {
            if !release::is_good(store.db(), &goods.release, store.now()).await? {
                continue;
            }
            return grant(store, rollout.id(), &candidate, artifact).await;
        }
    }
    Ok(None)
}

/// The update that the device is about.
async fn active(cx: &AgentCx) -> Result<Option<update::Model>> {
    Ok(Reach::everything()
        .select::<update::Entity>()
        .filter(update::Column::DeviceId.eq(cx.device_id()))
        .filter(update::Column::State.is_in(IN_FLIGHT))
        .one(cx.store().db())
        .await?)
}

/// The release that a device is about, or was granted last and may still come back to.
///
/// # Errors
/// When the database fails.
pub async fn open_release(cx: &AgentCx) -> Result<Option<ReleaseId>> {
    let Some(row) = active(cx).await? else { return Ok(None) };
    Ok(Some(row::find(cx.store().db(), row.rollout_id).await?.row.release_id))
}

/// What was granted before, as long as it still is.
async fn again(store: &Store, row: &update::Model) -> Result<Option<Grant>> {
    let rollout = row::find(store.db(), row.rollout_id).await?;
    let is_good = rollout.row.state.is_open()
        && row.state != UpdateState::Switched
        && row.lease_expires_at.is_some_and(|end| end > store.now());
    Ok(is_good.then(|| of(&rollout, row)))
}

fn of(rollout: &Rollout, row: &update::Model) -> Grant {
    Grant {
        update_id: row.id,
        rollout_id: rollout.id(),
        release_id: rollout.row.release_id,
        lease_expires_at: row.lease_expires_at.unwrap_or(row.changed_at),
        not_before: row.not_before,
    }
}

/// Grants it, if there is room and nothing has gone wrong meanwhile.
async fn grant(
    store: &Store,
    id: RolloutId,
    device: &Candidate,
    artifact: &artifact::Model,
) -> Result<Option<Grant>> {
    let change = store.begin().await?;
    // The row of the rollout is held from here on; where there is no room, nothing was written.
    let room = rollout::Entity::update_many()
        .col_expr(rollout::Column::InFlight, Expr::col(rollout::Column::InFlight).add(1))
        .col_expr(rollout::Column::Revision, Expr::col(rollout::Column::Revision).add(1))
        .filter(rollout::Column::Id.eq(id))
        .filter(rollout::Column::State.is_in(OPEN))
        .filter(Expr::col(rollout::Column::InFlight).lt(Expr::col(rollout::Column::MaxInFlight)))
        .exec(&*change)
        .await?;
    if room.rows_affected != 1 {
        return Ok(None);
    }
    let mut rollout = row::take(&change, id).await?;
    if advance(&change, &mut rollout).await? {
        // Counted anew for the device that asks, unless it stopped.
        drop(change);
        advance_alone(store, id).await?;
        return Ok(None);
    }
    let tally = tally(&*change, &rollout).await?;
    if !may_grant(&tally, &rollout.terms(), (device.os_type, device.os_architecture)) {
        return Ok(None);
    }
    let Some(row) = write(&change, &rollout, device, artifact).await? else { return Ok(None) };
    wave::write(&change, &rollout, rollout.row.wave, rollout_wave::Column::LastGrantAt, Some(change.now()))
        .await?;
    // Without the name of the rollout: the business reads it in its own log, and the name may be about others.
    let record = Record::new("update.offer", format!("Update of the agent: offered {}", artifact.build_id))
        .device(device.id)
        .after(serde_json::json!({ "update_id": row.id, "rollout_id": id, "seq": rollout.row.seq }));
    change.note(&Actor::system(SYSTEM), Some(device.business_id), record).await?;
    change.commit_unattended().await?;
    store.telemetry().update(UpdateState::Offered);
    store.publish(PortalEvent::Rollout { rollout_id: id });
    Ok(Some(of(&rollout, &row)))
}

/// Brings a rollout to where it belongs now.
pub(super) async fn advance_alone(store: &Store, id: RolloutId) -> Result<bool> {
    let change = store.begin().await?;
    let mut rollout = row::take(&change, id).await?;
    if !advance(&change, &mut rollout).await? {
        return Ok(false);
    }
    change.commit_unattended().await?;
    store.publish(PortalEvent::Rollout { rollout_id: id });
    Ok(true)
}

/// Writes the grant down: in place of one that came to nothing, in that of a device that waits, or as one that came late.
async fn write(
    change: &Change,
    rollout: &Rollout,
    device: &Candidate,
    artifact: &artifact::Model,
) -> Result<Option<update::Model>> {
    let found = Reach::everything()
        .select::<update::Entity>()
        .filter(update::Column::RolloutId.eq(rollout.id()))
        .filter(update::Column::DeviceId.eq(device.id))
        .one(&**change)
        .await?;
    let now = change.now();
    let before = match &found {
        Some(row) => {
            let waits = row.state == UpdateState::FailedPre && row.changed_at + AGAIN_AFTER > now;
            if waits || row.attempts >= ATTEMPTS_MAX || row.state.on(UpdateEvent::Offer).is_none() {
                return Ok(None);
            }
            row.clone()
        }
        None => wave::waiting(change, rollout, device, artifact),
    };
    let not_before = later(rollout, device, now);
    let row = update::Model {
        id: UpdateId::generate(),
        wave: before.wave,
        attempts: before.attempts + 1,
        state: UpdateState::Offered,
        offered_at: Some(now),
        lease_expires_at: Some(not_before.unwrap_or(now) + LEASE),
        not_before,
        ..wave::waiting(change, rollout, device, artifact)
    };
    if found.is_some() {
        update::Entity::delete_by_id(before.id).exec(&**change).await?;
    }
    let written = update::Entity::insert(update::ActiveModel::from(row.clone()))
        .exec_without_returning(&**change)
        .await;
    match written {
        Ok(_) => Ok(Some(row)),
        // Another rollout was faster: a device is about one at a time.
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// When the device may begin to fetch: spread over the time that was agreed, by where the device falls.
fn later(rollout: &Rollout, device: &Candidate, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let spread = rollout.row.spread_seconds;
    let bucket = entity::rollout::bucket(format!("{} spread", rollout.row.salt).as_bytes(), device.id);
    (spread > 0).then(|| {
        now + TimeDelta::milliseconds(
            spread * 1_000 * i64::from(bucket) / i64::from(entity::rollout::BUCKETS),
        )
    })
}

/// May the device change over now? A yes is written down as the change itself: whoever falls silent from here on has gone
/// wrong.
///
/// # Errors
/// Not found when there is no such update of this device.
pub async fn go(cx: &AgentCx, id: UpdateId) -> Result<GoAnswer> {
    let store = cx.store();
    let device = cx.device().await?;
    let row = find(cx, id).await?.ok_or_else(not_found)?;
    let change = store.begin().await?;
    let mut rollout = row::take(&change, row.rollout_id).await?;
    let is_moved = advance(&change, &mut rollout).await?;
    let row = Reach::everything()
        .select::<update::Entity>()
        .filter(update::Column::Id.eq(id))
        .one(&*change)
        .await?;
    let row = row.ok_or_else(not_found)?;
    let why_not = refused(&rollout, &device, &row, change.now());
    let is_step = why_not.is_none() && row.state != UpdateState::Switched;
    if is_step {
        let now = change.now();
        let fill = |update: sea_orm::UpdateMany<update::Entity>| {
            update.col_expr(update::Column::SwitchedAt, Expr::value(now))
        };
        step(&change, &mut rollout, &row, UpdateEvent::Switch, "", fill).await?;
    }
    if is_moved || is_step {
        change.commit_unattended().await?;
        if is_step {
            store.telemetry().update(UpdateState::Switched);
        }
        store.publish(PortalEvent::Rollout { rollout_id: rollout.id() });
    }
    Ok(GoAnswer { go: why_not.is_none(), reason: why_not })
}

fn refused(
    rollout: &Rollout,
    device: &device::Model,
    row: &update::Model,
    now: DateTime<Utc>,
) -> Option<String> {
    if !rollout.row.state.is_open() {
        return Some(format!("The rollout is {}.", rollout.row.state.label().to_lowercase()));
    }
    match row.state {
        UpdateState::Switched => None,
        state if !state.is_in_flight() => {
            Some(format!("This update is over: {}.", state.label().to_lowercase()))
        }
        _ if row.lease_expires_at.is_none_or(|end| end <= now) => {
            Some("The grant has run out; ask again.".to_owned())
        }
        // It was moved since it was granted it.
        _ if !rollout.covers(device) => {
            Some("The device is no longer one of those that are meant.".to_owned())
        }
        _ => None,
    }
}

/// An update of this device, if it is one.
pub(super) async fn find(cx: &AgentCx, id: UpdateId) -> Result<Option<update::Model>> {
    Ok(Reach::everything()
        .select::<update::Entity>()
        .filter(update::Column::Id.eq(id))
        .filter(update::Column::DeviceId.eq(cx.device_id()))
        .one(cx.store().db())
        .await?)
}

fn not_found() -> Error {
    Error::not_found("update")
}
