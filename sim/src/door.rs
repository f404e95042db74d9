//! The way to a server: its address, whom to trust, and requests over HTTP.

use crate::Trouble;
use anyhow::{Context as _, Result, ensure};
use reqwest::{Client, Method, header, redirect::Policy};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{error::Error as _, sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// A request that is not answered within this time is lost.
const REQUEST_WITHIN: Duration = Duration::from_secs(30);
/// A connection that does not come up within this time is given up.
const CONNECT_WITHIN: Duration = Duration::from_secs(8);
/// Requests under way at once from this process: each needs a descriptor beside the sockets'.
const REQUESTS_MAX: usize = 512;
/// Connections that are kept for the next request, by whichever agent makes it.
const IDLE_MAX: usize = 256;

/// The way to a server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Door(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    url: String,
    http: Client,
    tls: Arc<ClientConfig>,
    turn: Semaphore,
}

/// What came back from a request.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Seconds to wait, when the server said so.
    pub retry_after_seconds: Option<u32>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as its type, or the refusal.
    ///
    /// # Errors
    /// When the status is no success, or the body of another shape.
    pub fn read<A: DeserializeOwned>(&self) -> Result<A, Trouble> {
        self.good()?;
        serde_json::from_slice(&self.body).map_err(|error| Trouble::Unreadable(error.to_string()))
    }

    /// Success, or the refusal.
    ///
    /// # Errors
    /// When the status is no success.
    pub fn good(&self) -> Result<(), Trouble> {
        if (200..300).contains(&self.status) {
            return Ok(());
        }
        let detail = String::from_utf8_lossy(&self.body).chars().take(300).collect();
        Err(Trouble::Refused { status: self.status, retry_after_seconds: self.retry_after_seconds, detail })
    }
}

impl Door {
    /// The way to the server at `url`, such as `https://reeve.example`; `ca` are certificates to trust besides the
    /// system's, as PEM.
    ///
    /// # Errors
    /// When the address is none, or there is nobody to trust.
    pub fn new(url: &str, ca: Option<&[u8]>) -> Result<Self> {
        let url = url.trim().trim_end_matches('/').to_owned();
        ensure!(
            url.starts_with("http://") || url.starts_with("https://"),
            "the server's address has to begin with http:// or https://"
        );
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca.unwrap_or_default()) {
            roots.add(certificate.context("a given certificate is broken")?)?;
        }
        if url.starts_with("https://") {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            ensure!(!roots.is_empty(), "there are no certificates to trust: name some with --tls-ca");
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let http = Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .user_agent(concat!("reeve-agent/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .timeout(REQUEST_WITHIN)
            .pool_max_idle_per_host(IDLE_MAX)
            .no_proxy()
            .build()?;
        let turn = Semaphore::new(REQUESTS_MAX);
        Ok(Self(Arc::new(Inner { url, http, tls: Arc::new(tls), turn })))
    }

    /// The server's address, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    pub(crate) fn tls(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0.tls)
    }

    /// Sends a request with a JSON body to a path of the server.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Reply, Trouble> {
        let _turn = self.0.turn.acquire().await.map_err(|_| Trouble::Lost)?;
        let mut request = self
            .0
            .http
            .request(method, format!("{}{path}", self.0.url))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let lost = |error: reqwest::Error| {
            let cause = error.source().and_then(std::error::Error::source).map(ToString::to_string);
            Trouble::Unreachable(cause.unwrap_or_else(|| error.without_url().to_string()))
        };
        let answer = request.send().await.map_err(lost)?;
        let retry_after = answer.headers().get(header::RETRY_AFTER);
        let retry_after_seconds = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let status = answer.status().as_u16();
        let body = answer.bytes().await.map_err(lost)?.to_vec();
        Ok(Reply { status, retry_after_seconds, body })
    }

    /// Asks a path below `/api/v1/agents`, as an agent does.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self, path: &str, bearer: &str) -> Result<Reply, Trouble> {
        let bearer = format!("Bearer {bearer}");
        self.send(Method::GET, &format!("/api/v1/agents/{path}"), &[("authorization", &bearer)], vec![]).await
    }

    /// Posts to a path below `/api/v1/agents`, as an agent does.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(
        &self,
        path: &str,
        bearer: Option<&str>,
        body: &(impl Serialize + Sync),
    ) -> Result<Reply, Trouble> {
        let body = serde_json::to_vec(body).map_err(|error| Trouble::Unreadable(error.to_string()))?;
        let bearer = bearer.map(|token| format!("Bearer {token}"));
        let headers: Vec<(&str, &str)> =
            bearer.iter().map(|value| ("authorization", value.as_str())).collect();
        self.send(Method::POST, &format!("/api/v1/agents/{path}"), &headers, body).await
    }
}
