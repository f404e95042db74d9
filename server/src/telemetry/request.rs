//! Requests, counted and timed by the route that answers them, never by the address that was asked for.

use crate::state::AppState;
use axum::{
    extract::{MatchedPath, Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};
use domain::telemetry::seconds;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};
use std::time::Instant;

/// Where no route stands.
const NO_ROUTE: &str = "none";
/// Static files have their digest in their address, which changes with each build.
const FILES: &str = "/pkg";

/// What is counted of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    route: String,
    method: &'static str,
    status: &'static str,
}

/// What its time is counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
    method: &'static str,
}

/// Requests that were answered.
pub(crate) struct Requests {
    answered: Family<Labels, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
}

impl Default for Requests {
    fn default() -> Self {
        Self { answered: Family::default(), seconds: Family::new_with_constructor(seconds) }
    }
}

impl Requests {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "http_requests",
            "Requests, by route, method and class of status",
            self.answered.clone(),
        );
        registry.register(
            "http_request_seconds",
            "Time from the head of a request to the head of its answer",
            self.seconds.clone(),
        );
    }
}

/// Counts a request and its time.
pub(crate) async fn measure(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let route = match request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) {
        None => NO_ROUTE.to_owned(),
        Some(route) if route.starts_with(FILES) => FILES.to_owned(),
        Some(route) => route.to_owned(),
    };
    let method = word_of(request.method());
    let response = next.run(request).await;
    let status = match response.status().as_u16() {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    };
    let requests = &state.telemetry.requests;
    requests
        .seconds
        .get_or_create_owned(&Route { route: route.clone(), method })
        .observe(begun.elapsed().as_secs_f64());
    requests.answered.get_or_create_owned(&Labels { route, method, status }).inc();
    response
}

/// A request may call its method anything.
fn word_of(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
