//! Empty state: says why there is nothing, and what the next step is.

use leptos::{children::ViewFn, prelude::*};

/// Stands where a list would.
#[component]
pub fn EmptyState(
    /// What is not there.
    #[prop(into)]
    title: String,
    /// The next step, in a sentence.
    children: Children,
    /// The button that takes it.
    #[prop(optional, into)]
    action: ViewFn,
) -> impl IntoView {
    view! {
        <div class="empty-state">
            <p class="empty-state-title">{title}</p>
            <div class="empty-state-text">{children()}</div>
            <div class="empty-state-action">{action.run()}</div>
        </div>
    }
}
