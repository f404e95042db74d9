//! What a device says of its lock. It is shown, and nothing that the server does can change it.

use crate::{AgentCx, Error, Result};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    device_lock::{LockSummary, LockView},
    portal_event::PortalEvent,
    table::device,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};

/// Two ends that are no further apart are the same: what the way and the rounding make of one.
const SAME_SECONDS: i64 = 5;

/// Takes what a device says of its lock. The same again changes nothing and costs no commit.
///
/// # Errors
/// When the database fails.
pub async fn device_lock(cx: &AgentCx, summary: LockSummary) -> Result<()> {
    let row = cx.device().await?;
    let Some(told) = told(&row, summary, cx.store().now())? else { return Ok(()) };
    let change = cx.begin().await?;
    device::Entity::update_many()
        .col_expr(device::Column::DeviceLock, Expr::value(told))
        .filter(device::Column::Id.eq(row.id))
        .exec(&*change)
        .await?;
    change.commit_unattended().await?;
    cx.store().publish(PortalEvent::Device { business_id: row.business_id, device_id: row.id });
    Ok(())
}

/// What is to be written down, when it differs from what is.
pub(super) fn told(row: &device::Model, summary: LockSummary, now: DateTime<Utc>) -> Result<Option<String>> {
    let view = LockView::of(summary, now);
    let is_as_before = read(row)?.is_some_and(|before| {
        let same_end = match (before.armed_until, view.armed_until) {
            (None, None) => true,
            (Some(before), Some(after)) => (before - after).abs() <= TimeDelta::seconds(SAME_SECONDS),
            _ => false,
        };
        same_end && before.allow == view.allow && before.trouble == view.trouble
    });
    if is_as_before {
        return Ok(None);
    }
    serde_json::to_string(&view).map(Some).map_err(|error| Error::Internal(error.to_string()))
}

/// What a device last said of its lock.
pub(crate) fn read(row: &device::Model) -> Result<Option<LockView>> {
    let read =
        |text| serde_json::from_str(text).map_err(|error| Error::Internal(format!("stored lock: {error}")));
    row.device_lock.as_deref().map(read).transpose()
}
