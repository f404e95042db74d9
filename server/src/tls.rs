//! TLS at the server itself: its certificate and key, read from files and read anew when these change.

use anyhow::{Context, Result, bail, ensure};
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where the certificate and its key are, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, and those between it and a root.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The certificate that counts now.
pub(crate) struct Certificates {
    files: TlsFiles,
    current: RwLock<Arc<CertifiedKey>>,
}

/// What tells one state of the files from another.
type Looks = [Option<(SystemTime, u64)>; 2];

impl Certificates {
    /// Reads the files.
    ///
    /// # Errors
    /// Names the file and says what is wrong with it.
    pub(crate) fn load(files: &TlsFiles) -> Result<Arc<Self>> {
        let current = RwLock::new(Arc::new(read(files)?));
        Ok(Arc::new(Self { files: files.clone(), current }))
    }

    /// What answers over TLS with the certificate that counts at that moment.
    pub(crate) fn acceptor(self: &Arc<Self>) -> TlsAcceptor {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        // The provider knows every version that is on by default.
        let builder = builder.unwrap_or_else(|_| ServerConfig::builder());
        let mut config =
            builder.with_no_client_auth().with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Who comes back brings a sealed ticket: cheap for both, and nothing is kept here for each device.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        match ring::Ticketer::new() {
            Ok(ticketer) => config.ticketer = ticketer,
            Err(error) => tracing::warn!(%error, "sessions of TLS are not resumed"),
        }
        config.send_tls13_tickets = 1;
        TlsAcceptor::from(Arc::new(config))
    }

    /// Reads the files anew whenever they change, until the server stops. A pair that is no good is refused and the
    /// one before stays. Open connections keep what they began with.
    pub(crate) async fn watch(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        let mut seen = self.looks();
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => return,
                _ = ticks.tick() => {}
            }
            let looks = self.looks();
            if looks != seen {
                seen = looks;
                self.read_again();
            }
        }
    }

    fn looks(&self) -> Looks {
        [&self.files.cert, &self.files.key].map(|file| {
            let about = fs::metadata(file).ok()?;
            Some((about.modified().ok()?, about.len()))
        })
    }

    fn read_again(&self) {
        match read(&self.files) {
            Ok(fresh) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
                tracing::info!(file = %self.files.cert.display(), "the certificate was read anew");
            }
            Err(error) => tracing::error!(
                error = format!("{error:#}"),
                "the new certificate is no good and the one before stays"
            ),
        }
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Certificates").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Both files as a pair that belongs together.
fn read(files: &TlsFiles) -> Result<CertifiedKey> {
    let chain = chain(&files.cert)?;
    let key = key(&files.key)?;
    let provider =
        CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(ring::default_provider()));
    CertifiedKey::from_der(chain, key, &provider).map_err(|error| {
        let (cert, key) = (files.cert.display(), files.key.display());
        match error {
            rustls::Error::InconsistentKeys(_) => {
                anyhow::anyhow!("the key in {key} is not the one of the certificate in {cert}")
            }
            error => {
                anyhow::anyhow!("the certificate in {cert} and the key in {key} cannot be used: {error}")
            }
        }
    })
}

/// The certificates in a file, the server's own first.
pub(crate) fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let shown = file.display();
    let pem = fs::read(file).with_context(|| format!("the certificate {shown} cannot be read"))?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| anyhow::anyhow!("the certificate {shown} is no good PEM: {error}"))?;
    ensure!(!chain.is_empty(), "there is no certificate in {shown}; it has to be in PEM");
    Ok(chain)
}

/// The private key in a file.
pub(crate) fn key(file: &Path) -> Result<PrivateKeyDer<'static>> {
    let shown = file.display();
    let pem = fs::read(file).with_context(|| format!("the key {shown} cannot be read"))?;
    match PrivateKeyDer::from_pem_slice(&pem) {
        Ok(key) => Ok(key),
        // What is in the file is not repeated.
        Err(_) => bail!("there is no private key in {shown}; it has to be in PEM, without a passphrase"),
    }
}

/// Checks that two files can be used together.
///
/// # Errors
/// Names the file and says what is wrong with it.
pub(crate) fn check(files: &TlsFiles) -> Result<()> {
    read(files).map(drop)
}
