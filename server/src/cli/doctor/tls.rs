//! TLS: the files, their pair, whom the certificate is for, until when, and who signed it.

use super::finding::Finding;
use crate::{
    setting::{Connections, file::is_open_to_others},
    tls::{self, TlsFiles},
};
use domain::{Clock as _, clock::SystemClock};
use rustls::{
    RootCertStore,
    client::{verify_server_cert_signed_by_trust_anchor, verify_server_name},
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use std::time::Duration;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Days before the end of a certificate from which somebody should look.
const DAYS_LEFT: i64 = 14;

pub(super) fn examine(files: Option<&TlsFiles>, public_url: &str, connections: &Connections) -> Vec<Finding> {
    let Some(files) = files else { return vec![without(public_url, connections)] };
    if let Err(error) = tls::check(files) {
        return vec![Finding::problem("tls", format!("{error:#}."), "The server does not start with it.")];
    }
    let Ok(chain) = tls::chain(&files.cert) else { return vec![] };
    let mut found = vec![Finding::ok("tls", "The key is the certificate's.")];
    if is_open_to_others(&files.key) {
        let key = files.key.display();
        found.push(Finding::problem(
            "tls",
            format!("Others on this machine can read {key}."),
            format!("chmod 600 {key}"),
        ));
    }
    found.push(time(&chain[0]));
    found.extend(name(&chain[0], public_url));
    found.extend(signer(&chain));
    if public_url.starts_with("http://") {
        found.push(Finding::problem(
            "tls",
            format!("There is a certificate, but people are sent to {public_url}."),
            "Say the public URL with https:// (public_url).",
        ));
    }
    found
}

/// No certificate: a proxy has it, or nobody.
fn without(public_url: &str, connections: &Connections) -> Finding {
    let is_local = connections.listen.ip().is_loopback();
    match (public_url.starts_with("https://"), connections.trusted_proxy.is_empty()) {
        (true, false) => Finding::ok("tls", "TLS ends at a trusted proxy before this server."),
        (true, true) => Finding::warning(
            "tls",
            "The public URL is https, but there is neither a certificate nor a trusted proxy.",
            "Name the proxy with --trusted-proxy, or all requests seem to come from it; or give --tls-cert and --tls-key.",
        ),
        (false, _) if is_local => {
            Finding::ok("tls", "There is no TLS; the server listens to this machine alone.")
        }
        (false, _) => Finding::warning(
            "tls",
            "Passwords and tokens cross the network in the clear.",
            "Give --tls-cert and --tls-key, or put a proxy with TLS before the server.",
        ),
    }
}

fn time(certificate: &CertificateDer<'_>) -> Finding {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return Finding::problem("tls", "The certificate is not in order.", "Get another one.");
    };
    let now = SystemClock.now().timestamp();
    let (from, until) = (parsed.validity().not_before.timestamp(), parsed.validity().not_after.timestamp());
    let day = |seconds: i64| {
        chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default().format("%Y-%m-%d").to_string()
    };
    let days = (until - now).div_euclid(24 * 60 * 60);
    let renew = "Renew it; the server reads the new files by itself.";
    if now < from {
        let what = format!("The certificate is good from {} only.", day(from));
        Finding::problem("tls", what, "Look at this machine's clock, or get another certificate.")
    } else if until < now {
        Finding::problem("tls", format!("The certificate expired on {}.", day(until)), renew)
    } else if days < DAYS_LEFT {
        Finding::warning("tls", format!("The certificate expires on {}, in {days} days.", day(until)), renew)
    } else {
        Finding::ok("tls", format!("The certificate is good until {}, for {days} days.", day(until)))
    }
}

fn name(certificate: &CertificateDer<'_>, public_url: &str) -> Option<Finding> {
    let host = reqwest::Url::parse(public_url).ok()?.host_str()?.trim_matches(['[', ']']).to_owned();
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    let name = ServerName::try_from(host.clone()).ok()?;
    Some(match verify_server_name(&parsed, &name) {
        Ok(()) => Finding::ok("tls", format!("The certificate is for {host}.")),
        Err(_) => Finding::problem(
            "tls",
            format!("The certificate is not for {host}, where people and agents look for this server."),
            "Get one for that name, or say the name that it is for in public_url.",
        ),
    })
}

/// Does it lead to a root that this machine trusts?
fn signer(chain: &[CertificateDer<'_>]) -> Option<Finding> {
    let parsed = ParsedCertificate::try_from(&chain[0]).ok()?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let seconds = u64::try_from(SystemClock.now().timestamp()).ok()?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let algorithms = ring::default_provider().signature_verification_algorithms.all;
    match verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &chain[1..], now, algorithms) {
        Ok(()) => Some(Finding::ok("tls", "It leads to a root that this machine trusts.")),
        Err(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)) => {
            Some(Finding::warning(
                "tls",
                "The certificate does not lead to a root that this machine trusts.",
                "Put the certificates between it and its root into the same file; agents of a private root are told of it \
             with --ca-file when they register.",
            ))
        }
        // Its time was looked at already.
        Err(_) => None,
    }
}
