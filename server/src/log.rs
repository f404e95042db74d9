//! The log: one line an event, for people or as JSON, to standard error; and the line of each request.

use crate::{
    authenticate::{self, visitor},
    router::is_for_agents,
    setting,
    state::AppState,
};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use std::{
    io::{self, IsTerminal},
    panic,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};
use tracing::Span;
use tracing_subscriber::EnvFilter;

/// What is logged when nobody says otherwise.
pub(crate) const LEVEL_DEFAULT: &str = "info,sqlx=warn,sea_orm_migration=warn,async_nats=warn";

/// True once the log is made of JSON, into which no other line may come.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs: one object a line.
    Json,
}

/// Begins to log.
pub(crate) fn start(settings: &setting::Log) {
    let filter = EnvFilter::builder().parse_lossy(&settings.log_level.0);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match settings.log_format {
        Format::Text => lines.with_ansi(io::stderr().is_terminal()).init(),
        Format::Json => {
            IS_JSON.store(true, Ordering::Relaxed);
            lines.json().flatten_event(true).with_current_span(false).with_span_list(true).init();
        }
    }
    panic::set_hook(Box::new(|about| {
        let place = about.location().map(ToString::to_string).unwrap_or_default();
        let why = about.payload_as_str().unwrap_or("without a word");
        tracing::error!(place, why, "a task panicked");
    }));
}

/// Tells the person at the terminal, or who reads the log, why the program ends.
pub fn complain(error: &anyhow::Error) {
    if IS_JSON.load(Ordering::Relaxed) {
        tracing::error!(error = format!("{error:#}"), "reeve ends");
    } else {
        eprintln!("reeve: {error:#}");
    }
}

/// What stands before every line of a request.
pub(crate) fn span<B>(request: &axum::http::Request<B>) -> Span {
    let request_id = authenticate::request_id(request.extensions());
    // The path alone: a query can hold the key of the setup link.
    let (method, path) = (request.method(), request.uri().path());
    tracing::info_span!("request", request_id, %method, path, client = tracing::field::Empty)
}

/// Writes the line of each request: how it was answered, and how long that took. What agents, browsers and load
/// balancers ask for all the time is told only to those who ask for details.
pub(crate) async fn answered(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let is_routine = is_for_agents(&parts.method, path)
        || ["/ws", "/healthz", "/readyz", "/metrics"].contains(&path)
        || ["/pkg/", "/fonts/"].iter().any(|folder| path.starts_with(folder));
    Span::current().record("client", visitor(&parts, &state.config).source_ip);
    let began_at = Instant::now();
    let response = next.run(Request::from_parts(parts, body)).await;
    let status = response.status().as_u16();
    let duration_ms = u64::try_from(began_at.elapsed().as_millis()).unwrap_or(u64::MAX);
    if status >= 500 {
        tracing::warn!(status, duration_ms, "answered");
    } else if is_routine {
        tracing::debug!(status, duration_ms, "answered");
    } else {
        tracing::info!(status, duration_ms, "answered");
    }
    response
}
