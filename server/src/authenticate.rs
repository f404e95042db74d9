//! Who is asking: a person by their session cookie or a device by its bearer token; decided here for all faces.

use crate::{
    api::{ApiProblem, Id},
    budget::Payer,
    config::Config,
    state::AppState,
};
use axum::{
    extract::{ConnectInfo, FromRequestParts, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::{AgentCx, Cx, SessionSecret, Visitor};
use entity::{
    id::DeviceId,
    input::clip,
    problem::{Problem, ProblemCode},
};
use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
};

/// Where a proxy says whom it speaks for.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Longest name of a browser that is kept, in characters.
const USER_AGENT_MAX: usize = 200;

/// Where open pages listen.
pub(crate) const EVENTS_PATH: &str = "/portal/events";

/// Does the browser send a cookie of this name?
fn has_cookie(headers: &HeaderMap, name: &str) -> bool {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(';')).any(|pair| pair.trim().split('=').next() == Some(name))
}

/// The session secret that a request carries, if it carries one.
pub(crate) fn session_secret(headers: &HeaderMap, config: &Config) -> Option<SessionSecret> {
    let name = app::context::session_cookie_name(&config.public_url);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| SessionSecret::from_cookie(value))
}

/// What a request carries to be recognised by, good or not; never the two kinds together.
pub(crate) fn credential(headers: &HeaderMap, config: &Config) -> Option<String> {
    match headers.get(header::AUTHORIZATION) {
        Some(value) => value.to_str().ok().map(str::to_owned),
        None => session_secret(headers, config).map(|secret| secret.expose().to_owned()),
    }
}

/// Who knocks, before anybody is authenticated.
pub(crate) fn visitor(parts: &Parts, config: &Config) -> Visitor {
    let text = |name| {
        let last = parts.headers.get_all(name).iter().next_back();
        last.and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
    let forwarded =
        text(FORWARDED_FOR).rsplit(',').next().and_then(|address| address.trim().parse::<IpAddr>().ok());
    let forwarded = forwarded.map(|address| address.to_canonical());
    let source = match (peer, forwarded) {
        // Only the last entry of the last line was written by the proxy; those before are the visitor's own words.
        (Some(peer), Some(forwarded)) if config.trusted_proxies.contains(&peer) => Some(forwarded),
        _ => peer,
    };
    Visitor {
        source_ip: source.map_or_else(|| "unknown".to_owned(), |address| address.to_string()),
        user_agent: clip(text(header::USER_AGENT), USER_AGENT_MAX),
        request_id: parts.extensions.get::<RequestId>().map(|id| id.0.clone()),
    }
}

/// The name of a request, in the log, in the audit log, and in the header `x-request-id` of its answer.
#[derive(Clone)]
struct RequestId(String);

/// Names a request. What a caller calls it does not count: the name stands in the audit log.
pub(crate) async fn name_request(mut request: Request, next: Next) -> Response {
    let id = domain::request_id();
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

/// The name of a request; empty for one that has none.
pub(crate) fn request_id(extensions: &axum::http::Extensions) -> &str {
    extensions.get::<RequestId>().map_or("", |id| id.0.as_str())
}

/// Puts `Option<Cx>` into the request's extensions; portal and API read it from there.
pub(crate) async fn authenticate(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match recognise(&parts, &state).await {
        Ok(cx) => {
            state.limiter.note_person(credential(&parts.headers, &state.config).as_deref(), cx.as_ref());
            if cx.is_some() {
                parts.extensions.insert(Payer::People);
            }
            drop(parts.extensions.insert::<Option<Cx>>(cx));
        }
        Err(problem) => return ApiProblem::from(problem).into_response(),
    }
    next.run(Request::from_parts(parts, body)).await
}

/// The person or program of a request, if it is one. A key counts for the API alone; a request that carries any such
/// credential is not a person's, whatever cookie it also has.
async fn recognise(parts: &Parts, state: &AppState) -> Result<Option<Cx>, Problem> {
    let visitor = visitor(parts, &state.config);
    let found = if parts.headers.contains_key(header::AUTHORIZATION) {
        match bearer(&parts.headers) {
            Some(key) if parts.uri.path().starts_with("/api/") => {
                domain::access::api_key_cx(&state.store, &visitor, key).await
            }
            _ => return Ok(None),
        }
    } else if let Some(secret) = session_secret(&parts.headers, &state.config) {
        // Looking on is no use of a session: an open page's stream, and what it loads while nobody is at it.
        if parts.uri.path() == EVENTS_PATH || has_cookie(&parts.headers, app::layout::idle::COOKIE) {
            domain::access::watching_cx(&state.store, &visitor, &secret).await
        } else {
            domain::access::session_cx(&state.store, &visitor, &secret).await
        }
    } else {
        return Ok(None);
    };
    match found {
        Ok(cx) => Ok(Some(cx)),
        Err(error) => match Problem::from(error) {
            Problem { code: ProblemCode::SignedOut, .. } => Ok(None),
            problem => Err(problem),
        },
    }
}

/// Whoever sent the request, signed in or not.
pub(crate) struct Visit(pub(crate) Visitor);

impl FromRequestParts<AppState> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        Ok(Self(visitor(parts, &state.config)))
    }
}

