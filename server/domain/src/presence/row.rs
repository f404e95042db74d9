//! From signs of life to rows, many devices a statement. Processes may write about one device at the same time: the
//! later sign of life counts, and only who has the device calls it offline.

use super::Transition;
use crate::{
    Result, Store,
    store::{Change, statement},
};
use chrono::{DateTime, Utc};
use entity::{
    activity::ActivityKind,
    agent_state::AgentState,
    device::DeviceState,
    id::{BusinessId, DeviceEventId, DeviceId, NodeId},
    portal_event::PortalEvent,
    presence::{DisconnectReason, Presence},
    table::device_event,
};
use sea_orm::{ConnectionTrait as _, EntityTrait as _, FromQueryResult, Set, Value};
use std::collections::{HashMap, HashSet};

/// Devices of one statement and one commit.
const DEVICES_PER_STATEMENT: usize = 500;

#[derive(FromQueryResult)]
struct Moved {
    id: DeviceId,
    business_id: BusinessId,
}

#[derive(FromQueryResult)]
struct Standing {
    id: DeviceId,
    state: DeviceState,
    presence: Presence,
    node_id: Option<NodeId>,
    last_seen_at: Option<DateTime<Utc>>,
}

/// Writes down who went away or came back, and tells open pages. Says how many rows changed.
///
/// # Errors
/// When the database fails; the next sweep finds the same devices.
pub(crate) async fn sweep(store: &Store) -> Result<usize> {
    let (gone, back): (Vec<_>, Vec<_>) = store
        .tracker()
        .transitions(store.now())
        .into_iter()
        .partition(|transition| transition.to == Presence::Offline);
    let mut count = 0;
    for some in gone.chunks(DEVICES_PER_STATEMENT) {
        count += go(store, some).await?;
    }
    for some in back.chunks(DEVICES_PER_STATEMENT) {
        count += come(store, some).await?;
    }
    for some in store.tracker().agent_states().chunks(DEVICES_PER_STATEMENT) {
        write_agent_states(store, some).await?;
    }
    Ok(count)
}

/// Writes down what agents said that they are doing with themselves; repeats change nothing.
async fn write_agent_states(store: &Store, states: &[(DeviceId, AgentState)]) -> Result<()> {
    let sql = format!(
        "UPDATE agent_devices SET agent_state = v.column2 FROM (VALUES {}) AS v \
         WHERE agent_devices.id = v.column1 AND agent_devices.agent_state IS DISTINCT FROM v.column2 \
         RETURNING id, business_id",
        rows(states.len(), 2)
    );
    let values = states.iter().flat_map(|(id, state)| [Value::from(*id), (*state).into()]).collect();
    let change = store.begin().await?;
    let moved = moved(&change, &sql, values).await?;
    change.commit_unattended().await?;
    for (id, state) in states {
        store.tracker().agent_state_stored(*id, Some(*state));
    }
    for row in &moved {
        store.publish(PortalEvent::Device { business_id: row.business_id, device_id: row.id });
    }
    Ok(())
}

/// `(?, ?), (?, ?)` for so many rows of so many values.
fn rows(count: usize, width: usize) -> String {
    let row = format!("({})", crate::store::placeholders(width));
    vec![row; count].join(", ")
}

async fn go(store: &Store, gone: &[Transition]) -> Result<usize> {
    let reason = |transition: &Transition| transition.reason.unwrap_or(DisconnectReason::ConnectionLost);
    let now = store.now();
    let sql = format!(
        "UPDATE agent_devices SET presence = 'offline', presence_since = ?, disconnect_reason = v.column2 \
         FROM (VALUES {}) AS v \
         WHERE agent_devices.id = v.column1 AND agent_devices.state = 'active' \
         AND agent_devices.presence <> 'offline' AND agent_devices.node_id = ? \
         AND (agent_devices.last_seen_at IS NULL OR agent_devices.last_seen_at <= v.column3) \
         RETURNING id, business_id",
        rows(gone.len(), 3)
    );
    let mut values: Vec<Value> = vec![now.into()];
    for transition in gone {
        values.extend([
            transition.device_id.into(),
            reason(transition).into(),
            transition.last_seen_at.into(),
        ]);
    }
    values.push(store.node().into());
    let change = store.begin().await?;
    let moved = moved(&change, &sql, values).await?;
    let reasons: HashMap<DeviceId, DisconnectReason> =
        gone.iter().map(|transition| (transition.device_id, reason(transition))).collect();
    let offline = |row: &Moved| {
        let reason = reasons.get(&row.id).copied().unwrap_or(DisconnectReason::ConnectionLost);
        (ActivityKind::Offline, format!("Offline: {}", reason.sentence()))
    };
    note(&change, now, &moved, offline).await?;
    change.commit_unattended().await?;
    publish(store, &moved, Presence::Offline, now);
    let others: Vec<DeviceId> = left(gone, &moved);
    settle(store, &others).await?;
    Ok(moved.len())
}

