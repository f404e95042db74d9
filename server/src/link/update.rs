//! What agents ask about releases: whether an update is due, whether what they know still holds, and that they were heard.

use crate::{
    api::{ApiProblem, ApiResult, Asked, Input},
    authenticate::{Agent, Reporter},
    openapi::{Answer, Sketch},
};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use entity::update::{
    FreshnessQuestion, ReceiptAnswer, ReceiptRequest, TrustAnswer, UpdateAnswer, UpdateQuestion,
};

/// An update, or none.
pub(crate) struct Due(Option<UpdateAnswer>);

impl IntoResponse for Due {
    fn into_response(self) -> Response {
        match self.0 {
            Some(answer) => Json(answer).into_response(),
            None => StatusCode::NO_CONTENT.into_response(),
        }
    }
}

impl Answer for Due {
    fn describe(sketch: &mut Sketch<'_>) {
        <Json<UpdateAnswer> as Answer>::describe(sketch);
        sketch.answers(204, "No update is due.", serde_json::Value::Null);
    }
}

/// `GET /agents/check_update`: the path is the requirement documents', and names no device.
pub(crate) async fn check_update(
    Reporter(agent): Reporter,
    Asked(question): Asked<UpdateQuestion>,
) -> Result<Due, ApiProblem> {
    Ok(Due(domain::release::check_update(&agent, &question).await?))
}

/// `GET /agents/{id}/freshness`
pub(crate) async fn freshness(
    Agent(agent): Agent,
    Asked(question): Asked<FreshnessQuestion>,
) -> ApiResult<TrustAnswer> {
    Ok(Json(domain::release::freshness(&agent, &question).await?))
}

/// `POST /agents/{id}/receipt`
pub(crate) async fn receipt(
    Agent(agent): Agent,
    Input(request): Input<ReceiptRequest>,
) -> ApiResult<ReceiptAnswer> {
    Ok(Json(domain::release::receipt(&agent, request).await?))
}
