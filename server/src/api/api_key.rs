//! API keys over REST.

use super::{ApiProblem, ApiResult, Asked, Created, Id, Input, whole};
use crate::authenticate::Caller;
use axum::Json;
use entity::{
    api_key::{ApiKeyInput, ApiKeyView, IssuedApiKey},
    id::{ApiKeyId, UserId},
    page::Page,
};
use serde::Deserialize;

/// What a list of keys may be narrowed by.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// Only those that act as this user.
    user_id: Option<UserId>,
}

/// `GET /api-keys`
pub(crate) async fn list(caller: Caller, Asked(filter): Asked<Filter>) -> ApiResult<Page<ApiKeyView>> {
    Ok(whole(domain::api_key::list(&caller.cx, filter.user_id).await?))
}

/// `POST /api-keys`
pub(crate) async fn add(
    caller: Caller,
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
