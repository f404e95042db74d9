//! API keys over REST.

use super::{ApiProblem, ApiResult, Asked, Created, Id, Input};
use crate::authenticate::{Caller, Confirmed};
use axum::Json;
use entity::{
    api_key::{ApiKeyInput, ApiKeyQuery, ApiKeyView, IssuedApiKey},
    id::ApiKeyId,
    page::Page,
};

/// `GET /api-keys`
pub(crate) async fn list(caller: Caller, Asked(query): Asked<ApiKeyQuery>) -> ApiResult<Page<ApiKeyView>> {
    Ok(Json(domain::api_key::list(&caller.cx, &query).await?))
}

/// `POST /api-keys`
pub(crate) async fn add(
    caller: Confirmed,
    Input(input): Input<ApiKeyInput>,
) -> Result<Created<IssuedApiKey>, ApiProblem> {
    Ok(Created(domain::api_key::add(&caller.cx.confirmed()?, input).await?))
}

/// `GET /api-keys/{id}`
pub(crate) async fn get(caller: Caller, Id(id): Id<ApiKeyId>) -> ApiResult<ApiKeyView> {
    Ok(Json(domain::api_key::get(&caller.cx, id).await?))
}

/// `DELETE /api-keys/{id}`
pub(crate) async fn revoke(caller: Caller, Id(id): Id<ApiKeyId>) -> ApiResult<ApiKeyView> {
    Ok(Json(domain::api_key::revoke(&caller.cx, id).await?))
}
