//! Code: commands and output, as they are.

use leptos::prelude::*;

/// A block of text in the fixed-width face, scrolling inside itself.
#[component]
pub fn Code(
    /// The text.
    #[prop(into)]
    text: String,
    /// What it is, for those who cannot see it.
    #[prop(optional, into)]
    label: Option<String>,
) -> impl IntoView {
    // What scrolls must be reachable by keyboard.
    view! { <pre class="code" tabindex="0" role="region" aria-label=label.unwrap_or_else(|| "Code".to_owned())><code>{text}</code></pre> }
}
