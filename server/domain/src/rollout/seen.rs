//! What runs where, from every authenticated contact, and what follows from it: a device that changed over and runs
//! something else has not got it, whatever was said before.

use super::{advance::advance, report::is_settled, row, step::step};
use crate::{AgentCx, Result, store::Reach};
use entity::{
    device::DeviceState,
    input::clip,
    portal_event::PortalEvent,
    release::{Sha256Hex, Version},
    table::{device, rollout_device as update},
    update::{Running, UpdateEvent, UpdateState},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, sea_query::Expr};

/// Longest version that is kept, in characters: an odd one is kept to be looked at.
const VERSION_MAX: usize = 60;
/// Longest name of a build that is kept.
const BUILD_MAX: usize = 64;

/// Notes what a device runs, and corrects what was believed of its last update.
///
/// # Errors
/// When the database fails.
pub async fn seen(cx: &AgentCx, running: &Running) -> Result<()> {
    note_running(cx, running).await?;
    let store = cx.store();
    let last = Reach::everything()
        .select::<update::Entity>()
        .filter(update::Column::DeviceId.eq(cx.device_id()))
        .filter(update::Column::OfferedAt.is_not_null())
        .order_by_desc(update::Column::Id)
        .one(store.db())
        .await?;
    let Some(row) = last.filter(|row| contradicts(row, running, store.now())) else { return Ok(()) };
    let change = store.begin().await?;
    let mut rollout = row::take(&change, row.rollout_id).await?;
    let detail = format!("It runs {} instead.", clip(&running.version, VERSION_MAX));
    let moved = step(&change, &mut rollout, &row, UpdateEvent::RollBack, &detail, |update| update).await?;
    advance(&change, &mut rollout).await?;
    change.commit_unattended().await?;
    if let Some(state) = moved {
        store.telemetry().update(state);
    }
    store.publish(PortalEvent::Rollout { rollout_id: rollout.id() });
    Ok(())
}

/// Does what runs say that the update did not stay?
fn contradicts(row: &update::Model, running: &Running, now: chrono::DateTime<chrono::Utc>) -> bool {
    let is_newer = i64::try_from(running.seq).unwrap_or(i64::MAX) > row.seq;
    let is_over = match row.state {
        UpdateState::Confirmed | UpdateState::Lost => true,
        // The one before may still say hello while the change is under way.
        UpdateState::Switched => is_settled(row, now),
        _ => false,
    };
    is_over && !is_newer && !is_it(row, running)
}

/// Is what runs what the release brings? By its digest; by what the build calls itself where nothing could read it.
pub(super) fn is_it(row: &update::Model, running: &Running) -> bool {
    match &running.sha256 {
        Some(sha256) => sha256.as_str() == row.artifact_sha256,
        None => running.build_id == row.build_id,
    }
}

/// Writes down what a device runs, if that is news.
pub(super) async fn note_running(cx: &AgentCx, running: &Running) -> Result<()> {
    let (store, row) = (cx.store(), cx.device().await?);
    let version = clip(&running.version, VERSION_MAX);
    let seq = i64::try_from(running.seq).unwrap_or(i64::MAX);
    let build_id = clip(&running.build_id, BUILD_MAX);
    let sha256 = running.sha256.as_ref().map(Sha256Hex::to_string);
    let is_same = row.running_version.as_ref() == Some(&version)
        && row.running_seq == Some(seq)
        && row.running_build_id.as_ref() == Some(&build_id)
        && row.running_sha256 == sha256
        && row.running_libc == running.libc
        && row.is_supervised == running.is_supervised;
    if is_same {
        return Ok(());
    }
    if version.parse::<Version>().is_err() {
        tracing::debug!(device.id = %cx.device_id(), "a device says a version that is none");
    }
    use device::Column as C;
    let change = store.begin().await?;
    device::Entity::update_many()
        .col_expr(C::RunningVersion, Expr::value(version))
        .col_expr(C::RunningSeq, Expr::value(seq))
        .col_expr(C::RunningBuildId, Expr::value(build_id))
        .col_expr(C::RunningSha256, Expr::value(sha256))
        .col_expr(C::RunningLibc, Expr::value(running.libc))
        .col_expr(C::IsSupervised, Expr::value(running.is_supervised))
        .filter(C::Id.eq(cx.device_id()))
        .filter(C::State.eq(DeviceState::Active))
        .exec(&*change)
        .await?;
    change.commit_unattended().await?;
    store.publish(PortalEvent::Device { business_id: cx.business_id(), device_id: cx.device_id() });
    Ok(())
}
