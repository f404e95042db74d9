//! What the server sets on an agent: the intervals, and what follows from the rules of the MSP, of its business and of
//! the device itself.

use crate::{AgentCx, Result, Store, log_entry, monitored_service};
use entity::{table::device, wire::Settings};

/// The settings that are in force on a device.
pub(crate) async fn of(store: &Store, row: &device::Model) -> Result<Settings> {
    Ok(Settings {
        log_sources: log_entry::in_force(store, Some(row.business_id), Some(row.id)).await?.sources,
        monitored_services: monitored_service::settings_of(store, row).await?,
        ..Settings::default()
    })
}

/// The settings that are in force on the device that asks.
///
/// # Errors
/// When the device was revoked or the database fails.
pub async fn settings(cx: &AgentCx) -> Result<Settings> {
    of(cx.store(), &cx.device().await?).await
}
