//! Segmented: one of a few, as links, so that the choice is in the URL.

use leptos::prelude::*;

/// One choice.
#[derive(Clone, Debug)]
pub struct Segment {
    label: String,
    href: String,
    is_current: bool,
}

impl Segment {
    /// A choice, where it leads, and whether it is the one made.
    #[must_use]
    pub fn new(label: impl Into<String>, href: impl Into<String>, is_current: bool) -> Self {
        Self { label: label.into(), href: href.into(), is_current }
    }
}

/// A few choices in one frame.
#[component]
pub fn Segmented(
    /// What is chosen.
    #[prop(into)]
    label: String,
    /// The choices.
    items: Vec<Segment>,
) -> impl IntoView {
    let items = items.into_iter().map(|item| {
        view! {
            <a class="segment" href=item.href aria-current=item.is_current.then_some("true") data-noscroll="true">
                {item.label}
            </a>
        }
    });
    view! { <nav class="segmented" aria-label=label>{items.collect_view()}</nav> }
}
