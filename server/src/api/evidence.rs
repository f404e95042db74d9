//! The evidence of commands, and devices' own records, over REST.

use super::{ApiResult, Asked, Id};
use crate::{
    api::ApiProblem,
    authenticate::Caller,
    openapi::{Answer, Sketch},
};
use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use entity::{
    evidence::{RecordEntryView, RecordQuery, RecordView},
    id::{CommandId, DeviceId},
    page::Page,
};
use serde_json::json;

/// `GET /commands/{id}/evidence`
pub(crate) async fn evidence(caller: Caller, Id(id): Id<CommandId>) -> Result<Evidence, ApiProblem> {
    Ok(Evidence(id, domain::command::evidence::export(&caller.cx, id).await?))
}

/// `GET /agents/{id}/record`
pub(crate) async fn record(caller: Caller, Id(id): Id<DeviceId>) -> ApiResult<RecordView> {
    Ok(Json(domain::command::chain::record(&caller.cx, id).await?))
}

/// `GET /agents/{id}/record/entries`
pub(crate) async fn record_entries(
    caller: Caller,
    Id(id): Id<DeviceId>,
    Asked(query): Asked<RecordQuery>,
) -> ApiResult<Page<RecordEntryView>> {
    Ok(Json(domain::command::record::entries(&caller.cx, id, &query).await?))
}

/// `DELETE /agents/{id}/record/fault`
pub(crate) async fn acknowledge(caller: Caller, Id(id): Id<DeviceId>) -> ApiResult<RecordView> {
    Ok(Json(domain::command::chain::acknowledge(&caller.cx, id).await?))
}

/// A file whose every byte is sealed: it is sent as it was made.
pub(crate) struct Evidence(CommandId, String);

impl IntoResponse for Evidence {
    fn into_response(self) -> Response {
        let Self(id, text) = self;
        let name = HeaderValue::try_from(format!("attachment; filename=\"reeve-evidence-{id}.json\""));
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::CONTENT_DISPOSITION, name.unwrap_or(HeaderValue::from_static("attachment"))),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        (headers, text).into_response()
    }
}

impl Answer for Evidence {
    fn describe(sketch: &mut Sketch<'_>) {
        let content = [("application/json".to_owned(), json!({ "schema": { "type": "object" } }))];
        let content = content.into_iter().collect();
        sketch.answers(
            200,
            "A file with everything about the command, sealed by the server's command key.",
            content,
        );
    }
}