async fn come(store: &Store, back: &[Transition]) -> Result<usize> {
    let now = store.now();
    let node = store.node();
    let sql = format!(
        "UPDATE agent_devices SET presence = 'online', presence_since = ?, node_id = ?, link = v.column2 \
         FROM (VALUES {}) AS v \
         WHERE agent_devices.id = v.column1 AND agent_devices.state = 'active' \
         AND agent_devices.presence <> 'online' RETURNING id, business_id",
        rows(back.len(), 2)
    );
    let mut values: Vec<Value> = vec![now.into(), node.into()];
    values.extend(back.iter().flat_map(|t| [Value::from(t.device_id), t.kind.into()]));
    let change = store.begin().await?;
    let moved = moved(&change, &sql, values).await?;
    note(&change, now, &moved, |_| (ActivityKind::Online, "Online again".to_owned())).await?;
    let others: HashSet<DeviceId> = left(back, &moved).into_iter().collect();
    if !others.is_empty() && !store.is_alone() {
        let others: Vec<&Transition> = back.iter().filter(|t| others.contains(&t.device_id)).collect();
        // Online as another process left them, or wrote them down when it took them for lost.
        let sql = format!(
            "UPDATE agent_devices SET node_id = ? FROM (VALUES {}) AS v \
             WHERE agent_devices.id = v.column1 AND agent_devices.node_id IS DISTINCT FROM ? \
             AND (agent_devices.last_seen_at IS NULL OR agent_devices.last_seen_at < v.column2)",
            rows(others.len(), 2)
        );
        let mut values: Vec<Value> = vec![node.into()];
        values.extend(others.iter().flat_map(|t| [Value::from(t.device_id), t.last_seen_at.into()]));
        values.push(node.into());
        change.execute_raw(statement(change.get_database_backend(), &sql, values)).await?;
    }
    change.commit_unattended().await?;
    for transition in back {
        store.tracker().stored(transition.device_id, Presence::Online);
    }
    publish(store, &moved, Presence::Online, now);
    Ok(moved.len())
}

async fn moved(change: &Change, sql: &str, values: Vec<Value>) -> Result<Vec<Moved>> {
    let rows = change.query_all_raw(statement(change.get_database_backend(), sql, values)).await?;
    Ok(rows.iter().map(|row| Moved::from_query_result(row, "")).collect::<std::result::Result<_, _>>()?)
}

fn left(all: &[Transition], moved: &[Moved]) -> Vec<DeviceId> {
    let moved: HashSet<DeviceId> = moved.iter().map(|row| row.id).collect();
    all.iter().map(|transition| transition.device_id).filter(|id| !moved.contains(id)).collect()
}

/// Writes the activity of many devices. The business is the row's: another process may have moved the device.
async fn note(
    change: &Change,
    now: DateTime<Utc>,
    moved: &[Moved],
    what: impl Fn(&Moved) -> (ActivityKind, String),
) -> Result<()> {
    if moved.is_empty() {
        return Ok(());
    }
    let events = moved.iter().map(|row| {
        let (kind, summary) = what(row);
        device_event::ActiveModel {
            id: Set(DeviceEventId::generate()),
            device_id: Set(row.id),
            business_id: Set(row.business_id),
            at: Set(now),
            kind: Set(kind),
            summary: Set(summary),
            event_id: Set(None),
        }
    });
    device_event::Entity::insert_many(events).exec_without_returning(&**change).await?;
    Ok(())
}

fn publish(store: &Store, moved: &[Moved], presence: Presence, since: DateTime<Utc>) {
    for row in moved {
        store.tracker().stored(row.id, presence);
        store.publish(PortalEvent::Presence {
            business_id: row.business_id,
            device_id: row.id,
            presence,
            since,
        });
    }
}

/// Looks why devices that are silent here were not called offline: they are another process's, or were heard of there.
async fn settle(store: &Store, devices: &[DeviceId]) -> Result<()> {
    if devices.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "SELECT id, state, presence, node_id, last_seen_at FROM agent_devices WHERE id IN ({})",
        crate::store::placeholders(devices.len())
    );
    let values = devices.iter().map(|id| Value::from(*id));
    let found = store.db().query_all_raw(statement(store.db().get_database_backend(), &sql, values)).await?;
    let mut rows = HashMap::new();
    for row in &found {
        let row = Standing::from_query_result(row, "")?;
        rows.insert(row.id, row);
    }
    let tracker = store.tracker();
    for id in devices {
        match rows.get(id) {
            Some(row) if row.state == DeviceState::Active && row.node_id == Some(store.node()) => {
                tracker.stored(*id, row.presence);
                if let Some(at) = row.last_seen_at {
                    tracker.heard_of(*id, at);
                }
            }
            _ => tracker.forget(*id),
        }
    }
    Ok(())
}

/// Writes down the last signs of life, all in one commit. Says how many there were.
///
/// # Errors
/// When the database fails; the times are kept for the next flush.
pub(crate) async fn flush(store: &Store) -> Result<usize> {
    let mut times = store.tracker().take_unwritten();
    if times.is_empty() {
        return Ok(0);
    }
    // Two processes that write about the same devices do so in the same order.
    times.sort_unstable_by_key(|(id, _)| *id);
    let written = async {
        let change = store.begin().await?;
        for some in times.chunks(DEVICES_PER_STATEMENT) {
            let sql = format!(
                "UPDATE agent_devices SET last_seen_at = v.column2 FROM (VALUES {}) AS v \
                 WHERE agent_devices.id = v.column1 \
                 AND (agent_devices.last_seen_at IS NULL OR agent_devices.last_seen_at < v.column2)",
                rows(some.len(), 2)
            );
            let values = some.iter().flat_map(|(id, at)| [Value::from(*id), (*at).into()]);
            change.execute_raw(statement(change.get_database_backend(), &sql, values)).await?;
        }
        change.commit_unattended().await
    }
    .await;
    if written.is_err() {
        store.tracker().put_back_unwritten(&times);
    }
    written.map(|()| times.len())
}
