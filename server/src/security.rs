//! The headers that tell browsers what our pages may do, on every response.

use crate::{api::ApiProblem, state::AppState};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use entity::problem::{Problem, ProblemCode};

/// What a response without scripts may do: nothing.
const CSP_BARE: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// For a page that is read and does nothing: our own style, fonts and icon.
pub(crate) const CSP_READ_ONLY: &str = "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// For a year, this host is reached by TLS alone.
const HSTS: &str = "max-age=31536000";

/// What may stand in a request once: said twice, a proxy before us and we could each believe another one.
static ONCE: [HeaderName; 8] = [
    header::AUTHORIZATION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::HOST,
    header::ORIGIN,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("sec-fetch-site"),
];

/// The policy of a page whose inline scripts carry this nonce. There is no other exception: meters and charts say
/// their widths as attributes of SVG, and no element has a style of its own.
pub(crate) fn page_policy(nonce: &str) -> String {
    format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' 'nonce-{nonce}'; style-src 'self'; \
         img-src 'self' data:; object-src 'none'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'"
    )
}

/// Refuses a request that says twice what can only be once.
pub(crate) async fn unambiguous(request: Request, next: Next) -> Response {
    let twice = ONCE.iter().find(|name| request.headers().get_all(*name).iter().nth(1).is_some());
    match twice {
        None => next.run(request).await,
        Some(name) => {
            let detail = format!("The header {name} stands in this request more than once.");
            ApiProblem::from(Problem::new(ProblemCode::Invalid, detail)).into_response()
        }
    }
}

/// Adds the headers; what a face has already said stays.
pub(crate) async fn headers(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    say(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    say(headers, header::REFERRER_POLICY, "same-origin");
    say(headers, header::X_FRAME_OPTIONS, "DENY");
    say(headers, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    say(headers, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    say(headers, HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()");
    say(headers, header::CONTENT_SECURITY_POLICY, CSP_BARE);
    // Pages and answers belong to one person and one moment; static files say otherwise themselves.
    say(headers, header::CACHE_CONTROL, "no-store");
    if state.config.is_https() {
        say(headers, header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}

fn say(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}
