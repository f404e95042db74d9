//! Whether somebody is at the page. What a page loads by itself while nobody is must not keep the session from idling
//! out: a cookie says so with each request. Without it only one's own session lives longer, so nothing trusts it.

use leptos::{ev, prelude::*};
use std::time::Duration;
use wasm_bindgen::JsCast;
use web_sys::HtmlDocument;

/// The cookie that is there while nobody is at the page.
pub const COOKIE: &str = "reeve-away";
/// Somebody who has touched nothing for this long is away.
const AWAY_AFTER: Duration = Duration::from_secs(60);
/// Seconds that the cookie is kept at the longest: as long as a session.
const KEPT_SECONDS: u32 = 12 * 3600;

/// Follows keys, pointer and wheel for as long as the frame is there.
pub(super) fn tell_idleness() {
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let here = move || {
        say(false);
        if let Some(former) = timer.try_update_value(Option::take).flatten() {
            former.clear();
        }
        let next = set_timeout_with_handle(|| say(true), AWAY_AFTER).ok();
        timer.try_update_value(|timer| *timer = next);
    };
    Effect::new(move |_| {
        here();
        let handles = [
            window_event_listener(ev::keydown, move |_| here()),
            window_event_listener(ev::pointerdown, move |_| here()),
            window_event_listener(ev::wheel, move |_| here()),
        ];
        on_cleanup(move || handles.into_iter().for_each(WindowListenerHandle::remove));
    });
}

fn say(is_away: bool) {
    let Ok(page) = document().dyn_into::<HtmlDocument>() else { return };
    let was_away = page.cookie().is_ok_and(|cookies| cookies.contains(COOKIE));
    if was_away != is_away {
        let seconds = if is_away { KEPT_SECONDS } else { 0 };
        drop(page.set_cookie(&format!("{COOKIE}=1; Path=/; Max-Age={seconds}; SameSite=Lax")));
    }
}
