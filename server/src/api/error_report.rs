//! Error reports over REST: what agents say went wrong inside them.

use super::{ApiResult, Asked, Id, Input};
use crate::authenticate::Caller;
use axum::Json;
use entity::{
    error_report::{ErrorDecision, ErrorGroupView, ErrorReportQuery, ErrorReportView},
    id::{DeviceId, ErrorReportId},
    page::Page,
};

/// `GET /error-reports`
pub(crate) async fn list(
    caller: Caller,
    Asked(query): Asked<ErrorReportQuery>,
) -> ApiResult<Page<ErrorReportView>> {
    Ok(Json(domain::error_report::list(&caller.cx, &query).await?))
}

/// `GET /error-reports/{id}`
pub(crate) async fn get(caller: Caller, Id(id): Id<ErrorReportId>) -> ApiResult<ErrorReportView> {
    Ok(Json(domain::error_report::get(&caller.cx, id).await?))
}

/// `GET /agents/{id}/error-reports`
pub(crate) async fn of_device(
    caller: Caller,
    Id(id): Id<DeviceId>,
    Asked(query): Asked<ErrorReportQuery>,
) -> ApiResult<Page<ErrorReportView>> {
    Ok(Json(domain::error_report::of_device(&caller.cx, id, &query).await?))
}

/// `GET /error-reports/groups`
pub(crate) async fn groups(
    caller: Caller,
    Asked(query): Asked<ErrorReportQuery>,
) -> ApiResult<Page<ErrorGroupView>> {
    Ok(Json(domain::error_report::groups(&caller.cx, &query).await?))
}

/// `POST /error-reports/groups/{id}`, by its fingerprint.
pub(crate) async fn decide(
    caller: Caller,
    Id(fingerprint): Id<String>,
    Input(input): Input<ErrorDecision>,
) -> ApiResult<ErrorGroupView> {
    Ok(Json(domain::error_report::decide(&caller.cx, &fingerprint, input).await?))
}
