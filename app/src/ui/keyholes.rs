//! The two keyholes: the dual lock. Left is the approval on the server, right the lock on the device. Whoever sees
//! two open ones knows that something will really happen.

use leptos::prelude::*;

/// One of the two locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyhole {
    /// Nothing passes.
    Closed,
    /// It lets through.
    Open,
    /// It is not asked.
    NotNeeded,
}

impl Keyhole {
    const fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::NotNeeded => "not needed",
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Closed => "keyhole keyhole-closed",
            Self::Open => "keyhole keyhole-open",
            Self::NotNeeded => "keyhole keyhole-not-needed",
        }
    }
}

/// A keyhole of 10 × 16 whose middle is at 8.
const HOLE: &str = "M8 1.75a4.25 4.25 0 0 0-2.1 7.95L4.6 14.25h6.8L10.1 9.7A4.25 4.25 0 0 0 8 1.75z";

/// Both locks side by side.
#[component]
pub fn Keyholes(
    /// The approval on the server.
    left: Keyhole,
    /// The lock on the device.
    right: Keyhole,
) -> impl IntoView {
    let words = format!("Approval on the server {}, lock on the device {}", left.word(), right.word());
    view! {
        <span class="keyholes" title=words.clone()>
            <svg viewBox="0 0 30 16" width="30" height="16" role="img" aria-label=words.clone()>
                <path class=left.class() d=HOLE/>
                <path class=right.class() d=HOLE transform="translate(14 0)"/>
            </svg>
        </span>
    }
}

/// One lock as a large figure, beside the words about it.
#[component]
pub fn KeyholeFigure(
    /// How it is.
    state: Keyhole,
) -> impl IntoView {
    view! {
        <span class="keyhole-figure">
            <svg viewBox="0 0 16 16" width="40" height="40" role="img" aria-label=state.word()>
                <path class=state.class() d=HOLE/>
            </svg>
            <span class="keyhole-word" aria-hidden="true">{state.word()}</span>
        </span>
    }
}

/// The mark of the product: two keyholes, one closed and one open.
#[component]
pub fn Logo() -> impl IntoView {
    view! {
        <svg class="logo" viewBox="0 0 30 16" width="30" height="16" aria-hidden="true" focusable="false">
            <path class="keyhole keyhole-closed" d=HOLE/>
            <path class="keyhole keyhole-open" d=HOLE transform="translate(14 0)"/>
        </svg>
    }
}
