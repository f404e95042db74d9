//! The page without a frame, for those who are not signed in.

use crate::ui::Logo;
use leptos::prelude::*;

/// The mark, and one narrow column.
#[component]
pub fn Bare(
    /// What stands in the column.
    children: Children,
) -> impl IntoView {
    view! {
        <main id="main" class="bare">
            <a class="bare-mark" href="/"><Logo/> <span>"Reeve"</span></a>
            <div class="bare-column">{children()}</div>
        </main>
    }
}
