//! Toast: how something turned out, for a few seconds. The sentence comes from the server in a short-lived cookie,
//! so that it outlives a redirect and is there without JavaScript too.

use super::{
    icon::{Icon, IconName},
    status::StatusKind,
};
use crate::carried::is_taken_over;
use entity::problem::Problem;
use leptos::prelude::*;
use leptos_router::hooks::use_location;
use std::time::Duration;
use wasm_bindgen::JsCast;

/// Name of the cookie.
pub const COOKIE: &str = "reeve-done";
/// A good outcome is shown for this long; a problem stays until it is closed.
const SHOWN: Duration = Duration::from_secs(6);

#[derive(Clone, PartialEq, Eq)]
struct Toast {
    id: u32,
    kind: StatusKind,
    text: String,
}

/// Shows toasts; take it with [`use_toasts`] before an event needs it.
#[derive(Clone, Copy)]
pub struct Toasts {
    list: RwSignal<Vec<Toast>>,
    next: StoredValue<u32>,
}

/// Starts with the outcome of the action before this page, if there was one.
pub fn provide_toasts(done: Option<String>) {
    let first = done.map(|text| Toast { id: 0, kind: StatusKind::Ok, text });
    provide_context(Toasts { list: RwSignal::new(first.into_iter().collect()), next: StoredValue::new(1) });
}

/// What shows toasts.
#[must_use]
pub fn use_toasts() -> Toasts {
    expect_context::<Toasts>()
}

impl Toasts {
    /// Shows a good outcome for a few seconds.
    pub fn say(self, text: impl Into<String>) {
        let id = self.push(StatusKind::Ok, text.into());
        self.close_later(id);
    }

    /// Shows a problem until it is closed.
    pub fn problem(self, problem: &Problem) {
        self.push(StatusKind::Bad, problem.detail.clone());
    }

    /// Shows the outcome that the server left in the cookie, if there is one.
    pub fn collect(self) {
        let Some(page) = document().dyn_ref::<web_sys::HtmlDocument>().cloned() else { return };
        let cookies = page.cookie().unwrap_or_default();
        let left =
            cookies.split("; ").filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == COOKIE);
        if let Some((_, value)) = left.filter(|(_, value)| !value.is_empty()) {
            drop(page.set_cookie(&format!("{COOKIE}=; Path=/; Max-Age=0; SameSite=Lax")));
            self.say(decode(value));
        }
    }

    fn push(self, kind: StatusKind, text: String) -> u32 {
        let id = self.next.get_value();
        self.next.set_value(id + 1);
        self.list.update(|list| list.push(Toast { id, kind, text }));
        id
    }

    fn close(self, id: u32) {
        self.list.update(|list| list.retain(|toast| toast.id != id));
    }

    fn close_later(self, id: u32) {
        set_timeout(move || self.close(id), SHOWN);
    }
}

/// Where toasts appear.
#[component]
pub fn ToastOutlet() -> impl IntoView {
    let toasts = use_toasts();
    let path = use_location().pathname;
    Effect::new(move |_| {
        // A server function that redirects leaves its outcome for the page it leads to.
        path.track();
        if is_taken_over() {
            toasts.collect();
        }
    });
    Effect::new(move |_| {
        let first = toasts.list.with_untracked(|list| list.first().map(|toast| toast.id));
        if let Some(id) = first {
            toasts.close_later(id);
        }
    });
    view! {
        <div class="toasts" role="status" aria-live="polite">
            <For each=move || toasts.list.get() key=|toast| toast.id let:toast>
                <div class=format!("toast {}", toast.kind.class())>
                    {toast.kind.shape()} <span class="toast-text">{toast.text.clone()}</span>
                    <button
                        r#type="button"
                        class="button button-quiet needs-js"
                        aria-label="Close this message"
                        on:click=move |_| toasts.close(toast.id)
                    >
                        <Icon icon=IconName::Close/>
                    </button>
                </div>
            </For>
        </div>
    }
}

/// Writes text so that it can stand in a cookie or a query.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Reads what [`encode`] wrote.
#[must_use]
pub fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let pair = (*first == b'%').then(|| tail.get(..2)).flatten();
        let byte = pair
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn any_text_survives_a_cookie() {
        for text in ["Business added.", "100 %; é=ü, \"quoted\"\n", ""] {
            assert!(encode(text).is_ascii());
            assert_eq!(decode(&encode(text)), text);
        }
        assert_eq!(decode("%zz%4"), "%zz%4");
    }
}
