//! Is the process alive, and can it serve: for load balancers and people with curl.

use crate::{api::ApiProblem, state::AppState};
use axum::{
    extract::State,
    http::HeaderName,
    response::{IntoResponse, Response},
};
use domain::BusState;
use entity::problem::{Problem, ProblemCode};
use std::time::Duration;
use tokio::{sync::Mutex, time::Instant};

/// Says which server answers, so that `reeve doctor` can tell whether it is the one whose data it looks at.
pub(crate) const SERVER: HeaderName = HeaderName::from_static("x-reeve-server");
/// The database is asked no more often than this, however many ask.
const ASKED_EVERY: Duration = Duration::from_secs(1);

/// What the database answered when it was asked the last time.
#[derive(Default)]
pub(crate) struct Readiness(Mutex<Option<(Instant, Result<(), Problem>)>>);

/// `GET /healthz`: the process answers, and says which server it is.
pub(crate) async fn alive(State(state): State<AppState>) -> Response {
    ([(SERVER, state.store.fingerprint())], "ok\n").into_response()
}

/// `GET /readyz`: the database answers too, and the server is not stopping. How the bus stands is said and decides
/// nothing: without it a server serves.
pub(crate) async fn ready(State(state): State<AppState>) -> Result<&'static str, ApiProblem> {
    if *state.stopping.borrow() {
        return Err(Problem::new(ProblemCode::Unavailable, "The server is stopping.").into());
    }
    // Whoever asks meanwhile waits for the same answer.
    let mut last = state.readiness.0.lock().await;
    let answer = match &*last {
        Some((asked_at, answer)) if asked_at.elapsed() < ASKED_EVERY => answer.clone(),
        _ => {
            let answer = state.store.ready().await.map_err(Problem::from);
            *last = Some((Instant::now(), answer.clone()));
            answer
        }
    };
    answer?;
    Ok(match state.store.bus_state() {
        BusState::None => "ready\n",
        BusState::Connected => "ready\nbus: connected\n",
        BusState::Unreachable => "ready\nbus: unreachable\n",
    })
}
