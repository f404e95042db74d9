//! Calls the agent that runs.

use super::{ANSWER_BYTES_MAX, Answer, Ask, Request, document, os, secret::Secret};
use crate::{paths::Paths, timing::Timing};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

/// Why there is no conversation.
#[derive(Debug, thiserror::Error)]
pub enum NotConnected {
    /// The secret cannot be read, or there is none.
    #[error("the secret of the agent's channel cannot be read: {0}")]
    NoSecret(String),
    /// Nobody listens.
    #[error("nobody listens on the agent's channel: {0}")]
    Nobody(io::Error),
    /// The system does not let us in.
    #[error("the agent's channel is not for this user: {0}")]
    Refused(io::Error),
}

/// An open connection to the agent that runs.
pub struct Connection {
    stream: os::Opened,
    secret: Secret,
    patience: Duration,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When there is no secret, nobody listens within the time, or we may not.
    pub async fn open(paths: &Paths, timing: &Timing) -> Result<Self, NotConnected> {
        let secret = match Secret::find(paths) {
            Ok(Some(secret)) => secret,
            Ok(None) => return Err(NotConnected::NoSecret("there is none".to_owned())),
            Err(error) => return Err(NotConnected::NoSecret(error.to_string())),
        };
        match timeout(timing.channel, os::connect(paths)).await {
            Ok(Ok(stream)) => Ok(Self { stream, secret, patience: timing.channel_answer }),
            Ok(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(NotConnected::Refused(error))
            }
            Ok(Err(error)) => Err(NotConnected::Nobody(error)),
            Err(_) => Err(NotConnected::Nobody(io::ErrorKind::TimedOut.into())),
        }
    }

    /// Asks the agent to make room for one with these arguments.
    ///
    /// # Errors
    /// When no answer comes in time, or none that can be read.
    pub async fn force(&mut self, new_args: Vec<String>) -> io::Result<Answer> {
        let request = Request { secret: self.secret.text(), new_args: Some(new_args), ask: None };
        self.request(&request).await
    }

    /// Asks the agent to tell something.
    ///
    /// # Errors
    /// When no answer comes in time, or none that can be read.
    pub async fn ask(&mut self, ask: Ask) -> io::Result<Answer> {
        let request = Request { secret: self.secret.text(), new_args: None, ask: Some(ask) };
        self.request(&request).await
    }

    async fn request(&mut self, request: &Request) -> io::Result<Answer> {
        let line = serde_json::to_string(request).map_err(io::Error::other)? + "\n";
        let conversation = async {
            self.stream.write_all(line.as_bytes()).await?;
            self.stream.flush().await?;
            answer(&mut self.stream).await
        };
        timeout(self.patience, conversation).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// What follows an answer, some of it at a time; empty at its end.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut some = vec![0; 16 * 1024];
        let count = self.stream.read(&mut some).await?;
        some.truncate(count);
        Ok(some)
    }
}

/// Reads the line of an answer and not a byte more: lines of the log may follow it.
async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Answer> {
    let mut line = Vec::new();
    // Byte by byte only until the end of a line; answers are short, and asked for by people.
    let mut byte = [0];
    while line.len() < ANSWER_BYTES_MAX && stream.read(&mut byte).await? == 1 && byte[0] != b'\n' {
        line.push(byte[0]);
    }
    let value = document::read(&mut line.as_slice(), ANSWER_BYTES_MAX).await?;
    serde_json::from_value(value).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
