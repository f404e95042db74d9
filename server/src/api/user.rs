//! People over REST.

use super::{ApiProblem, ApiResult, Asked, Created, Id, Input};
use crate::authenticate::{Caller, Confirmed};
use axum::Json;
use entity::{
    id::UserId,
    page::Page,
    user::{UserInput, UserQuery, UserView, UserWithLink},
};
use schemars::JsonSchema;
use serde::Deserialize;

/// What `PATCH /users/{id}` may change.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Switch {
    /// False: cannot sign in, sessions are over.
    is_active: bool,
}

/// `GET /users`
pub(crate) async fn list(caller: Caller, Asked(query): Asked<UserQuery>) -> ApiResult<Page<UserView>> {
    Ok(Json(domain::user::list(&caller.cx, &query).await?))
}

/// `POST /users`
pub(crate) async fn add(
    caller: Confirmed,
    Input(input): Input<UserInput>,
) -> Result<Created<UserWithLink>, ApiProblem> {
    Ok(Created(domain::user::add(&caller.cx.confirmed()?, input).await?))
}

/// `GET /users/{id}`
pub(crate) async fn get(caller: Caller, Id(id): Id<UserId>) -> ApiResult<UserView> {
    Ok(Json(domain::user::get(&caller.cx, id).await?))
}

/// `PATCH /users/{id}`
pub(crate) async fn switch(
    caller: Confirmed,
    Id(id): Id<UserId>,
    Input(switch): Input<Switch>,
) -> ApiResult<UserView> {
    Ok(Json(domain::user::set_active(&caller.cx.confirmed()?, id, switch.is_active).await?))
}

/// `PUT /users/{id}`
pub(crate) async fn change(
    caller: Confirmed,
    Id(id): Id<UserId>,
    Input(input): Input<UserInput>,
) -> ApiResult<UserView> {
    Ok(Json(domain::user::change(&caller.cx.confirmed()?, id, input).await?))
}

/// `POST /users/{id}/link`
pub(crate) async fn send_link(caller: Confirmed, Id(id): Id<UserId>) -> ApiResult<UserWithLink> {
    Ok(Json(domain::user::send_reset_link(&caller.cx.confirmed()?, id).await?))
}
