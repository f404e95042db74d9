//! The road from a verb to people's mailboxes.

use crate::Result;
use async_trait::async_trait;

/// One letter, in plain text.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// The receiver's address.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// The text; may hold a secret link.
    pub text: String,
}

/// Implemented by whoever can send mail.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends a letter; done when the mail server has taken it.
    ///
    /// # Errors
    /// When the mail server does not take it.
    async fn send(&self, letter: Letter) -> Result<()>;
}
