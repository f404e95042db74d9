//! Badge: a word in a frame, without colour.

use leptos::prelude::*;

/// A short word about the thing beside it. What has a status is a [`super::Status`] instead.
#[component]
pub fn Badge(
    /// Shown when the pointer rests on it.
    #[prop(optional, into)]
    title: Option<String>,
    /// The word.
    children: Children,
) -> impl IntoView {
    view! { <span class="badge" title=title>{children()}</span> }
}
