//! Refuses changes that another site's page asks a browser to make in a person's name, and pages that reach this
//! server under a name of their own making (DNS rebinding).

use crate::{api::ApiProblem, config::Config, state::AppState};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use entity::problem::{Problem, ProblemCode};
use std::net::IpAddr;

/// Lets reading pass; and changing, and listening to what happens, from our own pages or from programs alone.
///
/// Every browser sends `Origin` with a change, and most say `Sec-Fetch-Site` with everything. A request with neither
/// is no page's, whatever cookie it has: a script that signed in may go on with its cookie. (No other site can leave
/// both out; and its requests carry no cookie of ours, which is `SameSite=Lax`.)
pub(crate) async fn same_origin(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        && request.uri().path() != "/portal/events";
    if reads || comes_from_us(request.headers(), &state.config) {
        return next.run(request).await;
    }
    let detail = format!(
        "This request came from another site's page, or from an address that this server does not know as its own. \
         Open the portal at {} and try again.",
        state.config.public_url
    );
    ApiProblem::from(Problem::new(ProblemCode::Forbidden, detail)).into_response()
}

fn comes_from_us(headers: &HeaderMap, config: &Config) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let host = text(header::HOST).unwrap_or_default();
    match (text(header::HeaderName::from_static("sec-fetch-site")), text(header::ORIGIN)) {
        (None, None) => true,
        (Some(site), _) if !matches!(site, "same-origin" | "none") => false,
        (_, Some(origin)) => is_ours(origin, host, config),
        (Some(_), None) => ["http", "https"].iter().any(|s| is_ours(&format!("{s}://{host}"), host, config)),
    }
}

/// The address that we are known by, one of the others that the operator named, or the address that the browser
/// opened, when that is one which nobody can have made point here: a number, or this machine itself.
fn is_ours(origin: &str, host: &str, config: &Config) -> bool {
    if origin == config.public_url || config.also_at.iter().any(|other| other == origin) {
        return true;
    }
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority == host && is_beyond_dns(authority))
}

fn is_beyond_dns(authority: &str) -> bool {
    let name = match authority.rsplit_once(':') {
        // What follows the last colon of a bare IPv6 address is no port; browsers write those in brackets.
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => authority,
    };
    let number = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    name == "localhost" || number.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn asks(pairs: &[(&'static str, &'static str)]) -> bool {
        let headers = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        comes_from_us(&headers, &config())
    }

    fn config() -> Config {
        Config {
            also_at: vec!["http://reeve.lan:8080".to_owned()],
            ..Config::at("https://reeve.example.com")
        }
    }

    #[test]
    fn only_our_own_pages_may_change_things() {
        assert!(asks(&[("sec-fetch-site", "same-origin"), ("origin", "https://reeve.example.com")]));
        assert!(asks(&[("origin", "https://reeve.example.com"), ("host", "127.0.0.1:8080")]));
        assert!(asks(&[("host", "10.0.0.5:8080")]), "programs send neither");
        assert!(!asks(&[("sec-fetch-site", "cross-site"), ("origin", "https://reeve.example.com")]));
        assert!(!asks(&[("sec-fetch-site", "same-site")]));
        assert!(!asks(&[("origin", "null"), ("host", "reeve.example.com")]));
        assert!(!asks(&[("origin", "https://evil.example"), ("host", "reeve.example.com")]));
        assert!(!asks(&[("origin", "http://reeve.example.com"), ("host", "reeve.example.com")]));
        assert!(!asks(&[("origin", "https://reeve.example.com.evil.example")]));
    }

    #[test]
    fn the_address_that_was_opened_counts_when_no_name_stands_in_it() {
        for host in
            ["10.0.0.5:8080", "127.0.0.1:8080", "[::1]:8080", "localhost:8080", "localhost", "192.0.2.1"]
        {
            let origin = HeaderValue::from_str(&format!("http://{host}")).expect("plain");
            let headers = HeaderMap::from_iter([
                (header::HOST, HeaderValue::from_static(host)),
                (header::ORIGIN, origin),
            ]);
            assert!(comes_from_us(&headers, &config()), "{host}");
        }
        assert!(
            asks(&[("origin", "http://reeve.lan:8080"), ("host", "reeve.lan:8080")]),
            "named by the operator"
        );
        assert!(asks(&[("sec-fetch-site", "same-origin"), ("host", "reeve.lan:8080")]));
    }

    #[test]
    fn a_name_that_somebody_points_here_is_not_ours() {
        assert!(!asks(&[("origin", "http://rebind.example:8080"), ("host", "rebind.example:8080")]));
        let rebound = [
            ("sec-fetch-site", "same-origin"),
            ("origin", "http://rebind.example"),
            ("host", "rebind.example"),
        ];
        assert!(!asks(&rebound));
        assert!(!asks(&[("sec-fetch-site", "same-origin"), ("host", "rebind.example")]));
        assert!(!asks(&[("origin", "http://127.0.0.1.nip.example"), ("host", "127.0.0.1.nip.example")]));
        assert!(!asks(&[("origin", "http://10.0.0.5:8080"), ("host", "10.0.0.5:9090")]));
        assert!(!asks(&[("origin", "ftp://10.0.0.5"), ("host", "10.0.0.5")]));
    }
}
