//! Service accounts over REST.

use super::{ApiProblem, ApiResult, Asked, Created, Id, Input};
use crate::authenticate::{Caller, Confirmed};
use axum::Json;
use entity::{
    api_key::{ServiceAccountChange, ServiceAccountInput, ServiceAccountQuery, ServiceAccountView},
    id::UserId,
    page::Page,
};

/// `GET /service-accounts`
pub(crate) async fn list(
    caller: Caller,
    Asked(query): Asked<ServiceAccountQuery>,
) -> ApiResult<Page<ServiceAccountView>> {
    Ok(Json(domain::service_account::list(&caller.cx, &query).await?))
}

/// `POST /service-accounts`
pub(crate) async fn add(
    caller: Confirmed,
    Input(input): Input<ServiceAccountInput>,
) -> Result<Created<ServiceAccountView>, ApiProblem> {
    Ok(Created(domain::service_account::add(&caller.cx.confirmed()?, input).await?))
}

/// `GET /service-accounts/{id}`
pub(crate) async fn get(caller: Caller, Id(id): Id<UserId>) -> ApiResult<ServiceAccountView> {
    Ok(Json(domain::service_account::get(&caller.cx, id).await?))
}

/// `PATCH /service-accounts/{id}`
pub(crate) async fn change(
    caller: Confirmed,
    Id(id): Id<UserId>,
    Input(wanted): Input<ServiceAccountChange>,
) -> ApiResult<ServiceAccountView> {
    Ok(Json(domain::service_account::change(&caller.cx.confirmed()?, id, wanted).await?))
}
