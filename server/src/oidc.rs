//! The two addresses of signing in with a provider: the way out, and the way home. Both answer with a redirect, always
//! to a page of ours or to the provider.

use crate::{
    api::{ApiProblem, Asked, Id},
    authenticate::Visit,
    state::AppState,
};
use app::context::{self, CEREMONY_COOKIE_SECONDS};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{access::CeremonySecret, oidc::Callback};
use entity::{id::OidcProviderId, oidc::OidcFailure};
use serde::Deserialize;

/// Name of the cookie of somebody who is at a provider.
const COOKIE: &str = "reeve-oidc";

/// What the link to a provider may say.
#[derive(Deserialize)]
pub(crate) struct Wish {
    /// Where to go afterwards.
    #[serde(default)]
    next: String,
}

/// What a provider sends back through the browser. Providers add things of their own, which are left alone.
#[derive(Deserialize)]
pub(crate) struct Brought {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// `GET /sign-in/oidc/{id}?next=`
pub(crate) async fn begin(
    State(state): State<AppState>,
    id: Result<Id<OidcProviderId>, ApiProblem>,
    wish: Result<Asked<Wish>, ApiProblem>,
) -> Response {
    let next = wish.map_or_else(|_| String::new(), |Asked(wish)| wish.next);
    let next = context::local_path(&next);
    let Ok(Id(id)) = id else { return go_to(&back_to_sign_in(OidcFailure::Refused, &next), &[]) };
    match domain::oidc::begin(&state.store, id, &next).await {
        Ok(begun) => {
            let public_url = state.store.public_url();
            let secret = begun.secret.expose();
            let cookie = context::secret_cookie(COOKIE, secret, CEREMONY_COOKIE_SECONDS, public_url);
            go_to(&begun.url, &[cookie])
        }
        Err(failure) => go_to(&back_to_sign_in(failure, &next), &[]),
    }
}

/// `GET /sign-in/oidc/callback`
pub(crate) async fn finish(
    State(state): State<AppState>,
    Visit(visitor): Visit,
    headers: HeaderMap,
    brought: Result<Asked<Brought>, ApiProblem>,
) -> Response {
    let public_url = state.store.public_url();
    let secret = cookie(&headers, &context::secret_cookie_name(COOKIE, public_url));
    let secret = secret.map(CeremonySecret::from_text);
    let Ok(Asked(Brought { code, state: state_sent, error, iss })) = brought else {
        return go_to(&back_to_sign_in(OidcFailure::Over, "/"), &[]);
    };
    let callback = Callback { code, state: state_sent, error, iss };
    let finished = domain::oidc::finish(&state.store, &visitor, secret.as_ref(), callback).await;
    match finished.arrived {
        Ok(arrived) => {
            let (mut cookies, path) = context::arrival(&arrived, &finished.next, public_url);
            cookies.push(context::secret_cookie(COOKIE, "", 0, public_url));
            if let Some(id) = finished.provider_id {
                let (name, seconds) = (context::PROVIDER_COOKIE, context::PROVIDER_COOKIE_SECONDS);
                cookies.push(context::secret_cookie(name, &id.to_string(), seconds, public_url));
            }
            go_to(&path, &cookies)
        }
        // The cookie stays: what it opens is over, unless this was an answer to something else.
        Err(failure) => go_to(&back_to_sign_in(failure, &finished.next), &[]),
    }
}

/// The sign-in page with the sentence of this failure.
fn back_to_sign_in(failure: OidcFailure, next: &str) -> String {
    let next = app::ui::toast::encode(&context::local_path(next));
    format!("/sign-in?oidc={}&next={next}", failure.word())
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn go_to(address: &str, cookies: &[String]) -> Response {
    let Ok(location) = HeaderValue::from_str(address) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(header::LOCATION, location);
    for cookie in cookies.iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
