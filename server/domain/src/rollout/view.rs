//! Rollouts as people see them.

use super::{
    powers::powers,
    row::Rollout,
    tally::{Count, by_platform, counts, sum, tally},
    target,
    timed::halted_before,
    undo::is_being_undone,
};
use crate::{Cx, Error, Result, Store, store::Reach};
use chrono::TimeDelta;
use entity::{
    id::{DeviceId, ReleaseId, RolloutId, UserId},
    rollout::{
        RolloutInput, RolloutLink, RolloutRow, RolloutState, RolloutTarget, RolloutView, UpdateCounts,
        WaveInput, WaveState, WaveView, waiting_for,
    },
    table::{release, rollout, rollout_device as update, user},
    update::UpdateState,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::Expr,
};
use std::collections::HashMap;

/// Rollouts as rows of a list.
pub(super) async fn rows(store: &Store, models: Vec<rollout::Model>) -> Result<Vec<RolloutRow>> {
    let db = store.db();
    let names = people(store, models.iter().map(|row| row.created_by).collect()).await?;
    let versions = versions(store, models.iter().map(|row| row.release_id).collect()).await?;
    let undone = links(db, models.iter().filter_map(|row| row.undoes).collect()).await?;
    let mut counts = all_counts(db, models.iter().map(|row| row.id).collect()).await?;
    let rows = models.into_iter().map(|row| RolloutRow {
        target_label: target_label(&row.target),
        id: row.id,
        name: row.name,
        kind: row.kind,
        state: row.state,
        reason: row.reason,
        release_id: row.release_id,
        version: versions.get(&row.release_id).cloned().unwrap_or_default(),
        seq: row.seq.unsigned_abs(),
        channel: row.channel,
        wave: number(row.wave),
        waves: number(row.waves),
        counts: counts.remove(&row.id).unwrap_or_default(),
        created_by: names.get(&row.created_by).cloned().unwrap_or_default(),
        created_at: row.created_at,
        started_at: row.started_at,
        ended_at: row.ended_at,
        undoes: row.undoes.and_then(|id| undone.get(&id).cloned()),
    });
    Ok(rows.collect())
}

/// One rollout with all that its page shows.
pub(super) async fn one(cx: &Cx, rollout: Rollout) -> Result<RolloutView> {
    let store = cx.store();
    let db = store.db();
    let of = counts(db, rollout.id()).await?;
    let row = &rollout.row;
    let ids = [Some(row.created_by), row.approved_by, row.started_by, row.changed_by];
    let names = people(store, ids.into_iter().flatten().collect()).await?;
    let name = |id: Option<UserId>| id.and_then(|id| names.get(&id).cloned());
    let waiting_for = waits_for(store, &rollout).await?;
    let named = target::named(cx, &rollout.target).await?;
    let mut waves = waves(&rollout, &of, waiting_for);
    for (shown, wave) in waves.iter_mut().zip(&rollout.waves) {
        let device_ids: Vec<DeviceId> = serde_json::from_str(&wave.devices).unwrap_or_default();
        if !device_ids.is_empty() {
            shown.named_label = target::named(cx, &RolloutTarget::Devices { device_ids }).await?;
        }
    }
    let mut may = powers(cx, &rollout);
    if may.roll_back && row.state == RolloutState::RollingBack {
        may.roll_back = !is_being_undone(db, row.id).await?;
    }
    let draft = if may.change { Some(asked(&rollout)?) } else { None };
    Ok(RolloutView {
        may,
        draft,
        waves,
        platforms: by_platform(of.iter()),
        target: rollout.target.clone(),
        halt: rollout.halt,
        note: row.note.clone(),
        max_in_flight: number(row.max_in_flight),
        in_flight: number(row.in_flight),
        spread_seconds: number(row.spread_seconds),
        start_at: row.start_at,
        is_approval_needed: row.is_approval_needed,
        approved_by: name(row.approved_by),
        approved_at: row.approved_at,
        started_by: name(row.started_by),
        changed_at: row.changed_at,
        changed_by: name(row.changed_by),
        undone_by: undone_by(db, row.id).await?,
        rollout: {
            let shown = rows(store, vec![rollout.row]).await?.pop();
            let shown = shown.ok_or_else(|| Error::not_found("rollout"))?;
            // Whoever says yes has to know to which of them.
            RolloutRow { target_label: named.unwrap_or(shown.target_label.clone()), ..shown }
        },
    })
}

/// What it waits for, in words.
async fn waits_for(store: &Store, rollout: &Rollout) -> Result<Option<String>> {
    let (db, state) = (store.db(), rollout.row.state);
    if !state.is_open() && state != RolloutState::Scheduled {
        return Ok(None);
    }
    let release = crate::release::find(db, rollout.row.release_id).await?;
    if !crate::release::is_good(db, &release, store.now()).await? {
        let words =
            "No device would take its release now: it has to be signed again, by a key of the root in force.";
        return Ok(Some(words.to_owned()));
    }
    if state == RolloutState::Scheduled {
        return halted_before(db, rollout, rollout.row.created_by).await;
    }
    Ok(waiting_for(&tally(db, rollout).await?, &rollout.terms(), store.now()))
}

