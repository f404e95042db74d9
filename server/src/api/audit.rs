//! The audit log over REST.

use super::{ApiProblem, ApiResult, Asked, Id, Input};
use crate::{
    authenticate::Caller,
    openapi::{Answer, Sketch},
};
use axum::{
    Json,
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use chrono::NaiveDate;
use domain::audit::Export;
use entity::{
    audit::{AuditEntryView, AuditQuery, ChainReport, ExportFormat},
    id::{BusinessId, UserId},
    page::Page,
    schema as shape,
};
use futures::stream;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// What is exported, and as what.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// JSON Lines where nobody says.
    format: Option<ExportFormat>,
    /// Only of this business.
    business_id: Option<BusinessId>,
    /// Only by this user.
    actor_id: Option<UserId>,
    /// Only this action, or all of a noun: `user.` finds `user.add`.
    #[schemars(with = "Option<shape::Search>")]
    action: Option<String>,
    /// Words of the summary or the actor's name.
    #[schemars(with = "Option<shape::Search>")]
    search: Option<String>,
    /// From this day on, in UTC.
    #[schemars(with = "Option<shape::Day>")]
    from: Option<NaiveDate>,
    /// To the end of this day, in UTC.
    #[schemars(with = "Option<shape::Day>")]
    to: Option<NaiveDate>,
}

/// What a check of the chain is told.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectation {
    /// The head of an earlier report.
    #[serde(default)]
    #[schemars(with = "Option<shape::Sha256Hex>")]
    expected_head: Option<String>,
}

/// `GET /audit`
pub(crate) async fn list(caller: Caller, Asked(query): Asked<AuditQuery>) -> ApiResult<Page<AuditEntryView>> {
    Ok(Json(domain::audit::list(&caller.cx, &query).await?))
}

/// `GET /audit/{id}`, by its place in the chain.
pub(crate) async fn get(caller: Caller, Id(seq): Id<i64>) -> ApiResult<AuditEntryView> {
    Ok(Json(domain::audit::get(&caller.cx, seq).await?))
}

/// `GET /audit/export`
pub(crate) async fn export(caller: Caller, Asked(wanted): Asked<Wanted>) -> Result<Exported, ApiProblem> {
    let format = wanted.format.unwrap_or(ExportFormat::Jsonl);
    Ok(Exported(domain::audit::export(&caller.cx, wanted.into(), format).await?, format))
}

/// `POST /audit/verification`
pub(crate) async fn verify(caller: Caller, Input(told): Input<Expectation>) -> ApiResult<ChainReport> {
    Ok(Json(domain::audit::verify(&caller.cx, told.expected_head.as_deref()).await?))
}

impl From<Wanted> for AuditQuery {
    fn from(wanted: Wanted) -> Self {
        let Wanted { format: _, business_id, actor_id, action, search, from, to } = wanted;
        Self { business_id, actor_id, action, search, from, to, cursor: None, limit: None }
    }
}

/// What was asked to be taken along, and as what.
pub(crate) struct Exported(Export, ExportFormat);

impl IntoResponse for Exported {
    fn into_response(self) -> Response {
        attached(self.0, self.1)
    }
}

impl Answer for Exported {
    fn describe(sketch: &mut Sketch<'_>) {
        let content = ExportFormat::ALL.iter().map(|format| {
            // A whole file: no schema says more than what its content type is.
            (format.content_type().to_owned(), json!({ "schema": { "type": "string" } }))
        });
        let content = content.collect();
        sketch.answers(200, "A file that is sent while it is read.", content);
    }
}

/// A file that is sent while it is read. When the database fails half-way the connection breaks off, so that nobody
/// takes half of a log for all of it.
fn attached(export: Export, format: ExportFormat) -> Response {
    let pieces = stream::try_unfold(export, async |mut export| {
        Ok::<_, domain::Error>(export.next().await?.map(|text| (text, export)))
    });
    let name = match format {
        ExportFormat::Jsonl => "attachment; filename=\"reeve-audit.jsonl\"",
        ExportFormat::Csv => "attachment; filename=\"reeve-audit.csv\"",
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(format.content_type())),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static(name)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Body::from_stream(pieces)).into_response()
}
