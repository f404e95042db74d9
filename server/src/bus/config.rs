//! Where the bus is, and how this server shows who it is there. What is secret is taken out of the address at once, so
//! that no log can repeat it.

use crate::setting::{BusUrl, Nodes};
use anyhow::{Context as _, Result, bail, ensure};
use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;
use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

/// How the server shows who it is.
#[derive(Clone)]
enum Credentials {
    User { name: String, password: String },
    Token(String),
}

/// Where the bus is.
#[derive(Clone)]
pub struct BusConfig {
    servers: Vec<ServerAddr>,
    credentials: Option<Credentials>,
    ca_file: Option<PathBuf>,
}

impl fmt::Debug for BusConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BusConfig").field("servers", &self.shown()).field("ca_file", &self.ca_file).finish()
    }
}

impl BusConfig {
    /// Reads `nats://host:4222` or `tls://host:4222`, several with commas between them. A user or a token can stand in
    /// the address, or in a file with one line, `user:password` or a token. With `ca_file`, the server's certificate
    /// has to be signed by one in it, and by none of those that the machine trusts.
    ///
    /// # Errors
    /// Names the setting that is wrong, without what is secret in it.
    pub fn new(urls: &str, credentials_file: Option<&Path>, ca_file: Option<&Path>) -> Result<Self> {
        let mut config = Self { servers: Vec::new(), credentials: None, ca_file: None };
        for url in urls.split(',').map(str::trim).filter(|url| !url.is_empty()) {
            config.add(url)?;
        }
        ensure!(!config.servers.is_empty(), "--bus: name a server, such as nats://127.0.0.1:4222");
        if let Some(file) = credentials_file {
            ensure!(
                config.credentials.is_none(),
                "--bus-credentials-file: --bus names a user or a token already; say it in one place"
            );
            let text = fs::read_to_string(file)
                .with_context(|| format!("--bus-credentials-file: {} cannot be read", file.display()))?;
            config.credentials = Some(credentials(text.trim()).with_context(|| {
                format!(
                    "--bus-credentials-file: {} has to have one line, user:password or a token",
                    file.display()
                )
            })?);
        }
        if let Some(file) = ca_file {
            ensure!(file.is_file(), "--bus-ca-file: there is no file {}", file.display());
            config.ca_file = Some(file.to_owned());
        }
        Ok(config)
    }

    fn add(&mut self, url: &str) -> Result<()> {
        // An error of the parser could repeat what it was given.
        let Ok(address) = url.parse::<ServerAddr>() else {
            bail!("--bus: each server has to look like nats://host:4222 or tls://host:4222");
        };
        ensure!(
            matches!(address.scheme(), "nats" | "tls") && !address.host().is_empty(),
            "--bus: each server has to look like nats://host:4222 or tls://host:4222"
        );
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let found = match (address.username(), address.password()) {
            (Some(name), Some(password)) => {
                Some(Credentials::User { name: decoded(name), password: decoded(password) })
            }
            (Some(token), None) => Some(Credentials::Token(decoded(token))),
            _ => None,
        };
        self.credentials = self.credentials.take().or(found);
        let host = address.host();
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let bare = format!("{}://{host}:{}", address.scheme(), address.port());
        self.servers.push(bare.parse().with_context(|| format!("--bus: {bare} is no address"))?);
        Ok(())
    }

    pub(super) fn servers(&self) -> Vec<ServerAddr> {
        self.servers.clone()
    }

    /// The addresses, without what is secret.
    #[must_use]
    pub fn shown(&self) -> String {
        let shown: Vec<_> = self.servers.iter().map(ServerAddr::as_url_str).collect();
        shown.join(", ")
    }

    pub(super) fn apply(&self, options: ConnectOptions) -> ConnectOptions {
        let options = match self.credentials.clone() {
            Some(Credentials::User { name, password }) => options.user_and_password(name, password),
            Some(Credentials::Token(token)) => options.token(token),
            None => options,
        };
        match self.ca_file.clone() {
            Some(file) => options.add_root_certificates(file),
            None => options,
        }
    }
}

impl Nodes {
    /// Where the bus is, if there is one.
    ///
    /// # Errors
    /// Names the setting that is wrong.
    pub(crate) fn bus(&self) -> Result<Option<BusConfig>> {
        let files = [&self.bus_credentials_file, &self.bus_ca_file].map(Option::as_deref);
        match &self.bus {
            Some(BusUrl(urls)) => BusConfig::new(urls, files[0], files[1]).map(Some),
            None => {
                ensure!(
                    files == [None, None],
                    "--bus-credentials-file and --bus-ca-file are for --bus, which is not set"
                );
                Ok(None)
            }
        }
    }
}

fn credentials(line: &str) -> Option<Credentials> {
    if line.is_empty() || line.lines().count() > 1 {
        return None;
    }
    Some(match line.split_once(':') {
        Some((name, password)) => Credentials::User { name: name.to_owned(), password: password.to_owned() },
        None => Credentials::Token(line.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_in_no_address_and_in_no_text() {
        let config = BusConfig::new("nats://reeve:s%40cret@a.example, tls://b.example:4333", None, None)
            .expect("good");
        assert_eq!(config.shown(), "nats://a.example:4222, tls://b.example:4333");
        assert!(!format!("{config:?}").contains("cret"));
        let Some(Credentials::User { name, password }) = config.credentials else { panic!("a user") };
        assert_eq!((name.as_str(), password.as_str()), ("reeve", "s@cret"));
        let config = BusConfig::new("nats://t0ken@[::1]:4222", None, None).expect("good");
        assert_eq!(config.shown(), "nats://[::1]:4222");
        assert!(matches!(config.credentials, Some(Credentials::Token(token)) if token == "t0ken"));
    }

    #[test]
    fn a_wrong_setting_is_named_and_not_repeated() {
        for wrong in ["", "http://u:secret@a", "nats://", "nats://u:secret@", "://secret"] {
            let error = format!("{:#}", BusConfig::new(wrong, None, None).expect_err("wrong"));
            assert!(error.contains("--bus") && !error.contains("secret"), "{wrong}: {error}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("credentials");
        for (text, is_good) in
            [("reeve:secret\n", true), ("secret", true), ("", false), ("a:b\nsecret", false)]
        {
            fs::write(&file, text).expect("written");
            let read = BusConfig::new("nats://a", Some(&file), None);
            assert_eq!(read.is_ok(), is_good, "{text}");
            let twice = BusConfig::new("nats://u:p@a", Some(&file), None).map(drop).expect_err("said twice");
            assert!(!format!("{twice:#}").contains("secret"));
        }
        let missing = folder.path().join("missing");
        assert!(BusConfig::new("nats://a", Some(&missing), None).is_err());
        assert!(BusConfig::new("nats://a", None, Some(&missing)).is_err());
    }
}