/// What was asked to make it.
fn asked(rollout: &Rollout) -> Result<RolloutInput> {
    let row = &rollout.row;
    let mut waves = Vec::new();
    for wave in &rollout.waves {
        waves.push(WaveInput {
            percent: wave.percent.and_then(|percent| u8::try_from(percent).ok()),
            devices: serde_json::from_str(&wave.devices)
                .map_err(|error| Error::Internal(format!("a stored wave of {}: {error}", row.id)))?,
            soak_seconds: number(wave.soak_seconds),
            min_successes: number(wave.min_successes),
            success_percent: u8::try_from(wave.success_percent).unwrap_or(100),
        });
    }
    Ok(RolloutInput {
        name: row.name.clone(),
        kind: row.kind,
        release_id: row.release_id,
        target: rollout.target.clone(),
        channel: Some(row.channel),
        waves,
        halt: rollout.halt,
        max_in_flight: number(row.max_in_flight),
        spread_seconds: number(row.spread_seconds),
        start_at: row.start_at,
        note: row.note.clone(),
    })
}

fn waves(rollout: &Rollout, of: &[Count], mut waiting_for: Option<String>) -> Vec<WaveView> {
    let named =
        |text: &str| serde_json::from_str::<Vec<serde_json::Value>>(text).map_or(0, |list| list.len());
    let waves = rollout.waves.iter().map(|wave| {
        let own = || of.iter().filter(|count| count.wave == wave.number);
        // Before it begins, what it waits for stands at the first; when all have passed, at the last.
        let is_over = wave.passed_at.is_some() && rollout.row.state != RolloutState::Completed;
        let is_open = wave.number == rollout.row.wave.max(1) && !is_over;
        let state = match (wave.opened_at, wave.passed_at, wave.soaks_since) {
            (_, Some(_), _) => WaveState::Passed,
            (None, ..) => WaveState::Waiting,
            (Some(_), None, Some(_)) => WaveState::Soaking,
            (Some(_), None, None) => WaveState::Open,
        };
        WaveView {
            number: number(wave.number),
            percent: wave.percent.and_then(|percent| u8::try_from(percent).ok()),
            named: u32::try_from(named(&wave.devices)).unwrap_or(u32::MAX),
            named_label: None,
            soak_seconds: number(wave.soak_seconds),
            min_successes: number(wave.min_successes),
            success_percent: u8::try_from(wave.success_percent).unwrap_or(100),
            state,
            counts: sum(own()),
            platforms: by_platform(own()),
            waiting_for: if is_open { waiting_for.take() } else { None },
            opened_at: wave.opened_at,
            soaks_until: wave
                .soaks_since
                .filter(|_| wave.passed_at.is_none())
                .map(|since| since + TimeDelta::seconds(wave.soak_seconds)),
            passed_at: wave.passed_at,
        }
    });
    waves.collect()
}

fn number(value: i64) -> u32 {
    u32::try_from(value).unwrap_or_default()
}

/// For which devices, in words.
pub(super) fn target_label(target: &str) -> String {
    let count = |count: usize, one: &str, many: &str| {
        if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
    };
    match serde_json::from_str(target) {
        Ok(RolloutTarget::All {}) | Err(_) => "All devices".to_owned(),
        Ok(RolloutTarget::Businesses { business_ids }) => count(business_ids.len(), "business", "businesses"),
        Ok(RolloutTarget::Locations { service_location_ids }) => {
            count(service_location_ids.len(), "service location", "service locations")
        }
        Ok(RolloutTarget::Devices { device_ids }) => count(device_ids.len(), "device", "devices"),
    }
}

async fn all_counts(
    db: &impl ConnectionTrait,
    ids: Vec<RolloutId>,
) -> Result<HashMap<RolloutId, UpdateCounts>> {
    let rows: Vec<(RolloutId, UpdateState, i64)> = Reach::everything()
        .select::<update::Entity>()
        .filter(update::Column::RolloutId.is_in(ids))
        .select_only()
        .columns([update::Column::RolloutId, update::Column::State])
        .expr_as(Expr::cust("COUNT(*)"), "count")
        .group_by(update::Column::RolloutId)
        .group_by(update::Column::State)
        .into_tuple()
        .all(db)
        .await?;
    let mut counts: HashMap<RolloutId, UpdateCounts> = HashMap::new();
    for (id, state, devices) in rows {
        counts.entry(id).or_default().add(state, devices.unsigned_abs());
    }
    Ok(counts)
}

/// The names of people.
pub(super) async fn people(store: &Store, ids: Vec<UserId>) -> Result<HashMap<UserId, String>> {
    let found: Vec<(UserId, String)> = Reach::everything()
        .select::<user::Entity>()
        .filter(user::Column::Id.is_in(ids))
        .select_only()
        .columns([user::Column::Id, user::Column::FullName])
        .into_tuple()
        .all(store.db())
        .await?;
    Ok(found.into_iter().collect())
}

/// What people call releases.
pub(super) async fn versions(store: &Store, ids: Vec<ReleaseId>) -> Result<HashMap<ReleaseId, String>> {
    let found: Vec<(ReleaseId, String)> = release::Entity::find()
        .filter(release::Column::Id.is_in(ids))
        .select_only()
        .columns([release::Column::Id, release::Column::Version])
        .into_tuple()
        .all(store.db())
        .await?;
    Ok(found.into_iter().collect())
}

async fn links(db: &impl ConnectionTrait, ids: Vec<RolloutId>) -> Result<HashMap<RolloutId, RolloutLink>> {
    let found = rollout::Entity::find().filter(rollout::Column::Id.is_in(ids)).all(db).await?;
    Ok(found.into_iter().map(|row| (row.id, link(&row))).collect())
}

pub(super) fn link(row: &rollout::Model) -> RolloutLink {
    RolloutLink { id: row.id, name: row.name.clone() }
}

async fn undone_by(db: &impl ConnectionTrait, id: RolloutId) -> Result<Option<RolloutLink>> {
    let found = rollout::Entity::find()
        .filter(rollout::Column::Undoes.eq(id))
        .order_by_desc(rollout::Column::Id)
        .one(db)
        .await?;
    Ok(found.as_ref().map(link))
}
