//! Which addresses are talked to in the course of a sign-in.

use openidconnect::url::{Host, Url};

/// True for addresses that are reached over TLS, and for those of this machine itself.
#[must_use]
pub fn is_acceptable(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| is_acceptable_url(&url))
}

/// The same for an address that was parsed already.
pub(super) fn is_acceptable_url(url: &Url) -> bool {
    if !url.username().is_empty() || url.password().is_some() {
        return false;
    }
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Domain(name))) => name == "localhost",
        ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(Host::Ipv6(address))) => address.is_loopback(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_acceptable;

    #[test]
    fn only_tls_and_this_machine_are_trusted() {
        for good in ["https://id.example", "http://127.0.0.1:80/a", "http://localhost:3000", "http://[::1]/"]
        {
            assert!(is_acceptable(good), "{good}");
        }
        for bad in [
            "http://id.example",
            "http://localhost.evil.example",
            "http://10.0.0.1",
            "http://169.254.169.254/latest",
            "https://user:pass@id.example",
            "https://user@id.example",
            "ftp://id.example",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://",
            "id.example",
            "",
        ] {
            assert!(!is_acceptable(bad), "{bad}");
        }
    }
}
