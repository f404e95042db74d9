//! People over REST.

use super::{ApiProblem, ApiResult, Asked, Created, Id, Input, whole};
use crate::authenticate::Caller;
use axum::Json;
use entity::{
    id::{BusinessId, UserId},
    page::Page,
    user::{UserInput, UserView, UserWithLink},
};
use serde::Deserialize;

/// What a list of people may be narrowed by.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// Only this business.
    business_id: Option<BusinessId>,
}

/// What `PATCH /users/{id}` may change.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Switch {
    /// False: cannot sign in, sessions are over.
    is_active: bool,
}

/// `GET /users`
pub(crate) async fn list(caller: Caller, Asked(filter): Asked<Filter>) -> ApiResult<Page<UserView>> {
    Ok(whole(domain::user::list(&caller.cx, filter.business_id).await?))
}

/// `POST /users`
pub(crate) async fn add(
    caller: Caller,
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
    caller: Caller,
    Id(id): Id<UserId>,
    Input(switch): Input<Switch>,
) -> ApiResult<UserView> {
    Ok(Json(domain::user::set_active(&caller.cx.confirmed()?, id, switch.is_active).await?))
}

/// `PUT /users/{id}`
pub(crate) async fn change(
    caller: Caller,
    Id(id): Id<UserId>,
    Input(input): Input<UserInput>,
) -> ApiResult<UserView> {
    Ok(Json(domain::user::change(&caller.cx.confirmed()?, id, input).await?))
}

/// `POST /users/{id}/link`
pub(crate) async fn send_link(caller: Caller, Id(id): Id<UserId>) -> ApiResult<UserWithLink> {
    Ok(Json(domain::user::send_reset_link(&caller.cx.confirmed()?, id).await?))
}
