//! What the link takes of updates: how far they have come, over the socket, or over HTTP while sockets are blocked.

use super::{
    End, Link,
    commands::is_unwanted,
    serve::{Session, say_text},
};
use crate::{http::ApiError, token::DeviceError};
use entity::{
    update::UpdateStatusAck,
    wire::{ToServer, limits::SOCKET_MESSAGE_BYTES_MAX},
};

impl Link {
    /// Says all that waits about updates.
    pub(super) async fn tell_updates(&mut self, session: &mut Session) -> Result<(), End> {
        if !session.takes_updates || session.paused_until.is_some() {
            return Ok(());
        }
        while let Some(status) = self.updates.next_status() {
            let message = ToServer::UpdateStatus(Box::new(status));
            let text = serde_json::to_string(&message).unwrap_or_default();
            if text.len() <= SOCKET_MESSAGE_BYTES_MAX {
                say_text(session, text).await?;
            } else if let ToServer::UpdateStatus(status) = message {
                self.post_status(session, *status).await?;
                if session.paused_until.is_some() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// A report was posted; false: it will be sent again.
    pub(super) fn status_was_posted(&self, ack: UpdateStatusAck, done: &Result<(), ApiError>) -> bool {
        match done {
            Ok(()) => {}
            Err(error) if is_unwanted(error) => {
                tracing::warn!(%error, "the server wants no report about an update: given up");
            }
            Err(_) => return false,
        }
        self.updates.acknowledged(ack);
        true
    }

    /// Posts what waits.
    pub(super) async fn post_updates(&mut self) -> Result<(), DeviceError> {
        while let Some(status) = self.updates.next_status() {
            let ack = UpdateStatusAck { update_id: status.update_id, step: status.step };
            match self.device.tell(&format!("updates/{}", status.update_id), &status).await {
                Ok(()) => self.updates.acknowledged(ack),
                Err(DeviceError::Api(error)) if is_unwanted(&error) => {
                    self.status_was_posted(ack, &Err(error));
                }
                // What is left comes again when the pause is over.
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
