//! What a server function finds around it: who asks, the store, and the response it may shape. Exists on the server
//! only.

use crate::{error::PortalError, ui::theme::Theme};
use axum::{
    Extension,
    http::{
        HeaderValue, Method, StatusCode,
        header::{ACCEPT, COOKIE, SET_COOKIE},
        request::Parts,
    },
};
use chrono::{DateTime, Utc};
use entity::problem::{Problem, ProblemCode};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;

/// Seconds that a browser keeps the session cookie; the server may end the session earlier.
const SESSION_COOKIE_SECONDS: u32 = 30 * 24 * 3600;
/// Seconds that a browser keeps the secret of something begun.
pub const CEREMONY_COOKIE_SECONDS: u32 = domain::access::CEREMONY_MINUTES as u32 * 60;
/// Seconds that the sentence about an outcome may take to be shown.
const DONE_COOKIE_SECONDS: u32 = 20;
/// Seconds that a browser remembers the theme: a year.
const THEME_COOKIE_SECONDS: u32 = 365 * 24 * 3600;

/// Who is asking.
///
/// # Errors
/// Nobody is signed in.
pub async fn cx() -> Result<domain::Cx, PortalError> {
    let found = leptos_axum::extract::<Extension<Option<domain::Cx>>>().await.ok().and_then(|found| found.0);
    found.ok_or_else(|| {
        set_status(ProblemCode::SignedOut);
        PortalError::signed_out()
    })
}

/// Who is signed in, for the page that is being rendered.
#[must_use]
pub fn me() -> Option<entity::user::Me> {
    let parts = use_context::<Parts>()?;
    let cx = parts.extensions.get::<Option<domain::Cx>>()?.as_ref()?;
    Some(cx.me().clone())
}

/// The store that the server opened.
///
/// # Errors
/// There is no request around this call.
pub fn store() -> Result<domain::Store, PortalError> {
    use_context::<domain::Store>().ok_or_else(no_request)
}

/// Who knocks, before authentication.
///
/// # Errors
/// There is no request around this call.
pub fn visitor() -> Result<domain::Visitor, PortalError> {
    use_context::<domain::Visitor>().ok_or_else(no_request)
}

fn no_request() -> PortalError {
    PortalError(Problem::new(ProblemCode::Internal, "This was called outside of a request."))
}

/// The time that pages are rendered with.
#[must_use]
pub fn now() -> DateTime<Utc> {
    use_context::<domain::Store>().map_or(DateTime::UNIX_EPOCH, |store| store.clock().now())
}

/// Was the server started in test mode?
#[must_use]
pub fn is_test_mode() -> bool {
    use_context::<domain::Store>().is_some_and(|store| store.is_test_mode())
}

/// Gives the response the status of a problem. A plain form post is left alone: it is answered with a redirect that
/// carries the problem, and a status would keep the browser from following it.
pub fn set_status(code: ProblemCode) {
    let Some(response) = use_context::<ResponseOptions>() else { return };
    if !is_plain_form_post() {
        response.set_status(StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    }
}

/// Is this a form that was sent without JavaScript?
#[must_use]
pub fn is_plain_form_post() -> bool {
    use_context::<Parts>().is_some_and(|parts| {
        let accept = parts.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        parts.method == Method::POST && accept.contains("text/html")
    })
}

/// Sends the browser to another page of the portal, with and without JavaScript.
pub fn redirect(path: &str) {
    leptos_axum::redirect(&local_path(path));
}

/// The path when it stays on this site, else the overview: `next` comes from the URL, which anybody can write.
#[must_use]
pub fn local_path(path: &str) -> String {
    let is_local = path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_local { path.to_owned() } else { "/".to_owned() }
}

/// Name of the session cookie. Over https the prefix makes browsers refuse it from anywhere but this host.
#[must_use]
pub fn session_cookie_name(public_url: &str) -> &'static str {
    if public_url.starts_with("https://") { "__Host-reeve" } else { "reeve" }
}

/// Signs the browser in.
///
/// # Errors
/// There is no request around this call.
pub fn set_session_cookie(secret: &domain::SessionSecret) -> Result<(), PortalError> {
    put_session_cookie(secret.expose(), SESSION_COOKIE_SECONDS)
}

