//! Suggestions as people see them, newest first, with both locks as they are now.

use crate::{
    Cx, Error, Result, approval_policy, business,
    command::{self, SERVER_NAME},
    store::{Reach, keyset, keyset::Order},
};
use entity::{
    command::{LockState, Payload, approvals_needed},
    id::{BusinessId, DeviceId, SuggestionId, UserId},
    page::Page,
    suggestion::{SuggestionQuery, SuggestionState, SuggestionView},
    table::{device, suggestion, user},
};
use sea_orm::{ColumnTrait as _, QueryFilter as _, QuerySelect as _};
use std::collections::{HashMap, hash_map::Entry};

/// One page of the suggestions within reach.
///
/// # Errors
/// Invalid names the field of the query.
pub async fn list(cx: &Cx, query: &SuggestionQuery) -> Result<Page<SuggestionView>> {
    let mut select = cx.select::<suggestion::Entity>();
    if let Some(id) = query.business_id {
        select = select.filter(suggestion::Column::BusinessId.eq(id));
    }
    if let Some(id) = query.device_id {
        select = select.filter(suggestion::Column::DeviceId.eq(id));
    }
    if let Some(id) = query.alert_id {
        select = select.filter(suggestion::Column::AlertId.eq(id));
    }
    if let Some(state) = query.state {
        select = select.filter(suggestion::Column::State.eq(state));
    }
    let order = Order::newest("suggestions.newest");
    let slice = keyset::page(cx.db(), select, order, query.cursor.as_deref(), query.limit).await?;
    Ok(Page { items: views(cx, slice.rows).await?, next_cursor: slice.next_cursor, total: None })
}

/// The row, if it is within reach.
pub(super) async fn find(cx: &Cx, id: SuggestionId) -> Result<suggestion::Model> {
    cx.select::<suggestion::Entity>()
        .filter(suggestion::Column::Id.eq(id))
        .one(cx.db())
        .await?
        .ok_or_else(|| Error::not_found("suggestion"))
}

/// One of them.
pub(super) async fn get(cx: &Cx, id: SuggestionId) -> Result<SuggestionView> {
    let row = find(cx, id).await?;
    views(cx, vec![row]).await?.pop().ok_or_else(|| Error::not_found("suggestion"))
}

/// What would run, as it is stored.
pub(super) fn stored(payload: &Payload) -> Result<String> {
    serde_json::to_string(payload).map_err(|error| Error::Internal(error.to_string()))
}

/// What would run.
pub(super) fn payload_of(row: &suggestion::Model) -> Result<Payload> {
    serde_json::from_str(&row.payload).map_err(|error| Error::Internal(format!("stored payload: {error}")))
}

async fn views(cx: &Cx, rows: Vec<suggestion::Model>) -> Result<Vec<SuggestionView>> {
    let businesses = business::names(cx, rows.iter().map(|row| row.business_id)).await?;
    let devices = devices(cx, &rows).await?;
    let people = people(cx, &rows).await?;
    let mut locks = locks(cx, &rows, &devices).await?;
    let views = rows.into_iter().map(|row| {
        let payload = payload_of(&row)?;
        let by_server = (row.state == SuggestionState::AskedByItself).then(|| SERVER_NAME.to_owned());
        Ok(SuggestionView {
            business_name: businesses.get(&row.business_id).cloned().unwrap_or_default(),
            device_name: devices.get(&row.device_id).map(|row| row.device_name.clone()).unwrap_or_default(),
            decided_by: row.decided_by.and_then(|id| people.get(&id).cloned()).or(by_server),
            lock: locks.remove(&row.id),
            strength: row.kind.strength(),
            sentence: payload.sentence(),
            payload,
            id: row.id,
            business_id: row.business_id,
            device_id: row.device_id,
            alert_id: row.alert_id,
            why: row.why,
            kind: row.kind,
            state: row.state,
            held_back: row.held_back,
            request_id: row.request_id,
            decided_at: row.decided_at,
            note: row.note,
            created_at: row.created_at,
        })
    });
    views.collect()
}

async fn devices(cx: &Cx, rows: &[suggestion::Model]) -> Result<HashMap<DeviceId, device::Model>> {
    let ids = rows.iter().map(|row| row.device_id);
    let found = cx.select::<device::Entity>().filter(device::Column::Id.is_in(ids)).all(cx.db()).await?;
    Ok(found.into_iter().map(|row| (row.id, row)).collect())
}

/// Both locks of those that are open, as they are now.
async fn locks(
    cx: &Cx,
    rows: &[suggestion::Model],
    devices: &HashMap<DeviceId, device::Model>,
) -> Result<HashMap<SuggestionId, LockState>> {
    let store = cx.store();
    let (mut policies, mut locks) = (HashMap::<BusinessId, _>::new(), HashMap::new());
    for row in rows.iter().filter(|row| row.state == SuggestionState::Open) {
        let Some(device) = devices.get(&row.device_id) else { continue };
        let policy = match policies.entry(row.business_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(room) => room.insert(approval_policy::in_force(store.db(), row.business_id).await?),
        };
        let payload = payload_of(row)?;
        let needed = approvals_needed(policy, &payload, 1, 1);
        locks.insert(row.id, command::lock_of(&payload, needed, device, store.now())?);
    }
    Ok(locks)
}

/// Who decided, by name. By the store: a customer sees who of the MSP looks after their device.
async fn people(cx: &Cx, rows: &[suggestion::Model]) -> Result<HashMap<UserId, String>> {
    let ids: Vec<UserId> = rows.iter().filter_map(|row| row.decided_by).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(UserId, String)> = Reach::everything()
        .select::<user::Entity>()
        .filter(user::Column::Id.is_in(ids))
        .select_only()
        .columns([user::Column::Id, user::Column::FullName])
        .into_tuple()
        .all(cx.store().db())
        .await?;
    Ok(found.into_iter().collect())
}
