//! What the link brings of commands and takes of them: over the socket, or over HTTP while sockets are blocked.

use super::{
    End, Link,
    poll::is_refused_for_good,
    serve::{Session, say_text},
    watched::{Said, bear_refusal},
};
use crate::{http::ApiError, token::DeviceError};
use entity::{
    id::CommandId,
    wire::{ChainAnswer, CommandsAnswer, ToServer, limits::SOCKET_MESSAGE_BYTES_MAX},
};

/// Most bytes of entries of the record in a message over a socket: a message has a little more.
const CHAIN_SOCKET_BYTES: usize = SOCKET_MESSAGE_BYTES_MAX - 2 * 1024;
/// The same over HTTP.
const CHAIN_POST_BYTES: usize = 128 * 1024;

impl Link {
    /// Says all that waits about commands.
    pub(super) async fn tell_commands(&mut self, session: &mut Session) -> Result<(), End> {
        if !session.takes_commands || session.paused_until.is_some() {
            return Ok(());
        }
        while let Some(message) = self.commands.next(self.timing.ack, CHAIN_SOCKET_BYTES) {
            let text = serde_json::to_string(&message).unwrap_or_default();
            if text.len() <= SOCKET_MESSAGE_BYTES_MAX {
                say_text(session, text).await?;
            } else if let ToServer::CommandResult(result) = message {
                self.post_result(session, result).await?;
                if session.paused_until.is_some() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// A result was posted; false: it will be sent again.
    pub(super) fn result_was_posted(&self, id: CommandId, done: &Result<(), ApiError>) -> bool {
        match done {
            Ok(()) => {}
            Err(error) if is_unwanted(error) => {
                tracing::error!(%error, %id, "the server refuses the result of a command: given up");
            }
            Err(_) => return false,
        }
        self.commands.result_acknowledged(id);
        true
    }

    /// Asks for commands, and says what waits about them. A server from before there were any has none.
    pub(super) async fn poll_commands(&mut self, said: &mut Said) -> Result<(), DeviceError> {
        let answer: CommandsAnswer = match self.device.get("commands").await {
            Ok(answer) => answer,
            Err(DeviceError::Api(error))
                if is_refused_for_good(&error) || matches!(error.status(), Some(404 | 405)) =>
            {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if let Some(server_time) = answer.server_time {
            if said.has_commands {
                self.commands.server_says(server_time);
            } else {
                self.commands.welcomed(server_time);
            }
        }
        said.has_commands = true;
        self.commands.chain_acknowledged(answer.chain_seq);
        for stop in &answer.stops {
            self.commands.stop(stop);
        }
        for id in answer.cancelled {
            self.commands.cancel(id);
        }
        for envelope in &answer.commands {
            self.commands.take(envelope);
        }
        self.commands.look_for_overdue(self.timing.ack);
        self.post_commands().await
    }

    /// Posts what waits.
    pub(super) async fn post_commands(&mut self) -> Result<(), DeviceError> {
        while let Some(message) = self.commands.next(self.timing.ack, CHAIN_POST_BYTES) {
            match message {
                ToServer::CommandResult(result) => {
                    let id = result.command_id;
                    match self.device.tell(&format!("commands/{id}/result"), &result).await {
                        Ok(()) => self.commands.result_acknowledged(id),
                        Err(DeviceError::Api(error)) if is_unwanted(&error) => {
                            self.result_was_posted(id, &Err(error));
                        }
                        Err(error) => return Err(error),
                    }
                }
                ToServer::Chain(chain) => {
                    let answer: ChainAnswer = self.device.post("chain", &chain).await?;
                    self.commands.chain_acknowledged(answer.seq);
                }
                ToServer::CommandReceipt(receipt) => {
                    let what = format!("commands/{}/receipt", receipt.command_id);
                    bear_refusal(self.device.tell(&what, &receipt).await)?;
                }
                ToServer::CommandProgress(progress) => {
                    let what = format!("commands/{}/progress", progress.command_id);
                    bear_refusal(self.device.tell(&what, &progress).await)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// True when the server will never take a result: it knows of no such command, or cannot read it.
pub(super) fn is_unwanted(error: &ApiError) -> bool {
    is_refused_for_good(error) || matches!(error.status(), Some(404 | 409))
}
