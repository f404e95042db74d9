//! What the server knows while it renders and the browser takes over, so that both draw the same page.

use crate::ui::theme::Theme;
use chrono::{DateTime, Utc};
use entity::user::Me;
#[cfg(feature = "hydrate")]
use leptos::prelude::*;
use leptos::server::SharedValue;
use serde::{Deserialize, Serialize};

#[cfg(feature = "hydrate")]
thread_local! {
    static TAKEN_OVER: ArcRwSignal<bool> = ArcRwSignal::new(false);
}

/// False, and tracked, for as long as the browser still has to draw what the server drew: a page's part of the bundle
/// may have to be fetched first.
#[must_use]
pub fn is_taken_over() -> bool {
    #[cfg(feature = "hydrate")]
    return TAKEN_OVER.with(Clone::clone).get();
    #[cfg(not(feature = "hydrate"))]
    false
}

/// Takes over the page that the server drew.
#[cfg(feature = "hydrate")]
pub async fn take_over() {
    leptos::mount::hydrate_from_async(leptos::tachys::dom::body(), crate::App).await.forget();
    TAKEN_OVER.with(Clone::clone).set(true);
}

/// Carried from the server's rendering to the browser's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Carried {
    /// The time that the page was rendered with.
    pub now: DateTime<Utc>,
    /// How the action before this page turned out.
    pub done: Option<String>,
    /// The theme that the browser remembers.
    pub theme: Theme,
    /// Who is signed in.
    pub me: Option<Me>,
    /// Is the server in test mode?
    pub is_test_mode: bool,
}

/// Gathers on the server; takes over in the browser.
#[must_use]
pub fn carry() -> Carried {
    SharedValue::new(gather).into_inner()
}

#[cfg(feature = "ssr")]
fn gather() -> Carried {
    let theme = crate::context::theme();
    let is_test_mode = crate::context::is_test_mode();
    let (now, done) = (crate::context::now(), crate::context::take_done());
    Carried { now, done, theme, me: crate::context::me(), is_test_mode }
}

#[cfg(not(feature = "ssr"))]
fn gather() -> Carried {
    let now = crate::ui::clock::browser_now();
    Carried { now, done: None, theme: Theme::System, me: None, is_test_mode: false }
}
