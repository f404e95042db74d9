//! What ends when something else begins: older rollouts for the same devices, and rollouts of a release that was withdrawn.

use super::{
    SYSTEM,
    judge::{Goods, goods},
    row::{self, Rollout},
    step::{record, step, turn},
};
use crate::{
    Error, Result,
    audit::Actor,
    store::{Change, Reach},
};
use entity::{
    id::{ReleaseId, RolloutId},
    rollout::{RolloutEvent, RolloutState, RolloutTarget},
    table::{rollout, rollout_device as update},
    update::{UpdateEvent, UpdateState},
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::Expr,
};

const OVER: [RolloutState; 3] = [RolloutState::RolledBack, RolloutState::Cancelled, RolloutState::Superseded];

/// Rollouts whose place this one takes: of an older release, for devices that this one is meant for too.
pub(super) async fn superseded_by(
    db: &impl ConnectionTrait,
    newer: &Rollout,
    min_from: u64,
) -> Result<Vec<Rollout>> {
    // One that undoes another is for those alone who got that; for the others the older ones stay.
    if newer.row.undoes.is_some() {
        return Ok(Vec::new());
    }
    let rows = rollout::Entity::find()
        .filter(rollout::Column::State.is_not_in([
            RolloutState::Draft,
            RolloutState::AwaitingApproval,
            RolloutState::RollingBack,
            RolloutState::RolledBack,
            RolloutState::Cancelled,
            RolloutState::Superseded,
        ]))
        .filter(rollout::Column::Channel.eq(newer.row.channel))
        .filter(rollout::Column::Seq.lte(newer.row.seq))
        .filter(rollout::Column::Id.ne(newer.id()))
        .order_by_asc(rollout::Column::Id)
        .all(db)
        .await?;
    let mut found = Vec::new();
    for row in rows {
        // A stepping stone stays: devices that were away have to come over it.
        let is_step = min_from > 0 && row.seq.unsigned_abs() >= min_from && row.seq < newer.row.seq;
        let other = row::with_waves(db, row).await?;
        if !is_step && includes(&newer.target, &other.target) {
            found.push(other);
        }
    }
    Ok(found)
}

/// Are all devices of the one those of the other too, as far as the targets by themselves tell?
fn includes(newer: &RolloutTarget, older: &RolloutTarget) -> bool {
    match (newer, older) {
        (RolloutTarget::All {}, _) => true,
        (
            RolloutTarget::Businesses { business_ids: new },
            RolloutTarget::Businesses { business_ids: old },
        ) => old.iter().all(|id| new.contains(id)),
        (
            RolloutTarget::Locations { service_location_ids: new },
            RolloutTarget::Locations { service_location_ids: old },
        ) => old.iter().all(|id| new.contains(id)),
        (RolloutTarget::Devices { device_ids: new }, RolloutTarget::Devices { device_ids: old }) => {
            old.iter().all(|id| new.contains(id))
        }
        _ => false,
    }
}

/// Takes a rollout that is to begin, together with those whose place it takes: two of them may begin at the same time.
///
/// # Errors
/// Not found when there is none of this id.
pub(super) async fn take(change: &Change, id: RolloutId) -> Result<Rollout> {
    let seen = row::find(&**change, id).await?;
    let goods = goods(&**change, &seen).await?;
    let older = superseded_by(&**change, &seen, goods.manifest.min_from).await?;
    let ids: Vec<RolloutId> = older.iter().map(Rollout::id).chain([id]).collect();
    // This one is the last of them.
    row::take_all(change, &ids).await?.pop().ok_or_else(|| Error::not_found("rollout"))
}

/// Ends what a rollout that begins takes the place of.
pub(super) async fn supersede(change: &Change, newer: &Rollout, goods: &Goods) -> Result<()> {
    let older = superseded_by(&**change, newer, goods.manifest.min_from).await?;
    let ids: Vec<RolloutId> = older.iter().map(Rollout::id).collect();
    for mut other in row::take_all(change, &ids).await? {
        let reason = format!("{} took its place.", newer.row.name);
        turn(change, &mut other, RolloutEvent::Supersede, None, Some(reason)).await?;
        end_grants(change, &mut other, "A newer rollout took its place.").await?;
        change.note(&Actor::system(SYSTEM), None, record(&other, "rollout.supersede", "Superseded")).await?;
    }
    Ok(())
}

/// Takes back what devices were granted and have not changed over to; those that wait are left out.
pub(super) async fn end_grants(change: &Change, rollout: &mut Rollout, detail: &str) -> Result<()> {
    let states = [
        UpdateState::Waiting,
        UpdateState::Offered,
        UpdateState::Accepted,
        UpdateState::Downloading,
        UpdateState::Staged,
    ];
    let rows = Reach::everything()
        .select::<update::Entity>()
        .filter(update::Column::RolloutId.eq(rollout.id()))
        .filter(update::Column::State.is_in(states))
        .order_by_asc(update::Column::Id)
        .all(&**change)
        .await?;
    let (waiting, granted): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.state == UpdateState::Waiting);
    for row in granted {
        step(change, rollout, &row, UpdateEvent::Expire, detail, |update| update).await?;
    }
    if !waiting.is_empty() {
        // In one statement: they may be all of a large fleet, and nothing was done on them.
        update::Entity::update_many()
            .col_expr(update::Column::State, Expr::value(UpdateState::Skipped))
            .col_expr(update::Column::ChangedAt, Expr::value(change.now()))
            .col_expr(update::Column::EndedAt, Expr::value(change.now()))
            .col_expr(update::Column::Detail, Expr::value(detail))
            .filter(update::Column::RolloutId.eq(rollout.id()))
            .filter(update::Column::State.eq(UpdateState::Waiting))
            .exec(&**change)
            .await?;
    }
    Ok(())
}

/// Ends the rollouts of a release that was withdrawn.
///
/// # Errors
/// When the database fails.
pub(crate) async fn release_withdrawn(change: &Change, release: ReleaseId) -> Result<()> {
    let ids: Vec<RolloutId> = rollout::Entity::find()
        .filter(rollout::Column::ReleaseId.eq(release))
        .filter(rollout::Column::State.is_not_in(OVER))
        .order_by_asc(rollout::Column::Id)
        .select_only()
        .column(rollout::Column::Id)
        .into_tuple()
        .all(&**change)
        .await?;
    for mut rollout in row::take_all(change, &ids).await? {
        // One that is being undone goes on being undone.
        if rollout.row.state.on(RolloutEvent::Cancel).is_none() {
            continue;
        }
        let reason = Some("Its release was withdrawn.".to_owned());
        turn(change, &mut rollout, RolloutEvent::Cancel, None, reason).await?;
        end_grants(change, &mut rollout, "Its release was withdrawn.").await?;
        change.note(&Actor::system(SYSTEM), None, record(&rollout, "rollout.cancel", "Cancelled")).await?;
    }
    Ok(())
}
