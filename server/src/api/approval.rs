//! What people say about requests, over REST.

use super::{ApiResult, Asked, Id, Input};
use crate::authenticate::{Caller, Confirmed};
use axum::Json;
use entity::{
    approval::{BreakGlassInput, DecisionInput, DecisionQuery, DecisionView, ReviewInput, ReviewView},
    id::CommandRequestId,
    page::Page,
};

/// `GET /approvals`
pub(crate) async fn list(
    caller: Caller,
    Asked(query): Asked<DecisionQuery>,
) -> ApiResult<Page<DecisionView>> {
    Ok(Json(domain::approval::list(&caller.cx, &query).await?))
}

/// `GET /approvals/{id}`
pub(crate) async fn get(caller: Caller, Id(id): Id<CommandRequestId>) -> ApiResult<DecisionView> {
    Ok(Json(domain::approval::get(&caller.cx, id).await?))
}

/// `GET /approvals/{id}/review`
pub(crate) async fn review_of(caller: Caller, Id(id): Id<CommandRequestId>) -> ApiResult<Option<ReviewView>> {
    Ok(Json(domain::approval::review_of(&caller.cx, id).await?))
}

/// `POST /approvals/{id}/approve`
pub(crate) async fn approve(
    caller: Confirmed,
    Id(id): Id<CommandRequestId>,
    Input(input): Input<DecisionInput>,
) -> ApiResult<DecisionView> {
    Ok(Json(domain::approval::approve(&caller.cx.confirmed()?, id, input).await?))
}

/// `POST /approvals/{id}/reject`
pub(crate) async fn reject(
    caller: Confirmed,
    Id(id): Id<CommandRequestId>,
    Input(input): Input<DecisionInput>,
) -> ApiResult<DecisionView> {
    Ok(Json(domain::approval::reject(&caller.cx.confirmed()?, id, input).await?))
}

/// `POST /approvals/{id}/revoke`
pub(crate) async fn revoke(caller: Confirmed, Id(id): Id<CommandRequestId>) -> ApiResult<DecisionView> {
    Ok(Json(domain::approval::revoke(&caller.cx.confirmed()?, id).await?))
}

/// `POST /approvals/{id}/break-glass`
pub(crate) async fn break_glass(
    caller: Confirmed,
    Id(id): Id<CommandRequestId>,
    Input(input): Input<BreakGlassInput>,
) -> ApiResult<DecisionView> {
    Ok(Json(domain::approval::break_glass(&caller.cx.confirmed()?, id, input).await?))
}

/// `POST /approvals/{id}/review`
pub(crate) async fn review(
    caller: Confirmed,
    Id(id): Id<CommandRequestId>,
    Input(input): Input<ReviewInput>,
) -> ApiResult<DecisionView> {
    Ok(Json(domain::approval::review(&caller.cx.confirmed()?, id, input).await?))
}
