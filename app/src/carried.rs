//! What the server knows while it renders and the browser takes over, so that both draw the same page.

use crate::ui::theme::Theme;
use chrono::{DateTime, Utc};
use entity::user::Me;
use leptos::server::SharedValue;
use serde::{Deserialize, Serialize};

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
}

/// Gathers on the server; takes over in the browser.
#[must_use]
pub fn carry() -> Carried {
    SharedValue::new(gather).into_inner()
}

#[cfg(feature = "ssr")]
fn gather() -> Carried {
    let theme = crate::context::theme();
    Carried { now: crate::context::now(), done: crate::context::take_done(), theme, me: crate::context::me() }
}

#[cfg(not(feature = "ssr"))]
fn gather() -> Carried {
    Carried { now: crate::ui::clock::browser_now(), done: None, theme: Theme::System, me: None }
}
