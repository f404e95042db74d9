//! Commands over REST.

use super::{ApiResult, Asked, Created, Id, Input, OnceKey};
use crate::{api::ApiProblem, authenticate::Caller};
use axum::Json;
use entity::{
    command::{
        CommandDetail, CommandInput, CommandQuery, CommandRow, CommandsInput, RequestDetail, RequestEdit,
        RequestPreview, RequestQuery, RequestRow,
    },
    id::{CommandId, CommandRequestId, DeviceId},
    page::Page,
};

/// `GET /commands`
pub(crate) async fn list(caller: Caller, Asked(query): Asked<CommandQuery>) -> ApiResult<Page<CommandRow>> {
    Ok(Json(domain::command::list(&caller.cx, &query).await?))
}

/// `GET /agents/{id}/command-history`
pub(crate) async fn of_device(
    caller: Caller,
    Id(id): Id<DeviceId>,
    Asked(query): Asked<CommandQuery>,
) -> ApiResult<Page<CommandRow>> {
    Ok(Json(domain::command::of_device(&caller.cx, id, &query).await?))
}

/// `POST /agents/{id}/commands`
pub(crate) async fn create_one(
    caller: Caller,
    Id(id): Id<DeviceId>,
    OnceKey(key): OnceKey,
    Input(input): Input<CommandInput>,
) -> Result<Created<CommandDetail>, ApiProblem> {
    Ok(Created(domain::command::create_one_once(&caller.cx, id, input, key).await?))
}

/// `POST /commands`
pub(crate) async fn create(
    caller: Caller,
    OnceKey(key): OnceKey,
    Input(input): Input<CommandsInput>,
) -> Result<Created<Vec<RequestRow>>, ApiProblem> {
    Ok(Created(domain::command::create_many_once(&caller.cx, input, key).await?))
}

/// `POST /commands/preview`
pub(crate) async fn preview(
    caller: Caller,
    Input(input): Input<CommandsInput>,
) -> ApiResult<Vec<RequestPreview>> {
    Ok(Json(domain::command::preview(&caller.cx, input).await?))
}

/// `GET /commands/{id}`
pub(crate) async fn get(caller: Caller, Id(id): Id<CommandId>) -> ApiResult<CommandDetail> {
    Ok(Json(domain::command::get(&caller.cx, id).await?))
}

/// `POST /commands/{id}/cancel`
pub(crate) async fn cancel(caller: Caller, Id(id): Id<CommandId>) -> ApiResult<CommandDetail> {
    Ok(Json(domain::command::cancel(&caller.cx, id).await?))
}

/// `GET /command-requests`
pub(crate) async fn requests(
    caller: Caller,
    Asked(query): Asked<RequestQuery>,
) -> ApiResult<Page<RequestRow>> {
    Ok(Json(domain::command::list_requests(&caller.cx, &query).await?))
}

/// `GET /command-requests/{id}`
pub(crate) async fn request(caller: Caller, Id(id): Id<CommandRequestId>) -> ApiResult<RequestDetail> {
    Ok(Json(domain::command::get_request(&caller.cx, id).await?))
}

/// `PUT /command-requests/{id}`
pub(crate) async fn edit(
    caller: Caller,
    Id(id): Id<CommandRequestId>,
    Input(input): Input<RequestEdit>,
) -> ApiResult<RequestDetail> {
    Ok(Json(domain::command::edit(&caller.cx, id, input).await?))
}

/// `POST /command-requests/{id}/cancel`
pub(crate) async fn cancel_request(caller: Caller, Id(id): Id<CommandRequestId>) -> ApiResult<RequestDetail> {
    Ok(Json(domain::command::cancel_request(&caller.cx, id).await?))
}
