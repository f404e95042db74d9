//! A device says hello: it is online from here on, and the time before is explained.

use super::{clone::boots, greeter::Arrival};
use crate::{AgentCx, Result, node, rollout};
use chrono::{DateTime, Utc};
use entity::{
    activity::ActivityKind,
    input::clip,
    portal_event::PortalEvent,
    presence::{LinkKind, Presence},
    table::device,
    wire::{Heartbeat, HeartbeatAnswer, Hello, Known, PROTOCOL, Settings, Welcome},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};

/// Takes the first words of an agent.
///
/// # Errors
/// When the database fails, unavailable when too many say hello at once.
pub async fn hello(cx: &AgentCx, hello: &Hello, link: LinkKind) -> Result<Welcome> {
    let store = cx.store();
    let now = store.now();
    super::seen(cx, link);
    store.tracker().agent_state(cx.device_id(), hello.agent_state);
    let row = cx.device().await?;
    let came_online = row.presence != Presence::Online;
    let since = if came_online { now } else { row.presence_since.unwrap_or(now) };
    let agent_version = clip(&hello.agent_version, 40);
    let reason = hello.previous.as_ref().map(|previous| previous.reason);
    let boot_id = hello.boot_id.as_deref().map(|id| clip(id, 64));
    let boots = boots(&row, boot_id.as_deref());
    let is_new_suspect = boots.came_back && row.clone_suspected_at.is_none();
    let clone_suspected_at = if is_new_suspect { Some(now) } else { row.clone_suspected_at };

    let mut notes = events(&row, hello, &agent_version, link, now);
    if is_new_suspect {
        let summary = "Two machines seem to use this identity: a boot came back after another one";
        notes.insert(0, (ActivityKind::CloneSuspected, summary.to_owned()));
    }
    let lock = match &hello.device_lock {
        Some(summary) => super::lock::told(&row, summary.clone(), now)?,
        None => None,
    };
    let update = device::Entity::update_many()
        .col_expr(device::Column::Presence, Expr::value(Presence::Online))
        .col_expr(device::Column::PresenceSince, Expr::value(since))
        .col_expr(device::Column::DisconnectReason, Expr::value(reason.or(row.disconnect_reason)))
        .col_expr(device::Column::Link, Expr::value(link))
        .col_expr(device::Column::LastSeenAt, Expr::value(now))
        .col_expr(device::Column::NodeId, Expr::value(store.node()))
        .col_expr(device::Column::AgentVersion, Expr::value(agent_version.as_str()))
        .col_expr(device::Column::AgentState, Expr::value(hello.agent_state))
        .col_expr(device::Column::BootId, Expr::value(boot_id.or(row.boot_id.clone())))
        .col_expr(device::Column::FormerBootIds, Expr::value(boots.former))
        .col_expr(device::Column::CloneSuspectedAt, Expr::value(clone_suspected_at))
        .col_expr(device::Column::DeviceLock, Expr::value(lock.or(row.device_lock.clone())))
        .col_expr(device::Column::OsType, Expr::value(hello.os_type))
        .col_expr(device::Column::OsArchitecture, Expr::value(hello.os_architecture))
        .filter(device::Column::Id.eq(row.id));
    let arrival = Arrival { device: row.id, business: row.business_id, at: now, update, notes };
    store.greeter().write(arrival).await?;
    store.tracker().stored(row.id, Presence::Online);
    store.tracker().agent_state_stored(row.id, hello.agent_state);
    if let Some(running) = &hello.running {
        // It has arrived, whatever becomes of this; the next contact says it again.
        if let Err(error) = Box::pin(rollout::seen(cx, running)).await {
            tracing::warn!(%error, "what a device runs was not written down");
        }
    }
    if node::is_elsewhere(store, row.node_id) {
        // What is left of its former socket looks, finds that the device is here, and goes.
        store.wake_elsewhere(&[row.id]);
    }
    if came_online {
        store.publish(PortalEvent::Presence {
            business_id: row.business_id,
            device_id: row.id,
            presence: Presence::Online,
            since,
        });
    } else {
        store.publish(PortalEvent::Device { business_id: row.business_id, device_id: row.id });
    }
    Ok(Welcome {
        protocol: PROTOCOL.min(hello.protocol),
        server_time: now,
        settings: super::settings::of(store, &row).await?,
        known: known(&row),
    })
}

/// What this hello tells that was not known before.
fn events(
    row: &device::Model,
    hello: &Hello,
    agent_version: &str,
    link: LinkKind,
    now: DateTime<Utc>,
) -> Vec<(ActivityKind, String)> {
    let mut events = Vec::new();
    let reason = hello.previous.as_ref().map(|previous| previous.reason);
    match row.presence {
        Presence::Unknown => events.push((ActivityKind::Online, "Online for the first time".to_owned())),
        Presence::Offline => {
            let silence = row.last_seen_at.map(|at| format!(" after {} of silence", duration(now - at)));
            let because = reason.map(|reason| format!(": {}", reason.sentence()));
            let summary =
                ["Online again".to_owned(), silence.unwrap_or_default(), because.unwrap_or_default()];
            events.push((ActivityKind::Online, summary.concat()));
        }
        Presence::Online => {}
    }
    if row.link.is_some_and(|before| before != link) {
        let way = match link {
            LinkKind::Socket => "The agent is back on its socket",
            LinkKind::Polling => "Sockets are blocked: the agent polls over HTTP",
        };
        events.push((ActivityKind::LinkChanged, way.to_owned()));
    }
    if hello.boot_id.is_some() && row.boot_id.is_some() && hello.boot_id != row.boot_id {
        events.push((ActivityKind::Rebooted, "The machine was restarted".to_owned()));
    }
    if agent_version != row.agent_version {
        let summary = format!("The agent went from version {} to {agent_version}", row.agent_version);
        events.push((ActivityKind::AgentChanged, summary));
    }
    events
}

/// `4 min`, `3 h 20 min`, `2 d 4 h`.
fn duration(span: chrono::Duration) -> String {
    let minutes = span.num_minutes().max(0);
    match (minutes / 1440, minutes / 60 % 24, minutes % 60) {
        (0, 0, 0) => format!("{} s", span.num_seconds().max(0)),
        (0, 0, m) => format!("{m} min"),
        (0, h, m) => format!("{h} h {m} min"),
        (d, h, _) => format!("{d} d {h} h"),
    }
}

fn known(row: &device::Model) -> Known {
    Known {
        services: row.services_digest.clone(),
        software: row.software_digest.clone(),
        facts: row.facts_digest.clone(),
    }
}

/// A heartbeat over HTTP, with the hello of an agent that has no socket to say it on.
///
/// # Errors
/// When the database fails.
pub async fn heartbeat(cx: &AgentCx, heartbeat: &Heartbeat) -> Result<HeartbeatAnswer> {
    if let Some(state) = heartbeat.agent_state {
        super::agent_state(cx, state);
    }
    let (known, settings) = match &heartbeat.hello {
        Some(words) => {
            let welcome = hello(cx, words, heartbeat.link).await?;
            (welcome.known, welcome.settings)
        }
        None => {
            super::seen(cx, heartbeat.link);
            let row = cx.device().await?;
            (known(&row), super::settings::of(cx.store(), &row).await?)
        }
    };
    Ok(HeartbeatAnswer {
        next_checkin_seconds: settings.heartbeat_interval_seconds,
        config_updated: settings != Settings::default(),
        settings,
        known,
    })
}
