//! Businesses over REST.

use super::{ApiProblem, ApiResult, Asked, Created, Id, Input};
use crate::authenticate::{Caller, Confirmed};
use axum::Json;
use entity::{
    business::{BusinessChannelInput, BusinessInput, BusinessQuery, BusinessSwitch, BusinessView},
    id::BusinessId,
    page::Page,
};

/// `GET /businesses`
pub(crate) async fn list(
    caller: Caller,
    Asked(query): Asked<BusinessQuery>,
) -> ApiResult<Page<BusinessView>> {
    Ok(Json(domain::business::list(&caller.cx, &query).await?))
}

/// `POST /businesses`
pub(crate) async fn add(
    caller: Caller,
    Input(input): Input<BusinessInput>,
) -> Result<Created<BusinessView>, ApiProblem> {
    Ok(Created(domain::business::add(&caller.cx, input).await?))
}

/// `GET /businesses/{id}`
pub(crate) async fn get(caller: Caller, Id(id): Id<BusinessId>) -> ApiResult<BusinessView> {
    Ok(Json(domain::business::get(&caller.cx, id).await?))
}

/// `PATCH /businesses/{id}`
pub(crate) async fn rename(
    caller: Caller,
    Id(id): Id<BusinessId>,
    Input(input): Input<BusinessInput>,
) -> ApiResult<BusinessView> {
    Ok(Json(domain::business::rename(&caller.cx, id, input).await?))
}

/// `PUT /businesses/{id}/release-channel`
pub(crate) async fn set_channel(
    caller: Caller,
    Id(id): Id<BusinessId>,
    Input(input): Input<BusinessChannelInput>,
) -> ApiResult<BusinessView> {
    Ok(Json(domain::release::set_channel_of_business(&caller.cx, id, input.channel).await?))
}

/// `POST /businesses/{id}/active`
pub(crate) async fn switch(
    caller: Confirmed,
    Id(id): Id<BusinessId>,
    Input(switch): Input<BusinessSwitch>,
) -> ApiResult<BusinessView> {
    Ok(Json(domain::business::set_active(&caller.cx.confirmed()?, id, switch.is_active).await?))
}
