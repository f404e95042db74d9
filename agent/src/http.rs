//! Requests to the server's HTTP API: typed bodies in, typed answers or a typed reason out.

use crate::{command::limit, failure::Failure, machine, timing::Timing};
use entity::{
    problem::{Problem, ProblemCode},
    wire::limits::TO_AGENT_BYTES_MAX,
};
use reqwest::{
    Client, RequestBuilder, Response, StatusCode, Url,
    header::{ACCEPT_ENCODING, RANGE, RETRY_AFTER},
    redirect::Policy,
};
use rustls::ClientConfig;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use updater::exit;

/// The last answer over the socket was that the server has no time.
static SOCKET_BUSY: AtomicBool = AtomicBool::new(false);

/// True when the server's last answer over the socket was to come later.
#[must_use]
pub fn is_socket_busy() -> bool {
    SOCKET_BUSY.load(Ordering::Relaxed)
}

/// Remembers whether the server had time for what came over the socket.
pub fn socket_is_busy(is_busy: bool) {
    SOCKET_BUSY.store(is_busy, Ordering::Relaxed);
}

/// Why a request came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// No answer.
    #[error("no answer from the server: {0}")]
    Unreachable(String),
    /// The server said no.
    #[error("{}", refusal(*.status, .problem.as_ref()))]
    Refused {
        /// HTTP status.
        status: u16,
        /// What the server says about it; absent when something else than our server answered.
        problem: Option<Problem>,
        /// Seconds to wait before trying again.
        retry_after_seconds: Option<u32>,
    },
    /// An answer that this build does not understand.
    #[error("the server answered something that is not Reeve's: {0}")]
    Unreadable(String),
}

fn refusal(status: u16, problem: Option<&Problem>) -> String {
    problem.map_or_else(|| format!("the server answered {status}"), |problem| problem.detail.clone())
}

impl ApiError {
    /// The HTTP status, when there was one.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Unreachable(_) | Self::Unreadable(_) => None,
        }
    }

    /// Seconds to wait, when the server said so.
    #[must_use]
    pub const fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::Refused { retry_after_seconds, .. } => *retry_after_seconds,
            Self::Unreachable(_) | Self::Unreadable(_) => None,
        }
    }

    /// True when the server has no time now.
    #[must_use]
    pub fn means_busy(&self) -> bool {
        matches!(self.status(), Some(429 | 503))
    }

    /// True when the server itself says that there is no such device (any more). A proxy's error page says nothing, and
    /// a refusal may be over tomorrow: the business of the device is switched off, and on again.
    #[must_use]
    pub fn means_revoked(&self) -> bool {
        let Self::Refused { problem: Some(problem), .. } = self else { return false };
        matches!(problem.code, ProblemCode::NotFound | ProblemCode::Gone)
    }
}

/// The server's HTTP API.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    /// `/api/v1` of the server.
    root: String,
    base: String,
}

