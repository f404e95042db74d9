//! Refuses changes that another site's page asks a browser to make in a person's name.

use crate::{api::ApiProblem, config::Config, state::AppState};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use entity::problem::{Problem, ProblemCode};

/// Lets reading pass, and changing only from our own pages or from programs, which send neither header.
pub(crate) async fn same_origin(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if reads || comes_from_us(request.headers(), &state.config) {
        return next.run(request).await;
    }
    let detail =
        "This request came from another site's page. Open the portal by its own address and try again.";
    ApiProblem::from(Problem::new(ProblemCode::Forbidden, detail)).into_response()
}

fn comes_from_us(headers: &HeaderMap, config: &Config) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(header::ORIGIN) else { return true };
    let host = origin.split_once("://").map(|(_, host)| host);
    origin == config.public_url || (host.is_some() && host == text(header::HOST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    #[test]
    fn only_our_own_pages_may_change_things() {
        let config = Config {
            public_url: "https://reeve.example.com".to_owned(),
            agents_dir: "agents".into(),
            site_root: "site".into(),
            trusted_proxies: vec![],
        };
        let asks = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect();
            comes_from_us(&headers, &config)
        };
        assert!(asks(&[("sec-fetch-site", "same-origin"), ("origin", "https://reeve.example.com")]));
        assert!(asks(&[("origin", "https://reeve.example.com"), ("host", "127.0.0.1:8080")]));
        assert!(asks(&[("origin", "http://10.0.0.5:8080"), ("host", "10.0.0.5:8080")]));
        assert!(asks(&[("host", "10.0.0.5:8080")]), "programs send neither");
        assert!(!asks(&[("sec-fetch-site", "cross-site"), ("origin", "https://reeve.example.com")]));
        assert!(!asks(&[("sec-fetch-site", "same-site")]));
        assert!(!asks(&[("origin", "null"), ("host", "reeve.example.com")]));
        assert!(!asks(&[("origin", "https://evil.example"), ("host", "reeve.example.com")]));
    }
}
