//! Which log sources count: read for whoever asks, because agents follow them whoever decided them.

use crate::{Error, Result, Store};
use entity::{
    id::{BusinessId, DeviceId},
    log_entry::{LogSources, LogSourcesView, SettingScope},
    table::log_source,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

/// The key of the MSP's default.
pub(super) const MSP: &str = "msp";

/// What is in force for everybody, a business, or a device of a business.
pub(crate) async fn in_force(
    store: &Store,
    business: Option<BusinessId>,
    device: Option<DeviceId>,
) -> Result<LogSourcesView> {
    let keys: Vec<String> =
        [Some(MSP.to_owned()), business.map(|id| id.to_string()), device.map(|id| id.to_string())]
            .into_iter()
            .flatten()
            .collect();
    let rows =
        log_source::Entity::find().filter(log_source::Column::ScopeKey.is_in(keys)).all(store.db()).await?;
    let scope = |row: &log_source::Model| match (row.business_id, row.device_id) {
        (_, Some(_)) => SettingScope::Device,
        (Some(_), None) => SettingScope::Business,
        (None, None) => SettingScope::Msp,
    };
    let Some(closest) = rows.into_iter().max_by_key(scope) else {
        return Ok(LogSourcesView {
            sources: LogSources::default(),
            scope: SettingScope::BuiltIn,
            totals: None,
        });
    };
    let scope = scope(&closest);
    let files = serde_json::from_str(&closest.files)
        .map_err(|error| Error::Internal(format!("stored log sources: {error}")))?;
    Ok(LogSourcesView { sources: LogSources { system_log: closest.system_log, files }, scope, totals: None })
}
