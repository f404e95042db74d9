//! Custom roles over REST.

use super::{ApiProblem, ApiResult, Asked, Created, Id, Input};
use crate::authenticate::{Caller, Confirmed};
use axum::Json;
use entity::{
    custom_role::{CustomRoleInput, CustomRoleQuery, CustomRoleView},
    id::CustomRoleId,
    page::Page,
};

/// `GET /roles`
pub(crate) async fn list(
    caller: Caller,
    Asked(query): Asked<CustomRoleQuery>,
) -> ApiResult<Page<CustomRoleView>> {
    Ok(Json(domain::custom_role::list(&caller.cx, &query).await?))
}

/// `POST /roles`
pub(crate) async fn add(
    caller: Confirmed,
    Input(input): Input<CustomRoleInput>,
) -> Result<Created<CustomRoleView>, ApiProblem> {
    Ok(Created(domain::custom_role::add(&caller.cx.confirmed()?, input).await?))
}

/// `GET /roles/{id}`
pub(crate) async fn get(caller: Caller, Id(id): Id<CustomRoleId>) -> ApiResult<CustomRoleView> {
    Ok(Json(domain::custom_role::get(&caller.cx, id).await?))
}

/// `PUT /roles/{id}`
pub(crate) async fn change(
    caller: Confirmed,
    Id(id): Id<CustomRoleId>,
    Input(input): Input<CustomRoleInput>,
) -> ApiResult<CustomRoleView> {
    Ok(Json(domain::custom_role::change(&caller.cx.confirmed()?, id, input).await?))
}

/// `DELETE /roles/{id}`
pub(crate) async fn remove(caller: Confirmed, Id(id): Id<CustomRoleId>) -> ApiResult<CustomRoleView> {
    Ok(Json(domain::custom_role::remove(&caller.cx.confirmed()?, id).await?))
}
