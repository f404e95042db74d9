//! The road from a verb to other servers, such as a provider of sign-in.

use crate::Result;
use async_trait::async_trait;

/// A request to another server.
pub struct WebRequest {
    /// `GET` or `POST`.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Vec<u8>,
}

/// What it answered.
pub struct WebAnswer {
    /// HTTP status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What was answered, bounded in length.
    pub body: Vec<u8>,
}

/// Implemented by whoever can reach other servers: over TLS (but for this machine's own), without following
/// redirects, bounded in time and length.
#[async_trait]
pub trait Web: Send + Sync {
    /// Sends a request.
    ///
    /// # Errors
    /// When there is no answer, or none that is short enough.
    async fn fetch(&self, request: WebRequest) -> Result<WebAnswer>;
}
