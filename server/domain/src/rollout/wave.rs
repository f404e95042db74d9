//! Opening a wave: the devices that belong to it at this moment are written down as waiting. Who comes later is taken in
//! when it asks.

use super::{
    judge::{Candidate, Goods, candidates},
    row::Rollout,
};
use crate::{Result, store::Change, store::Reach};
use entity::{
    id::{DeviceId, UpdateId},
    table::{release_artifact as artifact, rollout, rollout_device as update, rollout_wave as wave},
    update::UpdateState,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _, sea_query::Expr};
use std::collections::BTreeSet;

/// Rows of one insert: the databases bound how many values one statement takes.
const ROWS_AT_ONCE: usize = 500;

/// Opens the next wave of a rollout that is held.
pub(super) async fn open_next(change: &Change, rollout: &mut Rollout, goods: &Goods) -> Result<()> {
    let (number, now) = (rollout.row.wave + 1, change.now());
    rollout::Entity::update_many()
        .col_expr(rollout::Column::Wave, Expr::value(number))
        .filter(rollout::Column::Id.eq(rollout.id()))
        .exec(&**change)
        .await?;
    write(change, rollout, number, wave::Column::OpenedAt, Some(now)).await?;
    rollout.row.wave = number;
    if let Some(wave) = rollout.waves.iter_mut().find(|wave| wave.number == number) {
        wave.opened_at = Some(now);
    }
    snapshot(change, rollout, goods).await
}

/// Writes a time of a wave down.
pub(super) async fn write(
    change: &Change,
    rollout: &Rollout,
    number: i64,
    column: wave::Column,
    at: Option<chrono::DateTime<chrono::Utc>>,
) -> Result<()> {
    wave::Entity::update_many()
        .col_expr(column, Expr::value(at))
        .filter(wave::Column::RolloutId.eq(rollout.id()))
        .filter(wave::Column::Number.eq(number))
        .exec(&**change)
        .await?;
    Ok(())
}

async fn snapshot(change: &Change, rollout: &Rollout, goods: &Goods) -> Result<()> {
    let known: Vec<DeviceId> = Reach::everything()
        .select::<update::Entity>()
        .filter(update::Column::RolloutId.eq(rollout.id()))
        .select_only()
        .column(update::Column::DeviceId)
        .into_tuple()
        .all(&**change)
        .await?;
    let known: BTreeSet<DeviceId> = known.into_iter().collect();
    let mut rows = Vec::new();
    for device in candidates(&**change, rollout).await? {
        if known.contains(&device.id) || rollout.wave_of(device.id) != rollout.row.wave {
            continue;
        }
        if let Ok(artifact) = goods.judge(rollout, &device) {
            rows.push(update::ActiveModel::from(waiting(change, rollout, &device, artifact)));
        }
    }
    while !rows.is_empty() {
        let some = rows.split_off(rows.len().saturating_sub(ROWS_AT_ONCE));
        update::Entity::insert_many(some).exec_without_returning(&**change).await?;
    }
    Ok(())
}

/// A device that belongs to its wave and has been granted nothing yet.
pub(super) fn waiting(
    change: &Change,
    rollout: &Rollout,
    device: &Candidate,
    artifact: &artifact::Model,
) -> update::Model {
    update::Model {
        id: UpdateId::generate(),
        rollout_id: rollout.id(),
        business_id: device.business_id,
        device_id: device.id,
        wave: rollout.wave_of(device.id),
        os: device.os_type,
        arch: device.os_architecture,
        state: UpdateState::Waiting,
        step: 0,
        attempts: 0,
        seq: rollout.row.seq,
        artifact_sha256: artifact.sha256.clone(),
        build_id: artifact.build_id.clone(),
        size_bytes: artifact.size_bytes,
        from_version: device.running_version.clone().unwrap_or_default(),
        hinted_at: None,
        lease_expires_at: None,
        not_before: None,
        offered_at: None,
        switched_at: None,
        ended_at: None,
        changed_at: change.now(),
        reason: None,
        detail: String::new(),
        log_lines: "[]".to_owned(),
        gap_ms: None,
        downloaded_bytes: None,
    }
}
