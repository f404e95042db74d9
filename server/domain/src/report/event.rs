//! Something happened on a device. An event that names itself counts once, however often it is told.

use crate::{AgentCx, Result};
use entity::{
    activity::ActivityKind, id::DeviceEventId, input::clip, monitored_service::ServiceEventKind,
    portal_event::PortalEvent, table::device_event, wire::Event,
};
use sea_orm::{DbErr, EntityTrait as _, Set, sea_query::OnConflict};

/// Longest type of an event and longest sentence of one, in characters.
const TYPE_MAX: usize = 60;
const SUMMARY_MAX: usize = 300;

/// Takes something that happened on the device.
///
/// # Errors
/// When the database fails.
pub async fn event(cx: &AgentCx, event: Event) -> Result<()> {
    let is_of_service = event.data.is_some() && event.event_type.parse::<ServiceEventKind>().is_ok();
    let sentence = clip(&event.summary, SUMMARY_MAX);
    let (kind, summary) = if is_of_service {
        (ActivityKind::ServiceChanged, sentence)
    } else {
        (ActivityKind::Reported, format!("{}: {sentence}", clip(&event.event_type, TYPE_MAX)))
    };
    let row = device_event::ActiveModel {
        id: Set(DeviceEventId::generate()),
        device_id: Set(cx.device_id()),
        business_id: Set(cx.business_id()),
        at: Set(event.at),
        kind: Set(kind),
        summary: Set(summary),
        event_id: Set(event.id),
    };
    let change = cx.begin().await?;
    let again = OnConflict::columns([device_event::Column::DeviceId, device_event::Column::EventId])
        .do_nothing()
        .to_owned();
    let added =
        match device_event::Entity::insert(row).on_conflict(again).exec_without_returning(&*change).await {
            Ok(rows) => rows > 0,
            Err(DbErr::RecordNotInserted) => false,
            Err(error) => return Err(error.into()),
        };
    change.commit_unattended().await?;
    if added {
        if is_of_service {
            cx.store().telemetry().service_events.inc();
        }
        cx.store().publish(PortalEvent::Device { business_id: cx.business_id(), device_id: cx.device_id() });
    }
    Ok(())
}
