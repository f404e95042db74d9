//! What happens because time passed. Each job can be stopped and repeated at any point.

use crate::{Result, SystemCx, device::note, metric, registration, store::statement};
use chrono::Duration;
use entity::{
    activity::ActivityKind,
    device::DeviceState,
    portal_event::PortalEvent,
    presence::Presence,
    table::{ceremony, device, session},
};
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};

/// Sessions that ended are kept this long, to be seen in the list of what was.
const ENDED_SESSIONS_KEPT: Duration = Duration::days(30);

/// Writes down which devices went away or came back since the last sweep, and tells open pages. Says how many.
///
/// # Errors
/// When the database fails; the next sweep finds the same devices.
pub async fn sweep_presence(cx: &SystemCx) -> Result<usize> {
    let store = cx.store();
    let now = store.now();
    let transitions = store.tracker().transitions(now);
    if transitions.is_empty() {
        return Ok(0);
    }
    let change = store.begin().await?;
    for t in &transitions {
        let mut update = device::Entity::update_many()
            .col_expr(device::Column::Presence, Expr::value(t.to))
            .col_expr(device::Column::PresenceSince, Expr::value(now))
            .filter(device::Column::Id.eq(t.device_id))
            .filter(device::Column::State.eq(DeviceState::Active))
            .filter(device::Column::Presence.ne(t.to));
        if let Some(reason) = t.reason {
            update = update.col_expr(device::Column::DisconnectReason, Expr::value(reason));
        }
        if t.to == Presence::Online {
            update = update.col_expr(device::Column::Link, Expr::value(t.kind));
        }
        if update.exec(&*change).await?.rows_affected == 0 {
            continue;
        }
        let (kind, summary) = match t.reason {
            Some(reason) => (ActivityKind::Offline, format!("Offline: {}", reason.sentence())),
            None => (ActivityKind::Online, "Online again".to_owned()),
        };
        note(&change, t.device_id, t.business_id, now, kind, summary).await?;
    }
    change.commit_unattended().await?;
    for t in &transitions {
        store.tracker().stored(t.device_id, t.to);
        store.publish(PortalEvent::Presence {
            business_id: t.business_id,
            device_id: t.device_id,
            presence: t.to,
            since: now,
        });
    }
    Ok(transitions.len())
}

/// Writes down the last signs of life, all in one commit. Says how many.
///
/// # Errors
/// When the database fails; the times are kept for the next flush.
pub async fn flush_last_seen(cx: &SystemCx) -> Result<usize> {
    let store = cx.store();
    let times = store.tracker().take_unwritten();
    if times.is_empty() {
        return Ok(0);
    }
    let written = async {
        let change = store.begin().await?;
        let sql = "UPDATE agent_devices SET last_seen_at = ? WHERE id = ?";
        for (id, at) in &times {
            let values = [(*at).into(), (*id).into()];
            change.execute_raw(statement(change.get_database_backend(), sql, values)).await?;
        }
        change.commit_unattended().await
    }
    .await;
    if written.is_err() {
        store.tracker().put_back_unwritten(&times);
    }
    written.map(|()| times.len())
}

/// Moves registration tokens whose time is over, and forgets sessions that ended long ago and what was begun and never
/// finished. Says how many.
///
/// # Errors
/// When the database fails.
pub async fn expire(cx: &SystemCx) -> Result<u64> {
    let store = cx.store();
    let tokens = registration::expire(store).await?;
    let before = store.now() - ENDED_SESSIONS_KEPT;
    let change = store.begin().await?;
    let sessions =
        session::Entity::delete_many().filter(session::Column::ExpiresAt.lt(before)).exec(&*change).await?;
    let ceremonies = ceremony::Entity::delete_many()
        .filter(ceremony::Column::ExpiresAt.lt(store.now()))
        .exec(&*change)
        .await?;
    change.commit_unattended().await?;
    Ok(tokens + sessions.rows_affected + ceremonies.rows_affected)
}

/// Drops samples that are past retention. Says how many.
///
/// # Errors
/// When the database fails.
pub async fn thin_metrics(cx: &SystemCx) -> Result<u64> {
    metric::thin(cx.store()).await
}
