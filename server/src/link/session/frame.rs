//! What comes in on an agent's socket, as messages and as ends.

use super::{super::registry::Leave, End};
use axum::extract::ws::{Message, close_code};
use entity::{presence::DisconnectReason, wire::ToServer};
use std::ops::ControlFlow;

/// Reads one frame: a message, what is wrong with it, or `None` for a frame that only keeps the socket alive.
pub(super) fn read(
    frame: Option<Result<Message, axum::Error>>,
) -> ControlFlow<End, Option<Result<ToServer, String>>> {
    let message = match frame {
        None => return ControlFlow::Break(End::Lost),
        Some(Err(error)) => return ControlFlow::Break(broken(&error)),
        Some(Ok(message)) => message,
    };
    ControlFlow::Continue(match message {
        Message::Ping(_) | Message::Pong(_) => None,
        Message::Text(text) => Some(serde_json::from_str(&text).map_err(|error| error.to_string())),
        Message::Binary(_) => Some(Err("binary frames are not part of this protocol".to_owned())),
        Message::Close(frame) => {
            // An agent that closes in order says why, in the word of the reason.
            let reason = frame.and_then(|frame| frame.reason.parse().ok());
            return ControlFlow::Break(End::Closed(reason.unwrap_or(DisconnectReason::ConnectionLost)));
        }
    })
}

/// Tells a message over the limit, which the agent must not send again, from a broken connection.
fn broken(error: &axum::Error) -> End {
    let text = error.to_string();
    if text.contains("too long") || text.contains("too big") {
        End::Refused(close_code::SIZE)
    } else {
        End::Lost
    }
}

/// How a session ends that was told to leave.
pub(super) fn left(leave: Option<Leave>) -> End {
    match leave {
        Some(Leave::Goodbye(reason)) => End::Goodbye(reason),
        Some(Leave::Replaced) | None => End::Replaced,
    }
}
