//! The agents' end of the line: the WebSocket, and the HTTP calls that stand in for it.

mod ack;
pub(crate) mod polling;
mod registry;
mod session;
pub(crate) mod token;

pub(crate) use registry::Registry;

use crate::{api::ApiProblem, authenticate::Agent, state::AppState};
use axum::{
    extract::{FromRequestParts, State, WebSocketUpgrade},
    http::{header, request::Parts},
    response::Response,
};
use entity::{
    problem::{Problem, ProblemCode},
    wire::limits::{MESSAGE_BYTES_MAX, SOCKET_READ_BUFFER_BYTES},
};

/// `GET /ws`: an agent opens its socket.
pub(crate) async fn accept(
    State(state): State<AppState>,
    _: NoPage,
    Agent(agent): Agent,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiProblem> {
    Ok(upgrade
        .read_buffer_size(SOCKET_READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .on_upgrade(move |socket| session::run(socket, agent, state.registry, state.limiter)))
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
