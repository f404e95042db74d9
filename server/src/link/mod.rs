//! The agents' end of the line: the WebSocket, and the HTTP calls that stand in for it.

mod ack;
pub(crate) mod polling;
mod registry;
mod session;
pub(crate) mod token;

pub(crate) use registry::Registry;

use crate::{api::ApiProblem, authenticate::Agent, state::AppState};
use axum::{
    extract::{State, WebSocketUpgrade},
    http::{HeaderMap, header},
    response::Response,
};
use entity::{
    problem::{Problem, ProblemCode},
    wire::limits::{MESSAGE_BYTES_MAX, SOCKET_READ_BUFFER_BYTES},
};

/// `GET /ws`: an agent opens its socket.
pub(crate) async fn accept(
    State(state): State<AppState>,
    Agent(agent): Agent,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiProblem> {
    // Browsers say where a page came from; agents are not pages.
    if headers.contains_key(header::ORIGIN) {
        return Err(Problem::new(ProblemCode::Forbidden, "This socket is for agents.").into());
    }
    Ok(upgrade
        .read_buffer_size(SOCKET_READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .on_upgrade(move |socket| session::run(socket, agent, state.registry)))
}
