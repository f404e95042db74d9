//! Alerts and their rules over REST.

use super::{ApiResult, Asked, Id, Input};
use crate::authenticate::Caller;
use axum::Json;
use entity::{
    alert::{AlertQuery, AlertView, LogBurstInput, LogBurstView, ResolveInput},
    id::{AlertId, BusinessId, DeviceId},
    page::Page,
};

/// `GET /alerts`
pub(crate) async fn list(caller: Caller, Asked(query): Asked<AlertQuery>) -> ApiResult<Page<AlertView>> {
    Ok(Json(domain::alert::list(&caller.cx, &query).await?))
}

/// `GET /agents/{id}/alerts`
pub(crate) async fn of_device(
    caller: Caller,
    Id(id): Id<DeviceId>,
    Asked(query): Asked<AlertQuery>,
) -> ApiResult<Page<AlertView>> {
    Ok(Json(domain::alert::of_device(&caller.cx, id, &query).await?))
}

/// `GET /alerts/{id}`
pub(crate) async fn get(caller: Caller, Id(id): Id<AlertId>) -> ApiResult<AlertView> {
    Ok(Json(domain::alert::get(&caller.cx, id).await?))
}

/// `POST /alerts/{id}/acknowledge`
pub(crate) async fn acknowledge(caller: Caller, Id(id): Id<AlertId>) -> ApiResult<AlertView> {
    Ok(Json(domain::alert::acknowledge(&caller.cx, id).await?))
}

/// `POST /alerts/{id}/resolve`
pub(crate) async fn resolve(
    caller: Caller,
    Id(id): Id<AlertId>,
    Input(input): Input<ResolveInput>,
) -> ApiResult<AlertView> {
    Ok(Json(domain::alert::resolve(&caller.cx, id, input).await?))
}

/// `GET /alert-rules/log-burst`
pub(crate) async fn rule(caller: Caller) -> ApiResult<LogBurstView> {
    Ok(Json(domain::alert::get_default(&caller.cx).await?))
}

/// `PUT /alert-rules/log-burst`
pub(crate) async fn set_rule(caller: Caller, Input(input): Input<LogBurstInput>) -> ApiResult<LogBurstView> {
    Ok(Json(domain::alert::set_default(&caller.cx, input).await?))
}

/// `GET /businesses/{id}/alert-rules/log-burst`
pub(crate) async fn rule_of_business(caller: Caller, Id(id): Id<BusinessId>) -> ApiResult<LogBurstView> {
    Ok(Json(domain::alert::get_business(&caller.cx, id).await?))
}

/// `PUT /businesses/{id}/alert-rules/log-burst`
pub(crate) async fn set_rule_of_business(
    caller: Caller,
    Id(id): Id<BusinessId>,
    Input(input): Input<LogBurstInput>,
) -> ApiResult<LogBurstView> {
    Ok(Json(domain::alert::set_business(&caller.cx, id, input).await?))
}
