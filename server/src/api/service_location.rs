//! Service locations over REST.

use super::{ApiProblem, ApiResult, Asked, Created, Id, Input};
use crate::authenticate::Caller;
use axum::Json;
use entity::{
    id::{BusinessId, ServiceLocationId},
    page::Page,
    service_location::{ServiceLocationInput, ServiceLocationQuery, ServiceLocationView},
};

/// `GET /service-locations`
pub(crate) async fn list(
    caller: Caller,
    Asked(query): Asked<ServiceLocationQuery>,
) -> ApiResult<Page<ServiceLocationView>> {
    Ok(Json(domain::service_location::list(&caller.cx, &query).await?))
}

/// `GET /businesses/{id}/service-locations`
pub(crate) async fn of_business(
    caller: Caller,
    Id(business): Id<BusinessId>,
    Asked(query): Asked<ServiceLocationQuery>,
) -> ApiResult<Page<ServiceLocationView>> {
    domain::business::get(&caller.cx, business).await?;
    let query = ServiceLocationQuery { business_id: Some(business), ..query };
    Ok(Json(domain::service_location::list(&caller.cx, &query).await?))
}

/// `POST /businesses/{id}/service-locations`
pub(crate) async fn add(
    caller: Caller,
    Id(business): Id<BusinessId>,
    Input(input): Input<ServiceLocationInput>,
) -> Result<Created<ServiceLocationView>, ApiProblem> {
    Ok(Created(domain::service_location::add(&caller.cx, business, input).await?))
}

/// `GET /service-locations/{id}`
pub(crate) async fn get(caller: Caller, Id(id): Id<ServiceLocationId>) -> ApiResult<ServiceLocationView> {
    Ok(Json(domain::service_location::get(&caller.cx, id).await?))
}

/// `PATCH /service-locations/{id}`
pub(crate) async fn change(
    caller: Caller,
    Id(id): Id<ServiceLocationId>,
    Input(input): Input<ServiceLocationInput>,
) -> ApiResult<ServiceLocationView> {
    Ok(Json(domain::service_location::change(&caller.cx, id, input).await?))
}
