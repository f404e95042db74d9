//! Tabs: parts of one thing, as links, so that each has its address.

use super::format;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// One tab.
#[derive(Clone, Debug)]
pub struct Tab {
    label: String,
    href: String,
    count: Option<u64>,
}

impl Tab {
    /// A tab and its address.
    #[must_use]
    pub fn new(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self { label: label.into(), href: href.into(), count: None }
    }

    /// Shows how many things are behind it.
    #[must_use]
    pub fn count(self, count: u64) -> Self {
        Self { count: Some(count), ..self }
    }
}

/// The tabs of one thing; the one whose address is open is marked.
#[component]
pub fn Tabs(
    /// Of what.
    #[prop(into)]
    label: String,
    /// The tabs.
    items: Vec<Tab>,
) -> impl IntoView {
    let path = use_location().pathname;
    let items = items.into_iter().map(move |tab| {
        let href = tab.href.clone();
        let is_current = move || path.with(|path| path.trim_end_matches('/') == href);
        let count = tab.count.map(|count| view! { <span class="tab-count">{format::count(count).number}</span> });
        view! {
            <a class="tab" href=tab.href aria-current=move || is_current().then_some("page") data-noscroll="true">
                {tab.label} {count}
            </a>
        }
    });
    view! { <nav class="tabs" aria-label=label>{items.collect_view()}</nav> }
}
