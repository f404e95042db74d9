//! Notice: one sentence that matters here, with the shape of its status.

use super::status::StatusKind;
use leptos::prelude::*;

/// A quiet framed sentence.
#[component]
pub fn Notice(
    /// What kind of news it is.
    kind: StatusKind,
    /// The sentence.
    children: Children,
) -> impl IntoView {
    view! {
        <div class=format!("notice {}", kind.class())>
            {kind.shape()}
            <span class="visually-hidden">{kind.word()} ": "</span>
            <div class="notice-text">{children()}</div>
        </div>
    }
}
