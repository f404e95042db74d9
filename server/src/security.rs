//! The headers that tell browsers what our pages may do, on every response.

use crate::state::AppState;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

/// What a response without scripts may do: nothing.
const CSP_BARE: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// For a year, this host is reached by TLS alone.
const HSTS: &str = "max-age=31536000";

/// The policy of a page whose inline scripts carry this nonce. `style-src-attr` is open because server-rendered
/// meters and charts say their widths there; style elements and sheets come from us alone.
pub(crate) fn page_policy(nonce: &str) -> String {
    format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' 'nonce-{nonce}'; style-src 'self'; \
         style-src-attr 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'"
    )
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
