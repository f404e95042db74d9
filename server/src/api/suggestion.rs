//! Suggestions over REST: commands that alerts propose.

use super::{ApiResult, Asked, Created, Id, Input};
use crate::{api::ApiProblem, authenticate::Caller};
use axum::Json;
use entity::{
    command::CommandDetail,
    id::SuggestionId,
    page::Page,
    suggestion::{DismissInput, SuggestionQuery, SuggestionView},
};

/// `GET /suggestions`
pub(crate) async fn list(
    caller: Caller,
    Asked(query): Asked<SuggestionQuery>,
) -> ApiResult<Page<SuggestionView>> {
    Ok(Json(domain::suggestion::list(&caller.cx, &query).await?))
}

/// `POST /suggestions/{id}/take`
pub(crate) async fn take(
    caller: Caller,
    Id(id): Id<SuggestionId>,
) -> Result<Created<CommandDetail>, ApiProblem> {
    Ok(Created(domain::suggestion::take(&caller.cx, id).await?))
}

/// `POST /suggestions/{id}/dismiss`
pub(crate) async fn dismiss(
    caller: Caller,
    Id(id): Id<SuggestionId>,
    Input(input): Input<DismissInput>,
) -> ApiResult<SuggestionView> {
    Ok(Json(domain::suggestion::dismiss(&caller.cx, id, input).await?))
}