/// A signed-in person, or a program with a key.
pub(crate) struct Caller {
    /// Their authority.
    pub(crate) cx: Cx,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let cx = parts.extensions.get::<Option<Cx>>().cloned().flatten();
        cx.map(|cx| Self { cx }).ok_or_else(|| {
            signed_out("Sign in to the portal first, or send an API key as `Authorization: Bearer`.")
        })
    }
}

/// A person who has proved who they are in the last minutes.
pub(crate) struct Confirmed {
    /// Their authority.
    pub(crate) cx: Cx,
}

impl<S: Sync> FromRequestParts<S> for Confirmed {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let Caller { cx } = Caller::from_request_parts(parts, state).await?;
        cx.confirmed()?;
        Ok(Self { cx })
    }
}

impl From<Confirmed> for Caller {
    fn from(Confirmed { cx }: Confirmed) -> Self {
        Self { cx }
    }
}

/// A device, by the token its agent sent. Where the path names a device it has to be the same one.
pub(crate) struct Agent(pub(crate) AgentCx);

impl FromRequestParts<AppState> for Agent {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        let bearer = bearer(&parts.headers).ok_or_else(|| {
            signed_out("This is for agents: send the agent token as `Authorization: Bearer`.")
        })?;
        let cx = domain::agent_token::authenticate(&state.store, bearer).await?;
        state.limiter.note_device(bearer, &cx);
        parts.extensions.insert(Payer::Business(cx.business_id()));
        match Id::<DeviceId>::of(parts).await? {
            Some(id) if id != cx.device_id() => {
                Err(Problem::new(ProblemCode::NotFound, "No such device.").into())
            }
            _ => Ok(Self(cx)),
        }
    }
}

/// The device whose token the request carries, on an address that names none.
pub(crate) struct Reporter(pub(crate) AgentCx);

impl FromRequestParts<AppState> for Reporter {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        let Agent(cx) = Agent::from_request_parts(parts, state).await?;
        Ok(Self(cx))
    }
}

/// The bearer token of the Authorization header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn signed_out(detail: &str) -> ApiProblem {
    Problem::new(ProblemCode::SignedOut, detail).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    #[test]
    fn only_a_trusted_proxy_may_say_where_a_request_came_from() {
        let config = |proxies: &[&str]| Config {
            trusted_proxies: proxies.iter().map(|address| address.parse().expect("an address")).collect(),
            ..Config::at("https://reeve.example.com")
        };
        let source = |forwarded: &str, proxies: &[&str]| {
            let request =
                Request::builder().header("x-forwarded-for", forwarded).body(()).expect("a request");
            let (mut parts, ()) = request.into_parts();
            parts.extensions.insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 4000))));
            visitor(&parts, &config(proxies)).source_ip
        };
        assert_eq!(source("192.0.2.9", &[]), "10.0.0.1");
        assert_eq!(source("192.0.2.9", &["10.0.0.2"]), "10.0.0.1");
        assert_eq!(source("forged, 192.0.2.9", &["10.0.0.1"]), "192.0.2.9");
        assert_eq!(source("nonsense", &["10.0.0.1"]), "10.0.0.1");
    }
}
