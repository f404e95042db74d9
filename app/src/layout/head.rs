//! Page head: what the page is about, one line of facts, and the one thing to do.

use leptos::{children::ViewFn, prelude::*};
use leptos_meta::Title;

/// The page that this one belongs to.
#[derive(Clone, Debug)]
pub struct Up {
    label: String,
    href: String,
}

impl<L: Into<String>, H: Into<String>> From<(L, H)> for Up {
    fn from((label, href): (L, H)) -> Self {
        Self { label: label.into(), href: href.into() }
    }
}

/// The head of a page; also names the window.
#[component]
pub fn PageHead(
    /// What the page is about.
    #[prop(into)]
    title: String,
    /// The page that this one belongs to, as label and address.
    #[prop(optional, into)]
    up: Option<Up>,
    /// One line of facts.
    #[prop(optional, into)]
    facts: ViewFn,
    /// The one thing to do.
    #[prop(optional, into)]
    action: ViewFn,
) -> impl IntoView {
    view! {
        <Title text=title.clone()/>
        <header class="page-head">
            <div class="page-head-words">
                {up.map(|up| view! { <a class="page-head-up" href=up.href>{up.label}</a> })}
                <h1>{title}</h1>
                <div class="page-head-facts">{facts.run()}</div>
            </div>
            <div class="page-head-action">{action.run()}</div>
        </header>
    }
}