/// Name of the cookie of a sign-in that waits for its second factor.
const SIGN_IN_COOKIE: &str = "reeve-sign-in";

/// Goes on after a first proof of who somebody is: to `next`, or to the question for the second factor.
///
/// # Errors
/// There is no request around this call.
pub fn arrived(arrived: &domain::access::SignIn, next: &str) -> Result<(), PortalError> {
    let (cookies, path) = arrival(arrived, next, store()?.public_url());
    cookies.iter().for_each(|cookie| put_cookie(cookie));
    redirect(&path);
    Ok(())
}

/// What a browser is told after a first proof of who somebody is: the cookies to keep, and where to go.
#[must_use]
pub fn arrival(arrived: &domain::access::SignIn, next: &str, public_url: &str) -> (Vec<String>, String) {
    let next = local_path(next);
    match arrived {
        domain::access::SignIn::Session(secret) => {
            let session = session_cookie(secret.expose(), SESSION_COOKIE_SECONDS, public_url);
            (vec![session, secret_cookie(SIGN_IN_COOKIE, "", 0, public_url)], next)
        }
        domain::access::SignIn::Factor(secret) => {
            let waiting = secret_cookie(SIGN_IN_COOKIE, secret.expose(), CEREMONY_COOKIE_SECONDS, public_url);
            (vec![waiting], format!("/sign-in/factor?next={}", crate::ui::toast::encode(&next)))
        }
    }
}

/// The sign-in of this browser that waits for its second factor.
///
/// # Errors
/// Gone when there is none.
pub fn waiting_sign_in() -> Result<domain::access::CeremonySecret, PortalError> {
    let store = store()?;
    let name = secret_cookie_name(SIGN_IN_COOKIE, store.public_url());
    cookie(&name).map(|value| domain::access::CeremonySecret::from_text(&value)).ok_or_else(|| {
        set_status(ProblemCode::Gone);
        PortalError(Problem::new(ProblemCode::Gone, "This took too long. Sign in again."))
    })
}

/// Name of the cookie of a link that waits for the password.
const LINK_COOKIE: &str = "reeve-link";
/// Longest key of a link, in letters.
const LINK_KEY_MAX: usize = 64;
/// Seconds that a link waits for the password, in the browser; the server may end it earlier.
const LINK_COOKIE_SECONDS: u32 = 30 * 60;

/// Keeps the key of a link in this browser for some minutes; an empty one is forgotten.
///
/// # Errors
/// There is no request around this call.
pub fn put_link_key(key: &str) -> Result<(), PortalError> {
    let is_plain = key.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'));
    // What cannot be a key is as good as one that works no more.
    let key = if is_plain && key.len() <= LINK_KEY_MAX { key } else { "" };
    put_secret_cookie(LINK_COOKIE, key, if key.is_empty() { 0 } else { LINK_COOKIE_SECONDS })
}

/// The key of the link that this browser opened; empty when there is none.
///
/// # Errors
/// There is no request around this call.
pub fn link_key() -> Result<String, PortalError> {
    let store = store()?;
    Ok(cookie(&secret_cookie_name(LINK_COOKIE, store.public_url())).unwrap_or_default())
}

/// Nothing in the place of what is gone, for a page that says so in its own words.
///
/// # Errors
/// Whatever else went wrong.
pub fn unless_gone<T>(found: domain::Result<T>) -> Result<Option<T>, PortalError> {
    match found.map_err(Problem::from) {
        Ok(found) => Ok(Some(found)),
        Err(problem) if problem.code == ProblemCode::Gone => Ok(None),
        Err(problem) => {
            set_status(problem.code);
            Err(PortalError(problem))
        }
    }
}

/// Name of the cookie that remembers the provider with which somebody last signed in here.
pub const PROVIDER_COOKIE: &str = "reeve-provider";
/// Seconds that a browser remembers it: a year.
pub const PROVIDER_COOKIE_SECONDS: u32 = 365 * 24 * 3600;

