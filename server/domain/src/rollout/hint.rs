//! Hints to devices that something waits for them. Each device asks by itself now and then; a hint only makes it ask sooner,
//! and losing all of them loses nothing but time.

use super::{row, tally::waiting};
use crate::{AgentCx, Result, Store, release, store::Reach};
use chrono::TimeDelta;
use entity::{
    id::DeviceId,
    rollout::RolloutState,
    table::{rollout, rollout_device as update},
    update::{UpdateRequired, UpdateState},
};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, ExprTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, sea_query::Expr,
};

/// A device that was told and did not come is told again after so long.
const AGAIN: TimeDelta = TimeDelta::minutes(2);
/// A device that was told takes up to so many seconds before it asks.
const WITHIN_SECONDS: u32 = 10;
/// Devices of one run that are told.
const AT_ONCE: i64 = 500;

/// Tells as many devices that are there and wait as there is room for.
pub(super) async fn tell(store: &Store) -> Result<()> {
    let running = rollout::Entity::find()
        .filter(rollout::Column::State.is_in([RolloutState::Running, RolloutState::Completed]))
        .filter(Expr::col(rollout::Column::InFlight).lt(Expr::col(rollout::Column::MaxInFlight)))
        .order_by_desc(rollout::Column::Seq)
        .all(store.db())
        .await?;
    for row in running {
        let room = (row.max_in_flight - row.in_flight).clamp(0, AT_ONCE).unsigned_abs();
        let long_ago = Condition::any()
            .add(update::Column::HintedAt.is_null())
            .add(update::Column::HintedAt.lte(store.now() - AGAIN));
        let devices: Vec<DeviceId> = waiting(row.id)
            .filter(long_ago)
            .order_by_asc(update::Column::Id)
            .limit(room)
            .select_only()
            .column(update::Column::DeviceId)
            .into_tuple()
            .all(store.db())
            .await?;
        if devices.is_empty() {
            continue;
        }
        let change = store.begin().await?;
        // Whoever writes about many devices of a rollout holds it, so that no two do at once.
        row::hold(&change, row.id).await?;
        update::Entity::update_many()
            .col_expr(update::Column::HintedAt, Expr::value(change.now()))
            .filter(update::Column::RolloutId.eq(row.id))
            .filter(update::Column::DeviceId.is_in(devices.iter().copied()))
            .filter(update::Column::State.eq(UpdateState::Waiting))
            .exec(&*change)
            .await?;
        change.commit_unattended().await?;
        store.wake(&devices);
    }
    Ok(())
}

/// What a device that is there is to be told, if anything: when it was woken because of it, or has just come.
///
/// # Errors
/// When the database fails.
pub async fn hint(cx: &AgentCx, has_just_come: bool) -> Result<Option<UpdateRequired>> {
    let store = cx.store();
    let mut select = Reach::everything()
        .select::<update::Entity>()
        .filter(update::Column::DeviceId.eq(cx.device_id()))
        .filter(update::Column::State.eq(UpdateState::Waiting));
    if !has_just_come {
        select = select.filter(update::Column::HintedAt.gt(store.now() - AGAIN));
    }
    let Some(waiting) = select.order_by_desc(update::Column::Seq).one(store.db()).await? else {
        return Ok(None);
    };
    let rollout = row::find(store.db(), waiting.rollout_id).await?;
    if !rollout.row.state.is_open() || rollout.row.in_flight >= rollout.row.max_in_flight {
        return Ok(None);
    }
    let release = release::find(store.db(), rollout.row.release_id).await?;
    let spread = u32::try_from(rollout.row.spread_seconds).unwrap_or(WITHIN_SECONDS);
    Ok(Some(UpdateRequired {
        new_version: release.version,
        seq: release.seq.unsigned_abs(),
        within_seconds: Ord::min(spread, WITHIN_SECONDS),
    }))
}
