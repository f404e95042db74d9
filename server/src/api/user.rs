//! People over REST.

use super::{ApiProblem, ApiResult, Asked, Created, Id, Input, whole};
use crate::authenticate::Caller;
use axum::Json;
use entity::{
    id::{BusinessId, UserId},
    page::Page,
    user::{UserInput, UserView, UserWithPassword},
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
) -> Result<Created<UserWithPassword>, ApiProblem> {
    Ok(Created(domain::user::add(&caller.cx, input).await?))
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
    Ok(Json(domain::user::set_active(&caller.cx, id, switch.is_active).await?))
}

/// `POST /users/{id}/reset-password`
pub(crate) async fn reset_password(caller: Caller, Id(id): Id<UserId>) -> ApiResult<UserWithPassword> {
    Ok(Json(domain::user::reset_password(&caller.cx, id).await?))
}
