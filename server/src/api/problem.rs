//! Problems as `application/problem+json`, RFC 9457.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use entity::problem::{Problem, ProblemCode};
use schemars::JsonSchema;
use serde::Serialize;

/// A problem on its way out.
#[derive(Debug)]
pub(crate) struct ApiProblem(Problem);

impl<E: Into<Problem>> From<E> for ApiProblem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// The problem with the members that RFC 9457 asks for.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct ProblemBody<'a> {
    /// Always `about:blank`: the code says what it is.
    r#type: &'static str,
    /// The name of the status.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    #[serde(flatten)]
    problem: &'a Problem,
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        let problem = self.0;
        let status = StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let title = status.canonical_reason().unwrap_or("Problem");
        let body = ProblemBody { r#type: "about:blank", title, status: status.as_u16(), problem: &problem };
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = problem.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Answers every path of the API that no handler has.
pub(crate) async fn no_such_address() -> ApiProblem {
    Problem::new(ProblemCode::NotFound, "There is nothing at this address.").into()
}
