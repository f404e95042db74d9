//! The agents' end of the line: the WebSocket, and the HTTP calls that stand in for it.

mod ack;
pub(crate) mod polling;
mod registry;
mod session;
pub(crate) mod token;
pub(crate) mod update;

pub(crate) use registry::Registry;

use crate::{api::ApiProblem, authenticate::Agent, connection::Place, state::AppState};
use axum::{
    Extension,
    extract::{FromRequestParts, State, WebSocketUpgrade},
    http::{header, request::Parts},
    response::Response,
};
use entity::{
    problem::{Problem, ProblemCode},
    wire::limits::{SOCKET_MESSAGE_BYTES_MAX, SOCKET_READ_BUFFER_BYTES},
};
use std::sync::Arc;

/// `GET /ws`: an agent opens its socket.
pub(crate) async fn accept(
    State(state): State<AppState>,
    _: NoPage,
    Agent(agent): Agent,
    Extension(place): Extension<Arc<Place>>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiProblem> {
    place.becomes_socket();
    let (registry, limiter) = (Arc::clone(&state.registry), Arc::clone(&state.limiter));
    let budget = Arc::clone(&state.budget);
    Ok(upgrade
        .read_buffer_size(SOCKET_READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(SOCKET_MESSAGE_BYTES_MAX)
        .max_frame_size(SOCKET_MESSAGE_BYTES_MAX)
        .on_upgrade(move |socket| session::run(socket, agent, registry, limiter, budget)))
}

/// A request that no page made. Browsers say where a page came from, and cannot be made not to; agents are not pages.
pub(crate) struct NoPage;

impl<S: Sync> FromRequestParts<S> for NoPage {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        if parts.headers.contains_key(header::ORIGIN) {
            return Err(Problem::new(ProblemCode::Forbidden, "This socket is for agents.").into());
        }
        Ok(Self)
    }
}
