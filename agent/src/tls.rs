//! Whom the agent trusts: the system's certificates, and those given at registration.

use crate::{failure::Failure, paths::Paths};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use std::{fs, io, sync::Arc};

/// The TLS side of every connection to `server_url`.
///
/// # Errors
/// When the given certificates cannot be read, or there is nobody to trust at all.
pub fn config(paths: &Paths, server_url: &str) -> Result<Arc<ClientConfig>, Failure> {
    let mut roots = RootCertStore::empty();
    match fs::read(paths.ca()) {
        Ok(pem) => add(&mut roots, &pem)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            return Err(Failure::failed(format!("{} cannot be read: {error}", paths.ca().display())));
        }
    }
    if server_url.starts_with("https:") {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(Failure::failed(
                "this system has no certificates to trust: install its ca-certificates package, or register with --ca-file",
            ));
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::failed(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Checks that a file holds certificates.
///
/// # Errors
/// When it holds none, or broken ones.
pub fn check(pem: &[u8]) -> Result<(), Failure> {
    add(&mut RootCertStore::empty(), pem)
}

fn add(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), Failure> {
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate
            .map_err(|error| Failure::failed(format!("a given certificate is broken: {error}")))?;
        roots
            .add(certificate)
            .map_err(|error| Failure::failed(format!("a given certificate is refused: {error}")))?;
        count += 1;
    }
    if count == 0 {
        return Err(Failure::failed("the given file holds no certificate in PEM form"));
    }
    Ok(())
}
