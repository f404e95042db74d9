//! Panel: a framed part of a page with its title.

use leptos::{children::ViewFn, prelude::*};

/// A framed part of a page.
#[component]
pub fn Panel(
    /// What it is about.
    #[prop(into)]
    title: String,
    /// A few words beside the title.
    #[prop(optional, into)]
    facts: Option<String>,
    /// Buttons on the right of the title.
    #[prop(optional, into)]
    actions: ViewFn,
    /// What it holds.
    children: Children,
) -> impl IntoView {
    view! {
        <section class="panel">
            <header class="panel-head">
                <h2>{title}</h2>
                {facts.map(|facts| view! { <span class="panel-facts">{facts}</span> })}
                <div class="panel-actions">{actions.run()}</div>
            </header>
            <div class="panel-body">{children()}</div>
        </section>
    }
}
