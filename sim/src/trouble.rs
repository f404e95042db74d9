//! What can come in the way of an agent, told apart by what it does about it.

use tokio_tungstenite::tungstenite;

/// Why something did not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No connection, or it broke before an answer.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// The server said no.
    #[error("refused with {status}: {detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Seconds to wait, when the server said so.
        retry_after_seconds: Option<u32>,
        /// What it said.
        detail: String,
    },
    /// The link was up and is gone.
    #[error("the link was lost")]
    Lost,
    /// An answer that does not fit the question.
    #[error("unreadable: {0}")]
    Unreadable(String),
}

impl Trouble {
    /// Seconds to wait, when the server said so.
    #[must_use]
    pub const fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::Refused { retry_after_seconds, .. } => *retry_after_seconds,
            _ => None,
        }
    }

    /// HTTP status, when there was one.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// A short name to count it by.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Unreachable(_) => "unreachable".to_owned(),
            Self::Refused { status, .. } => status.to_string(),
            Self::Lost => "lost".to_owned(),
            Self::Unreadable(_) => "unreadable".to_owned(),
        }
    }

    /// True for what no well-behaved agent should ever meet, whatever befalls server and network: a refusal that is
    /// neither a wait nor an expired token, an answer that makes no sense.
    #[must_use]
    pub const fn is_unexpected(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Lost => false,
            Self::Refused { status, .. } => !matches!(*status, 401 | 429 | 502 | 503 | 504),
            Self::Unreadable(_) => true,
        }
    }
}

impl From<tungstenite::Error> for Trouble {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::Http(answer) => {
                let retry_after = answer.headers().get("retry-after");
                Self::Refused {
                    status: answer.status().as_u16(),
                    retry_after_seconds: retry_after
                        .and_then(|value| value.to_str().ok()?.trim().parse().ok()),
                    detail: "the upgrade".to_owned(),
                }
            }
            error => Self::Unreachable(error.to_string()),
        }
    }
}
