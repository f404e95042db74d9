//! Timeline: what happened, newest first.

use super::{status::StatusKind, time::Time};
use chrono::{DateTime, Utc};
use leptos::prelude::*;

/// A list of [`TimelineItem`]s.
#[component]
pub fn Timeline(
    /// The items.
    children: Children,
) -> impl IntoView {
    view! { <ol class="timeline">{children()}</ol> }
}

/// One thing that happened.
#[component]
pub fn TimelineItem(
    /// When.
    at: DateTime<Utc>,
    /// What it means.
    #[prop(default = StatusKind::Off)]
    kind: StatusKind,
    /// Who did it.
    actor: Option<String>,
    /// The sentence.
    children: Children,
) -> impl IntoView {
    view! {
        <li class=format!("timeline-item {}", kind.class())>
            {kind.shape()}
            <div class="timeline-text">
                {children()} {actor.map(|actor| view! { <span class="timeline-actor">{actor}</span> })}
            </div>
            <Time at/>
        </li>
    }
}