/// The provider that this browser knows, so that its button is there when a session has ended.
#[must_use]
pub fn known_provider() -> Option<entity::id::OidcProviderId> {
    let store = store().ok()?;
    cookie(&secret_cookie_name(PROVIDER_COOKIE, store.public_url()))?.parse().ok()
}

/// A cookie for a secret that lives for some minutes. Over https only this host can set it.
///
/// # Errors
/// There is no request around this call.
pub fn put_secret_cookie(name: &str, value: &str, seconds: u32) -> Result<(), PortalError> {
    put_cookie(&secret_cookie(name, value, seconds, store()?.public_url()));
    Ok(())
}

/// The same as the text of a `Set-Cookie` header.
#[must_use]
pub fn secret_cookie(name: &str, value: &str, seconds: u32, public_url: &str) -> String {
    sealed_cookie(&secret_cookie_name(name, public_url), value, seconds)
}

/// A cookie that scripts cannot read and other sites' pages cannot send along.
fn sealed_cookie(name: &str, value: &str, seconds: u32) -> String {
    let secure = if name.starts_with("__Host-") { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

/// The full name of such a cookie.
#[must_use]
pub fn secret_cookie_name(name: &str, public_url: &str) -> String {
    if public_url.starts_with("https://") { format!("__Host-{name}") } else { name.to_owned() }
}

/// Makes the browser forget its session.
///
/// # Errors
/// There is no request around this call.
pub fn clear_session_cookie() -> Result<(), PortalError> {
    put_session_cookie("", 0)
}

fn put_session_cookie(value: &str, seconds: u32) -> Result<(), PortalError> {
    put_cookie(&session_cookie(value, seconds, store()?.public_url()));
    Ok(())
}

fn session_cookie(value: &str, seconds: u32, public_url: &str) -> String {
    sealed_cookie(session_cookie_name(public_url), value, seconds)
}

/// Says how something turned out: a toast where JavaScript runs, a message on the next page where it does not. The
/// sentence travels in a short-lived cookie because it has to outlive a redirect.
pub fn done(sentence: &str) {
    put_cookie(&done_cookie(sentence));
}

/// The same as the text of a `Set-Cookie` header.
#[must_use]
pub fn done_cookie(sentence: &str) -> String {
    let value = crate::ui::toast::encode(sentence);
    let name = crate::ui::toast::COOKIE;
    format!("{name}={value}; Path=/; Max-Age={DONE_COOKIE_SECONDS}; SameSite=Lax")
}

/// The sentence that [`done`] left for this page, taken so that it is shown once.
#[must_use]
pub fn take_done() -> Option<String> {
    let name = crate::ui::toast::COOKIE;
    let sentence = cookie(name).map(|value| crate::ui::toast::decode(&value))?;
    put_cookie(&format!("{name}=; Path=/; Max-Age=0; SameSite=Lax"));
    Some(sentence)
}

/// The theme that the browser remembers.
#[must_use]
pub fn theme() -> Theme {
    cookie(crate::ui::theme::COOKIE).map_or(Theme::System, |word| Theme::from_word(&word))
}

/// Makes the browser remember a theme.
pub fn set_theme(theme: Theme) {
    let name = crate::ui::theme::COOKIE;
    let word = theme.word();
    put_cookie(&format!("{name}={word}; Path=/; Max-Age={THEME_COOKIE_SECONDS}; SameSite=Lax"));
}

fn put_cookie(cookie: &str) {
    if let (Some(response), Ok(value)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(cookie)) {
        response.append_header(SET_COOKIE, value);
    }
}

/// The value of a cookie that the browser sent.
#[must_use]
pub fn cookie(name: &str) -> Option<String> {
    let parts = use_context::<Parts>()?;
    let headers = parts.headers.get_all(COOKIE);
    headers.iter().filter_map(|value| value.to_str().ok()).flat_map(|line| line.split(';')).find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then(|| value.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::local_path;

    #[test]
    fn next_stays_on_this_site() {
        for bad in
            ["", "https://evil.example", "//evil.example", "/\\evil.example", "/a\r\nb", "javascript:x"]
        {
            assert_eq!(local_path(bad), "/", "{bad}");
        }
        assert_eq!(local_path("/devices?search=web"), "/devices?search=web");
    }
}
