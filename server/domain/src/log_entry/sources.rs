//! Where agents look for log lines: decided for everybody, for a business or for a device; the closest decision counts.

use super::in_force::{MSP, in_force};
use crate::{Cx, Error, Result, access::Target, audit::Record, business, device, store::statement};
use entity::{
    device::DeviceState,
    id::{BusinessId, DeviceId, LogSourceId},
    log_entry::{LogSources, LogSourcesInput, LogSourcesView, LogTotals},
    policy::Action,
    table::{device as device_table, log_source},
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _, Set,
    sea_query::OnConflict,
};

/// The default for all businesses.
///
/// # Errors
/// When the database fails.
pub async fn get_default(cx: &Cx) -> Result<LogSourcesView> {
    in_force(cx.store(), None, None).await
}

/// What is in force in a business.
///
/// # Errors
/// Not found when it is out of reach.
pub async fn get_business(cx: &Cx, id: BusinessId) -> Result<LogSourcesView> {
    business::find(cx, id).await?;
    in_force(cx.store(), Some(id), None).await
}

/// What is in force on a device, and what became of lines that are not shown.
///
/// # Errors
/// Not found when it is out of reach.
pub async fn get_device(cx: &Cx, id: DeviceId) -> Result<LogSourcesView> {
    let row = device::find(cx, id).await?;
    let sql = "SELECT dropped, suppressed FROM agent_log_totals WHERE device_key = ?";
    let sql = statement(cx.db().get_database_backend(), sql, [row.device_key.into()]);
    let totals = match cx.db().query_one_raw(sql).await? {
        Some(row) => LogTotals {
            dropped: row.try_get_by_index::<i64>(0)?.unsigned_abs(),
            suppressed: row.try_get_by_index::<i64>(1)?.unsigned_abs(),
        },
        None => LogTotals::default(),
    };
    let view = in_force(cx.store(), Some(row.business_id), Some(id)).await?;
    Ok(LogSourcesView { totals: Some(totals), ..view })
}

/// Decides for all businesses.
///
/// # Errors
/// Forbidden by role; invalid names the field.
pub async fn set_default(cx: &Cx, input: LogSourcesInput) -> Result<LogSourcesView> {
    let summary = "Changed the log sources of all businesses";
    set(cx, Place { target: Target::Msp, business: None, device: None }, summary.to_owned(), &input).await?;
    wake(cx, None).await?;
    get_default(cx).await
}

/// Decides for a business.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role; invalid names the field.
pub async fn set_business(cx: &Cx, id: BusinessId, input: LogSourcesInput) -> Result<LogSourcesView> {
    let row = business::find(cx, id).await?;
    let place = Place { target: Target::Business(id), business: Some(id), device: None };
    set(cx, place, format!("Changed the log sources of {}", row.business_name), &input).await?;
    wake(cx, Some(id)).await?;
    get_business(cx, id).await
}

/// Decides for a device.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role, conflict when its access was revoked; invalid names the field.
pub async fn set_device(cx: &Cx, id: DeviceId, input: LogSourcesInput) -> Result<LogSourcesView> {
    let row = device::find(cx, id).await?;
    if row.state == DeviceState::Revoked {
        return Err(Error::conflict(None, "The access of this device was revoked; it follows nothing."));
    }
    let place = Place { target: Target::device(&row), business: Some(row.business_id), device: Some(id) };
    set(cx, place, format!("Changed the log sources of {}", row.device_name), &input).await?;
    cx.store().wake(&[id]);
    get_device(cx, id).await
}

/// For whom it is decided.
struct Place {
    target: Target,
    business: Option<BusinessId>,
    device: Option<DeviceId>,
}

async fn set(cx: &Cx, place: Place, summary: String, input: &LogSourcesInput) -> Result<()> {
    let permit = cx.permit(Action::ManageMonitoring, place.target)?;
    let sources =
        if input.inherits { None } else { Some(LogSources::parse(input.system_log, &input.files)?) };
    let key = match (place.business, place.device) {
        (_, Some(device)) => device.to_string(),
        (Some(business), None) => business.to_string(),
        (None, None) => MSP.to_owned(),
    };
    let before = in_force(cx.store(), place.business, place.device).await?;
    let change = permit.begin().await?;
    let mut record = Record::new("log_source.set", summary).before(&before.sources);
    record.device_id = place.device;
    match sources {
        None => {
            log_source::Entity::delete_many()
                .filter(log_source::Column::ScopeKey.eq(key))
                .exec(&*change)
                .await?;
        }
        Some(sources) => {
            let files =
                serde_json::to_string(&sources.files).map_err(|error| Error::Internal(error.to_string()))?;
            let row = log_source::ActiveModel {
                id: Set(LogSourceId::generate()),
                scope_key: Set(key),
                business_id: Set(place.business),
                device_id: Set(place.device),
                system_log: Set(sources.system_log),
                files: Set(files),
                updated_at: Set(cx.store().now()),
            };
            let replace = OnConflict::column(log_source::Column::ScopeKey)
                .update_columns([
                    log_source::Column::SystemLog,
                    log_source::Column::Files,
                    log_source::Column::UpdatedAt,
                ])
                .to_owned();
            log_source::Entity::insert(row).on_conflict(replace).exec_without_returning(&*change).await?;
            record = record.after(&sources);
        }
    }
    permit.commit(change, record).await
}

/// Lets the sessions of a business's devices, or of all, look into the database.
async fn wake(cx: &Cx, business: Option<BusinessId>) -> Result<()> {
    let mut select = cx
        .select::<device_table::Entity>()
        .filter(device_table::Column::State.eq(DeviceState::Active))
        .select_only()
        .column(device_table::Column::Id);
    if let Some(business) = business {
        select = select.filter(device_table::Column::BusinessId.eq(business));
    }
    let devices: Vec<DeviceId> = select.into_tuple().all(cx.db()).await?;
    cx.store().wake(&devices);
    Ok(())
}
