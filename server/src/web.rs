//! The road to other servers, such as providers of sign-in: over TLS, straight, and bounded in time and length.

use async_trait::async_trait;
use domain::{Error, Result, Web, WebAnswer, WebRequest, oidc::is_acceptable_address};
use reqwest::{Client, Method, redirect::Policy};
use rustls::crypto::{CryptoProvider, ring};
use std::time::Duration;

/// Longest that another server may take to be reached.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Longest that it may take until it has answered.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Says by which code other servers are reached over TLS.
pub(crate) fn choose_tls() {
    if CryptoProvider::get_default().is_none() {
        // Somebody else may have been faster; then there is one.
        let _ = ring::default_provider().install_default();
    }
}

/// Other servers.
pub(crate) struct OtherServers(Client);

impl OtherServers {
    /// Gets ready to reach them; whom to trust is the system's list.
    ///
    /// # Errors
    /// When the system has no certificates to trust.
    pub(crate) fn new() -> reqwest::Result<Self> {
        choose_tls();
        let client = Client::builder()
            .user_agent("reeve")
            .redirect(Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .referer(false)
            .build()?;
        Ok(Self(client))
    }
}

#[async_trait]
impl Web for OtherServers {
    async fn fetch(&self, request: WebRequest) -> Result<WebAnswer> {
        if !is_acceptable_address(&request.url) {
            return Err(failed("an address that is not https"));
        }
        let method: Method = request.method.parse().map_err(|_| failed("an unknown method"))?;
        let mut asked = self.0.request(method, &request.url).body(request.body);
        for (name, value) in request.headers {
            asked = asked.header(name, value);
        }
        // The address is left out: it may hold more than belongs in a log.
        let broken = |error: reqwest::Error| failed(&error.without_url().to_string());
        let mut response = asked.send().await.map_err(broken)?;
        let status = response.status().as_u16();
        let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers =
            response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(failed("too long an answer"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(WebAnswer { status, headers, body })
    }
}

fn failed(why: &str) -> Error {
    Error::Internal(format!("another server did not answer as it should: {why}"))
}
