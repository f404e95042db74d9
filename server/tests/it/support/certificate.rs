//! Certificates, made on the spot.

use chrono::{Datelike as _, TimeDelta};
use domain::{Clock as _, clock::SystemClock};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};

/// Signs certificates.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A server's certificate with its key, in PEM.
pub struct Named {
    pub chain: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "A root of the tests");
        let key = KeyPair::generate().expect("a key");
        Self { issuer: CertifiedIssuer::self_signed(params, key).expect("a root") }
    }

    /// The root itself, in PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for these names that is good until so many days from today.
    pub fn sign(&self, names: &[&str], days: i64) -> Named {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        let day = |days: i64| {
            let date = SystemClock.now() + TimeDelta::days(days);
            date_time_ymd(
                date.year(),
                u8::try_from(date.month()).expect("small"),
                u8::try_from(date.day()).expect("small"),
            )
        };
        params.not_before = day(-40);
        params.not_after = day(days);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        Named { chain: certificate.pem(), key: key.serialize_pem() }
    }
}
