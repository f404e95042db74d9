//! Counting what became of the devices of a rollout.

use super::row::Rollout;
use crate::{Result, store::Reach};
use entity::{
    device::DeviceState,
    id::RolloutId,
    platform::{Arch, Os},
    presence::Presence,
    rollout::{PlatformCounts, Tally, UpdateCounts},
    table::{device, rollout_device as update},
    update::UpdateState,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::{Expr, Query, SelectStatement},
};
use std::collections::BTreeMap;

/// What ended after the change.
const ENDED: [UpdateState; 3] = [UpdateState::Confirmed, UpdateState::RolledBack, UpdateState::Lost];
/// What went wrong.
const WRONG: [UpdateState; 3] = [UpdateState::FailedPre, UpdateState::RolledBack, UpdateState::Lost];

/// Devices of one wave and platform in one state.
pub(super) struct Count {
    pub(super) wave: i64,
    pub(super) platform: (Os, Arch),
    pub(super) state: UpdateState,
    pub(super) devices: u64,
}

/// The devices of a rollout by wave, platform and state.
pub(super) async fn counts(db: &impl ConnectionTrait, id: RolloutId) -> Result<Vec<Count>> {
    count(db, of(id)).await
}

fn of(id: RolloutId) -> sea_orm::Select<update::Entity> {
    Reach::everything().select::<update::Entity>().filter(update::Column::RolloutId.eq(id))
}

async fn count(db: &impl ConnectionTrait, select: sea_orm::Select<update::Entity>) -> Result<Vec<Count>> {
    use update::Column as C;
    let rows: Vec<(i64, Os, Arch, UpdateState, i64)> = select
        .select_only()
        .columns([C::Wave, C::Os, C::Arch, C::State])
        .expr_as(Expr::cust("COUNT(*)"), "count")
        .group_by(C::Wave)
        .group_by(C::Os)
        .group_by(C::Arch)
        .group_by(C::State)
        .into_tuple()
        .all(db)
        .await?;
    let rows = rows.into_iter().map(|(wave, os, arch, state, devices)| Count {
        wave,
        platform: (os, arch),
        state,
        devices: devices.unsigned_abs(),
    });
    Ok(rows.collect())
}

/// By platform.
pub(super) fn by_platform<'a>(counts: impl Iterator<Item = &'a Count>) -> Vec<PlatformCounts> {
    let mut platforms: BTreeMap<(Os, Arch), UpdateCounts> = BTreeMap::new();
    for count in counts {
        platforms.entry(count.platform).or_default().add(count.state, count.devices);
    }
    platforms.into_iter().map(|((os, arch), counts)| PlatformCounts { os, arch, counts }).collect()
}

/// Of all platforms together.
pub(super) fn sum<'a>(counts: impl Iterator<Item = &'a Count>) -> UpdateCounts {
    let mut sum = UpdateCounts::default();
    for count in counts {
        sum.add(count.state, count.devices);
    }
    sum
}

/// What a rollout is decided by.
pub(super) async fn tally(db: &impl ConnectionTrait, rollout: &Rollout) -> Result<Tally> {
    let mut counts = counts(db, rollout.id()).await?;
    leave_out_accepted(db, rollout, &mut counts).await?;
    let wave = rollout.open_wave();
    let last_grant_at = wave.and_then(|wave| wave.last_grant_at.max(wave.opened_at));
    let all = by_platform(counts.iter());
    Ok(Tally {
        bad_in_a_row: bad_in_a_row(db, rollout, &all).await?,
        all,
        wave: by_platform(counts.iter().filter(|count| count.wave == rollout.row.wave)),
        waiting_online: waiting_online(db, rollout).await?,
        last_grant_at: last_grant_at.unwrap_or(rollout.row.created_at),
        soaks_since: wave.and_then(|wave| wave.soaks_since),
    })
}

/// What went wrong before people let it go on was seen by them: it counts as left out.
async fn leave_out_accepted(
    db: &impl ConnectionTrait,
    rollout: &Rollout,
    counts: &mut Vec<Count>,
) -> Result<()> {
    let Some(from) = rollout.row.counted_from.filter(|from| Some(*from) != rollout.row.started_at) else {
        return Ok(());
    };
    let accepted =
        of(rollout.id()).filter(update::Column::State.is_in(WRONG)).filter(update::Column::EndedAt.lt(from));
    for seen in count(db, accepted).await? {
        let is_it = |count: &&mut Count| {
            (count.wave, count.platform, count.state) == (seen.wave, seen.platform, seen.state)
        };
        if let Some(count) = counts.iter_mut().find(is_it) {
            count.devices -= seen.devices.min(count.devices);
        }
        counts.push(Count { state: UpdateState::Skipped, ..seen });
    }
    Ok(())
}

/// How many of the last devices to end went wrong without one between them that has it: over all and on each platform.
async fn bad_in_a_row(
    db: &impl ConnectionTrait,
    rollout: &Rollout,
    all: &[PlatformCounts],
) -> Result<Vec<(Option<(Os, Arch)>, u32)>> {
    let mut found = Vec::new();
    let harmed = all.iter().filter(|of| of.counts.bad() > 0).map(|of| Some((of.os, of.arch)));
    let harmed: Vec<_> = harmed.chain([None]).collect();
    if harmed.len() == 1 {
        return Ok(found);
    }
    for platform in harmed {
        let mut select = of(rollout.id()).filter(update::Column::State.is_in(ENDED));
        if let Some(from) = rollout.row.counted_from {
            select = select.filter(update::Column::EndedAt.gte(from));
        }
        if let Some((os, arch)) = platform {
            select = select.filter(update::Column::Os.eq(os)).filter(update::Column::Arch.eq(arch));
        }
        let last: Vec<UpdateState> = select
            .order_by_desc(update::Column::EndedAt)
            .order_by_desc(update::Column::Id)
            .limit(u64::from(rollout.halt.bad_in_a_row))
            .select_only()
            .column(update::Column::State)
            .into_tuple()
            .all(db)
            .await?;
        let row = last.iter().take_while(|state| state.is_bad()).count();
        found.push((platform, u32::try_from(row).unwrap_or(u32::MAX)));
    }
    Ok(found)
}

/// Devices of the waves so far that are there and wait.
async fn waiting_online(db: &impl ConnectionTrait, rollout: &Rollout) -> Result<u64> {
    let count: Option<i64> = waiting(rollout.id())
        .select_only()
        .expr_as(Expr::cust("COUNT(*)"), "count")
        .into_tuple()
        .one(db)
        .await?;
    Ok(count.unwrap_or_default().unsigned_abs())
}

/// Updates that wait, of devices that are there.
pub(super) fn waiting(id: RolloutId) -> sea_orm::Select<update::Entity> {
    of(id)
        .filter(update::Column::State.eq(UpdateState::Waiting))
        .filter(update::Column::DeviceId.in_subquery(online_devices()))
}

fn online_devices() -> SelectStatement {
    Query::select()
        .column(device::Column::Id)
        .from(device::Entity)
        .and_where(device::Column::Presence.eq(Presence::Online))
        .and_where(device::Column::State.eq(DeviceState::Active))
        .to_owned()
}
