//! Table: dense rows under a head that stays. On a phone a row becomes two lines: the cells of class `main` and
//! `aside`, then `sub` and `sub-aside`; the others are left out.

use super::icon::IconName;
use leptos::prelude::*;

/// The frame of a table; its children are `<thead>` and `<tbody>`.
#[component]
pub fn Table(
    /// What the rows are.
    #[prop(into)]
    label: String,
    /// Head and body.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="table-frame" role="region" tabindex="0" aria-label=label.clone()>
            <table class="table">
                <caption class="visually-hidden">{label.clone()}</caption>
                {children()}
            </table>
        </div>
    }
}

/// The head of a column that the list can be sorted by.
#[component]
pub fn SortHead(
    /// Name of the column.
    #[prop(into)]
    label: String,
    /// What the URL asks for, sorted by this column, or the other way round when it already is. The URL is ahead of
    /// the list for as long as an answer is on its way, and a filter that was just chosen must not be lost.
    #[prop(into)]
    href: Signal<String>,
    /// True when the list that is shown is sorted by this column.
    is_sorted: bool,
    /// True when its largest comes first.
    descending: bool,
    /// Class of the column, as on its cells.
    #[prop(optional)]
    class: &'static str,
) -> impl IntoView {
    let sort = match (is_sorted, descending) {
        (false, _) => None,
        (true, false) => Some(("ascending", IconName::ArrowUp)),
        (true, true) => Some(("descending", IconName::ArrowDown)),
    };
    view! {
        <th scope="col" class=class aria-sort=sort.map(|(word, _)| word)>
            <a class="sort-link" href=move || href.get() data-noscroll="true">{label} {sort.map(|(_, icon)| icon.view())}</a>
        </th>
    }
}
