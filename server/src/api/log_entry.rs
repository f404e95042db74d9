//! Log entries, and where agents look for them, over REST.

use super::{ApiResult, Asked, Id, Input};
use crate::authenticate::Caller;
use axum::Json;
use entity::{
    id::{BusinessId, DeviceId},
    log_entry::{LogEntryView, LogQuery, LogSourcesInput, LogSourcesView},
    page::Page,
};

/// `GET /logs`
pub(crate) async fn list(caller: Caller, Asked(query): Asked<LogQuery>) -> ApiResult<Page<LogEntryView>> {
    Ok(Json(domain::log_entry::list(&caller.cx, &query).await?))
}

/// `GET /agents/{id}/logs`
pub(crate) async fn of_device(
    caller: Caller,
    Id(id): Id<DeviceId>,
    Asked(query): Asked<LogQuery>,
) -> ApiResult<Page<LogEntryView>> {
    Ok(Json(domain::log_entry::of_device(&caller.cx, id, &query).await?))
}

/// `GET /log-sources`
pub(crate) async fn sources(caller: Caller) -> ApiResult<LogSourcesView> {
    Ok(Json(domain::log_entry::get_default(&caller.cx).await?))
}

/// `PUT /log-sources`
pub(crate) async fn set_sources(
    caller: Caller,
    Input(input): Input<LogSourcesInput>,
) -> ApiResult<LogSourcesView> {
    Ok(Json(domain::log_entry::set_default(&caller.cx, input).await?))
}

/// `GET /businesses/{id}/log-sources`
pub(crate) async fn sources_of_business(caller: Caller, Id(id): Id<BusinessId>) -> ApiResult<LogSourcesView> {
    Ok(Json(domain::log_entry::get_business(&caller.cx, id).await?))
}

/// `PUT /businesses/{id}/log-sources`
pub(crate) async fn set_sources_of_business(
    caller: Caller,
    Id(id): Id<BusinessId>,
    Input(input): Input<LogSourcesInput>,
) -> ApiResult<LogSourcesView> {
    Ok(Json(domain::log_entry::set_business(&caller.cx, id, input).await?))
}

/// `GET /agents/{id}/log-sources`
pub(crate) async fn sources_of_device(caller: Caller, Id(id): Id<DeviceId>) -> ApiResult<LogSourcesView> {
    Ok(Json(domain::log_entry::get_device(&caller.cx, id).await?))
}

/// `PUT /agents/{id}/log-sources`
pub(crate) async fn set_sources_of_device(
    caller: Caller,
    Id(id): Id<DeviceId>,
    Input(input): Input<LogSourcesInput>,
) -> ApiResult<LogSourcesView> {
    Ok(Json(domain::log_entry::set_device(&caller.cx, id, input).await?))
}
