//! Scripts over REST.

use super::{ApiProblem, ApiResult, Asked, Created, Id, Input};
use crate::authenticate::Caller;
use axum::Json;
use entity::{
    id::{ScriptId, ScriptVersionId},
    page::Page,
    script::{
        ScriptChange, ScriptInput, ScriptQuery, ScriptVersionInput, ScriptVersionRow, ScriptVersionView,
        ScriptView,
    },
};

/// `GET /scripts`
pub(crate) async fn list(caller: Caller, Asked(query): Asked<ScriptQuery>) -> ApiResult<Page<ScriptView>> {
    Ok(Json(domain::script::list(&caller.cx, &query).await?))
}

/// `POST /scripts`
pub(crate) async fn add(
    caller: Caller,
    Input(input): Input<ScriptInput>,
) -> Result<Created<ScriptView>, ApiProblem> {
    Ok(Created(domain::script::add(&caller.cx, input).await?))
}

/// `GET /scripts/{id}`
pub(crate) async fn get(caller: Caller, Id(id): Id<ScriptId>) -> ApiResult<ScriptView> {
    Ok(Json(domain::script::get(&caller.cx, id).await?))
}

/// `PUT /scripts/{id}`
pub(crate) async fn change(
    caller: Caller,
    Id(id): Id<ScriptId>,
    Input(input): Input<ScriptChange>,
) -> ApiResult<ScriptView> {
    Ok(Json(domain::script::change(&caller.cx, id, input).await?))
}

/// `DELETE /scripts/{id}`
pub(crate) async fn archive(caller: Caller, Id(id): Id<ScriptId>) -> ApiResult<ScriptView> {
    Ok(Json(domain::script::archive(&caller.cx, id).await?))
}

/// `GET /scripts/{id}/versions`
pub(crate) async fn versions(caller: Caller, Id(id): Id<ScriptId>) -> ApiResult<Vec<ScriptVersionRow>> {
    Ok(Json(domain::script::versions(&caller.cx, id).await?))
}

/// `POST /scripts/{id}/versions`
pub(crate) async fn add_version(
    caller: Caller,
    Id(id): Id<ScriptId>,
    Input(input): Input<ScriptVersionInput>,
) -> ApiResult<ScriptView> {
    Ok(Json(domain::script::add_version(&caller.cx, id, input).await?))
}

/// `GET /script-versions/{id}`
pub(crate) async fn get_version(caller: Caller, Id(id): Id<ScriptVersionId>) -> ApiResult<ScriptVersionView> {
    Ok(Json(domain::script::get_version(&caller.cx, id).await?))
}
