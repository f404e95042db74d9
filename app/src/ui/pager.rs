//! Pager: one page of a list after the other, as links.

use super::format;
use leptos::prelude::*;

/// How much is shown, and the way to the next page.
#[component]
pub fn Pager(
    /// Rows on this page.
    shown: usize,
    /// Rows in all, when that is known.
    total: Option<u64>,
    /// The first page, when this is another.
    #[prop(optional_no_strip, into)]
    first_href: Option<String>,
    /// The next page, when there is one.
    #[prop(optional_no_strip, into)]
    next_href: Option<String>,
) -> impl IntoView {
    let shown = format::count(shown as u64);
    let words = match total {
        Some(total) => format!("{shown} of {}", format::count(total)),
        None => format!("{shown} shown"),
    };
    view! {
        <nav class="pager" aria-label="Pages">
            <span class="pager-words">{words}</span>
            {first_href.map(|href| view! { <a class="button" href=href>"First page"</a> })}
            {next_href.map(|href| view! { <a class="button" rel="next" href=href>"Next page"</a> })}
        </nav>
    }
}