impl Api {
    /// The API of the server at `server_url`.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn new(server_url: &str, tls: &Arc<ClientConfig>, timing: &Timing) -> Result<Self, Failure> {
        let client = Client::builder()
            .tls_backend_preconfigured(ClientConfig::clone(tls))
            .user_agent(format!("reeve-agent/{}", machine::version()))
            .redirect(Policy::none())
            .connect_timeout(timing.connect)
            .timeout(timing.request)
            .pool_max_idle_per_host(1)
            .build()
            .map_err(|error| {
                Failure::failed(format!("the HTTP client cannot be made: {}", reason(&error)))
            })?;
        let root = format!("{server_url}/api/v1");
        Ok(Self { client, base: format!("{root}/agents"), root })
    }

    /// Posts to `/api/v1/agents/{path}`.
    ///
    /// # Errors
    /// When there is no answer, a refusal, or an answer of another shape.
    pub async fn post<A: DeserializeOwned>(
        &self,
        path: &str,
        bearer: Option<&str>,
        body: &(impl Serialize + Sync),
    ) -> Result<A, ApiError> {
        let answer = self.send(path, bearer, body).await?;
        let bytes = read(answer, TO_AGENT_BYTES_MAX).await?;
        serde_json::from_slice(&bytes).map_err(|error| ApiError::Unreadable(error.to_string()))
    }

    /// Posts to `/api/v1/agents/{path}` where nothing but success matters.
    ///
    /// # Errors
    /// When there is no answer or a refusal.
    pub async fn tell(
        &self,
        path: &str,
        bearer: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<(), ApiError> {
        self.send(path, Some(bearer), body).await.map(drop)
    }

    /// Gets `/api/v1/agents/{path}`.
    ///
    /// # Errors
    /// When there is no answer, a refusal, or an answer of another shape.
    pub async fn get<A: DeserializeOwned>(&self, path: &str, bearer: &str) -> Result<A, ApiError> {
        let request = self.client.get(format!("{}/{path}", self.base)).bearer_auth(bearer);
        let bytes = read(Self::answer(path, request).await?, TO_AGENT_BYTES_MAX).await?;
        serde_json::from_slice(&bytes).map_err(|error| ApiError::Unreadable(error.to_string()))
    }

    /// Gets `/api/v1/agents/{path}`, of at most so many bytes; `None` when the server answers that there is nothing.
    ///
    /// # Errors
    /// When there is no answer, a refusal, or an answer of another shape.
    pub async fn get_if_any<A: DeserializeOwned>(
        &self,
        path: &str,
        bearer: &str,
        bytes_max: usize,
    ) -> Result<Option<A>, ApiError> {
        let request = self.client.get(format!("{}/{path}", self.base)).bearer_auth(bearer);
        let answer = Self::answer(path, request).await?;
        if answer.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let bytes = read(answer, bytes_max).await?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| ApiError::Unreadable(error.to_string()))
    }

    /// Opens the file `/api/v1/{path}` at this byte; whoever reads it keeps to the time and to the bytes.
    ///
    /// # Errors
    /// When there is no answer or a refusal.
    pub async fn open(
        &self,
        path: &str,
        bearer: &str,
        from: u64,
        longest: Duration,
    ) -> Result<Response, ApiError> {
        let mut request = self
            .client
            .get(format!("{}/{path}", self.root))
            .bearer_auth(bearer)
            .header(ACCEPT_ENCODING, "identity")
            .timeout(longest);
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        Self::answer(path, request).await
    }

    async fn send(
        &self,
        path: &str,
        bearer: Option<&str>,
        body: &(impl Serialize + Sync),
    ) -> Result<Response, ApiError> {
        let mut request = self.client.post(format!("{}/{path}", self.base)).json(body);
        if let Some(bearer) = bearer {
            request = request.bearer_auth(bearer);
        }
        Self::answer(path, request).await
    }

    /// Sends a request when its turn has come, and takes what is no refusal.
    async fn answer(path: &str, request: RequestBuilder) -> Result<Response, ApiError> {
        let endpoint = path.split('?').next().unwrap_or(path);
        limit::turn(&format!("/api/v1/agents/{endpoint}")).await;
        let answer = request.send().await.map_err(|error| ApiError::Unreachable(reason(&error)))?;
        let status = answer.status().as_u16();
        if answer.status().is_success() {
            return Ok(answer);
        }
        let header =
            answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let problem: Option<Problem> = serde_json::from_slice(&read(answer, TO_AGENT_BYTES_MAX).await?).ok();
        let retry_after_seconds = header.or(problem.as_ref().and_then(|problem| problem.retry_after_seconds));
        Err(ApiError::Refused { status, problem, retry_after_seconds })
    }
}

/// Reads an answer as far as an honest one goes.
async fn read(mut answer: Response, bytes_max: usize) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| ApiError::Unreachable(reason(&error)))? {
        if bytes.len() + chunk.len() > bytes_max {
            return Err(ApiError::Unreadable("it is too long".to_owned()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The innermost cause, which is what a person can act on.
pub(crate) fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// An address of a server as the agent keeps it: `http` or `https`, no user, no query, no slash at the end.
///
/// # Errors
/// Says what is wrong with it.
pub fn server_url(text: &str) -> Result<String, Failure> {
    let refused = |why: &str| {
        Failure::new(exit::USAGE, format!("--server {text}: {why}, such as https://reeve.example"))
    };
    let url = Url::parse(text.trim()).map_err(|_| refused("this is not an address"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(refused("the address has to start with https:// or http://"));
    }
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(refused("the address has to be without user, query and fragment"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// True when what is sent to this address can be read on the way.
#[must_use]
pub fn is_exposed(server_url: &str) -> bool {
    let Ok(url) = Url::parse(server_url) else { return true };
    let host = url.host_str().unwrap_or_default();
    let loopback = host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    url.scheme() == "http" && !loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_cleaned_or_refused() {
        assert_eq!(server_url(" https://Reeve.example/ ").unwrap(), "https://reeve.example");
        assert_eq!(server_url("http://127.0.0.1:8080").unwrap(), "http://127.0.0.1:8080");
        for bad in ["reeve.example", "ftp://x", "https://u:p@x", "https://x/?t=1", "https://x#y", ""] {
            assert_eq!(server_url(bad).unwrap_err().code, exit::USAGE, "{bad}");
        }
    }

    #[test]
    fn plain_http_is_fine_only_at_home() {
        assert!(
            !is_exposed("http://127.0.0.1:8080")
                && !is_exposed("http://[::1]:1")
                && !is_exposed("http://localhost")
        );
        assert!(is_exposed("http://10.0.0.1") && !is_exposed("https://10.0.0.1"));
    }

    #[test]
    fn only_the_server_itself_can_end_a_device() {
        let refused = |problem| ApiError::Refused { status: 404, problem, retry_after_seconds: None };
        assert!(refused(Some(Problem::new(ProblemCode::NotFound, "No such device."))).means_revoked());
        assert!(!refused(Some(Problem::new(ProblemCode::Unavailable, "Later."))).means_revoked());
        assert!(!refused(Some(Problem::new(ProblemCode::Forbidden, "Switched off."))).means_revoked());
        assert!(!refused(None).means_revoked());
    }
}
