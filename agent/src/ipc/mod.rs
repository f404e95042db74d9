//! The agent's channel to programs on the same machine: one request and its answer for each connection, in JSON. A Unix
//! socket or a named pipe that only the agent's own user and the machine's administrators can open, and a secret.

mod client;
mod desk;
mod document;
pub mod secret;
mod serve;
pub mod tail;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as os;
#[cfg(windows)]
use windows as os;

pub use client::{Connection, NotConnected};
pub use desk::Desk;
pub use serve::{Channel, open};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most bytes of a request.
pub const REQUEST_BYTES_MAX: usize = 4 * 1024;
/// Most bytes of an answer.
pub const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Conversations at once; more are turned away.
pub const CONVERSATIONS_MAX: usize = 8;

/// What is asked of the agent that runs: to make room (`new_args`), or to tell something (`ask`).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// [`secret::Secret`], as text.
    pub secret: String,
    /// Make room for an agent with these arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_args: Option<Vec<String>>,
    /// Tell something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<Ask>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("new_args", &self.new_args)
            .field("ask", &self.ask)
            .finish_non_exhaustive()
    }
}

/// What the agent can be asked to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// How it is.
    Status,
    /// What it finds when it looks at everything it needs.
    Doctor,
    /// What it logged: the answer is followed by the lines.
    Logs {
        /// So many of the last ones.
        lines: u32,
        /// And those that are added, until the asker hangs up.
        #[serde(default)]
        follow: bool,
    },
}

/// The agent's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Answer {
    /// It makes room.
    Acknowledged,
    /// It is being updated and cannot be restarted now.
    BusyUpdating {
        /// To this version.
        target_version: String,
    },
    /// The secret is not the one of this agent.
    InvalidSecret,
    /// Something else is wrong.
    Error {
        /// What, as a sentence.
        message: String,
    },
    /// What was asked for.
    Ok {
        /// It; null before lines of the log.
        #[serde(default)]
        report: Value,
    },
}

impl Answer {
    /// An error with this sentence.
    pub fn error(message: impl Into<String>) -> Self {
        Self::Error { message: message.into() }
    }

    /// One line of JSON.
    #[must_use]
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_messages_are_the_specifications() {
        let said: Request =
            serde_json::from_str(r#"{"secret": "abc", "new_args": ["--loglevel", "debug"]}"#).unwrap();
        assert_eq!(said.new_args.as_deref(), Some(&["--loglevel".to_owned(), "debug".to_owned()][..]));
        assert!(!format!("{said:?}").contains("abc"));
        for (answer, text) in [
            (Answer::Acknowledged, r#"{"status":"acknowledged"}"#),
            (
                Answer::BusyUpdating { target_version: "1.2.3".to_owned() },
                r#"{"status":"busy_updating","target_version":"1.2.3"}"#,
            ),
            (Answer::InvalidSecret, r#"{"status":"invalid_secret"}"#),
            (Answer::error("no"), r#"{"status":"error","message":"no"}"#),
        ] {
            assert_eq!(answer.line().trim_end(), text);
            assert_eq!(serde_json::from_str::<Answer>(text).unwrap(), answer);
        }
        let ask = |text: &str| serde_json::from_str::<Request>(text).unwrap().ask;
        assert_eq!(ask(r#"{"secret":"","ask":"status"}"#), Some(Ask::Status));
        let logs = Some(Ask::Logs { lines: 3, follow: false });
        assert_eq!(ask(r#"{"secret":"","ask":{"logs":{"lines":3}}}"#), logs);
        assert!(serde_json::from_str::<Request>(r#"{"secret":"","server":"http://x"}"#).is_err());
    }
}
