//! What happened to a device: what it did and what people did to it, in one list, newest first.

use super::find;
use crate::{
    Cx, Result,
    store::{Change, decode_cursor, encode_cursor, keyset::limit_of},
};
use chrono::{DateTime, Utc};
use entity::{
    activity::{ActivityKind, ActivityView},
    audit::ActorKind,
    id::{AuditEntryId, BusinessId, DeviceEventId, DeviceId},
    page::Page,
    table::{audit_entry, device_event},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use uuid::Uuid;

/// Activity of a device. Ids are ordered by time, so one id is the cursor for both tables.
///
/// # Errors
/// Not found when the device is out of reach; invalid names the field.
pub async fn activity(
    cx: &Cx,
    id: DeviceId,
    cursor: Option<String>,
    limit: Option<u32>,
) -> Result<Page<ActivityView>> {
    find(cx, id).await?;
    let limit = limit_of(limit)?;
    let before: Uuid = match &cursor {
        Some(cursor) => decode_cursor(cursor)?,
        None => Uuid::max(),
    };
    let fetch = u64::from(limit) + 1;
    let events = cx
        .select::<device_event::Entity>()
        .filter(device_event::Column::DeviceId.eq(id))
        .filter(device_event::Column::Id.lt(DeviceEventId(before)))
        .order_by_desc(device_event::Column::Id)
        .limit(fetch)
        .all(cx.db())
        .await?;
    let entries = cx
        .select::<audit_entry::Entity>()
        .filter(audit_entry::Column::DeviceId.eq(id))
        .filter(audit_entry::Column::Id.lt(AuditEntryId(before)))
        // What the machine itself did is among its events already.
        .filter(audit_entry::Column::ActorKind.is_in([ActorKind::Person, ActorKind::ApiKey]))
        .order_by_desc(audit_entry::Column::Id)
        .limit(fetch)
        .all(cx.db())
        .await?;
    let mut all: Vec<(Uuid, ActivityView)> = events.into_iter().map(from_event).collect();
    all.extend(entries.into_iter().map(from_entry));
    all.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
    let more = all.len() > limit as usize;
    all.truncate(limit as usize);
    let next_cursor = match all.last() {
        Some((id, _)) if more => Some(encode_cursor(id)?),
        _ => None,
    };
    Ok(Page { items: all.into_iter().map(|(_, view)| view).collect(), next_cursor, total: None })
}

fn from_event(row: device_event::Model) -> (Uuid, ActivityView) {
    (row.id.0, ActivityView { at: row.at, kind: row.kind, summary: row.summary, actor: None })
}

fn from_entry(row: audit_entry::Model) -> (Uuid, ActivityView) {
    let view = ActivityView {
        at: row.at,
        kind: ActivityKind::Person,
        summary: row.summary,
        actor: Some(row.actor_name),
    };
    (row.id.0, view)
}

/// Writes down that something happened to a device, in the transaction of the change itself.
pub(crate) async fn note(
    change: &Change,
    device: DeviceId,
    business: BusinessId,
    at: DateTime<Utc>,
    kind: ActivityKind,
    summary: String,
) -> Result<()> {
    device_event::ActiveModel {
        id: Set(DeviceEventId::generate()),
        device_id: Set(device),
        business_id: Set(business),
        at: Set(at),
        kind: Set(kind),
        summary: Set(summary),
        event_id: Set(None),
    }
    .insert(&**change)
    .await?;
    Ok(())
}
