//! What a running server needs to know beyond its store, checked once at start.

use crate::{
    artifacts::ArtifactsAt, connection::Caps, descriptors, limit::Limits, telemetry::MetricsToken,
    tls::TlsFiles,
};
use anyhow::{Result, bail, ensure};
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

/// Settings of the faces.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where people and agents reach this server, without a trailing slash.
    pub public_url: String,
    /// Folder with the agent's programs that are offered for download; need not exist.
    pub agents_dir: PathBuf,
    /// Where the files of releases lie.
    pub artifacts: ArtifactsAt,
    /// Folder with the portal's files: `pkg/`, fonts, icons.
    pub site_root: PathBuf,
    /// Proxies whose `X-Forwarded-For` says where a request came from.
    pub trusted_proxies: Vec<IpAddr>,
    /// Other addresses under which people open the portal, in the form of `public_url`.
    pub also_at: Vec<String>,
    /// How much anybody may ask.
    pub limits: Limits,
    /// What whoever reads `/metrics` has to show; nobody may without.
    pub metrics_token: Option<MetricsToken>,
    /// How many connections there may be.
    pub caps: Caps,
    /// The server's own certificate, when TLS does not end at a proxy before it.
    pub tls: Option<TlsFiles>,
}

impl Config {
    /// A server at this address, with nothing else said.
    #[must_use]
    pub fn at(public_url: &str) -> Self {
        Self {
            public_url: public_url.to_owned(),
            agents_dir: "agents".into(),
            artifacts: ArtifactsAt::Folder("artifacts".into()),
            site_root: "site".into(),
            trusted_proxies: vec![],
            also_at: vec![],
            limits: Limits::default(),
            metrics_token: None,
            caps: Caps::within(descriptors::limit()),
            tls: None,
        }
    }

    /// True when browsers reach this server over TLS, which ends here or at a proxy before it.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

/// The address that is meant when nobody says how people reach this server. A name and not the bare address of this
/// machine: browsers make no passkeys for addresses.
#[must_use]
pub fn default_public_url(listen: SocketAddr, is_tls: bool) -> String {
    let scheme = if is_tls { "https" } else { "http" };
    if listen.ip().is_unspecified() || listen.ip().is_loopback() {
        format!("{scheme}://localhost:{}", listen.port())
    } else {
        format!("{scheme}://{listen}")
    }
}

/// Checks a public URL and takes off its trailing slash. Only plain characters are accepted: this text stands in
/// scripts that people pipe into a shell.
///
/// # Errors
/// Says what an acceptable one looks like.
pub fn public_url(text: &str) -> Result<String> {
    let text = text.trim().trim_end_matches('/');
    let Some(authority) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        bail!("the public URL must begin with https:// or http://, such as https://reeve.example.com");
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    ensure!(
        !authority.is_empty() && authority.chars().all(plain),
        "the public URL must be a scheme, a host and perhaps a port, such as https://reeve.example.com:8443"
    );
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_a_scheme_and_a_host() {
        assert_eq!(public_url(" https://reeve.example.com/ ").expect("good"), "https://reeve.example.com");
        assert_eq!(public_url("http://[::1]:8080").expect("good"), "http://[::1]:8080");
        for bad in [
            "reeve.example.com",
            "ftp://a",
            "https://",
            "https://a/b",
            "http://a;rm",
            "http://a$(x)",
            "http://u@h",
        ] {
            assert!(public_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn everywhere_is_shown_as_localhost() {
        assert_eq!(default_public_url(([0, 0, 0, 0], 80).into(), false), "http://localhost:80");
        assert_eq!(default_public_url(([127, 0, 0, 1], 8080).into(), true), "https://localhost:8080");
    }
}
