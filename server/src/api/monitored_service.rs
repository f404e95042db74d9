//! Monitored services over REST: the rules that say which are looked after, and how those of a device are.

use super::{ApiProblem, ApiResult, Asked, Created, Id, Input};
use crate::authenticate::Caller;
use axum::Json;
use entity::{
    id::{DeviceId, MonitoredServiceRuleId},
    monitored_service::{
        MonitoredServiceRuleChange, MonitoredServiceRuleInput, MonitoredServiceRuleQuery,
        MonitoredServiceRuleView, MonitoredServicesView,
    },
    page::Page,
};

/// `GET /monitored-services`
pub(crate) async fn list(
    caller: Caller,
    Asked(query): Asked<MonitoredServiceRuleQuery>,
) -> ApiResult<Page<MonitoredServiceRuleView>> {
    Ok(Json(domain::monitored_service::list(&caller.cx, &query).await?))
}

/// `POST /monitored-services`
pub(crate) async fn add(
    caller: Caller,
    Input(input): Input<MonitoredServiceRuleInput>,
) -> Result<Created<MonitoredServiceRuleView>, ApiProblem> {
    Ok(Created(domain::monitored_service::add(&caller.cx, input).await?))
}

/// `GET /monitored-services/{id}`
pub(crate) async fn get(
    caller: Caller,
    Id(id): Id<MonitoredServiceRuleId>,
) -> ApiResult<MonitoredServiceRuleView> {
    Ok(Json(domain::monitored_service::get(&caller.cx, id).await?))
}

/// `PUT /monitored-services/{id}`
pub(crate) async fn change(
    caller: Caller,
    Id(id): Id<MonitoredServiceRuleId>,
    Input(input): Input<MonitoredServiceRuleChange>,
) -> ApiResult<MonitoredServiceRuleView> {
    Ok(Json(domain::monitored_service::change(&caller.cx, id, input).await?))
}

/// `DELETE /monitored-services/{id}`
pub(crate) async fn remove(
    caller: Caller,
    Id(id): Id<MonitoredServiceRuleId>,
) -> ApiResult<MonitoredServiceRuleView> {
    Ok(Json(domain::monitored_service::remove(&caller.cx, id).await?))
}

/// `GET /agents/{id}/monitored-services`
pub(crate) async fn of_device(caller: Caller, Id(id): Id<DeviceId>) -> ApiResult<MonitoredServicesView> {
    Ok(Json(domain::monitored_service::of_device(&caller.cx, id).await?))
}
