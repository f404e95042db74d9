//! Checkbox and switch: yes or no.

use leptos::prelude::*;

/// A box to tick; sends `value` when ticked and nothing when not.
#[component]
pub fn Checkbox(
    /// Sent under this name.
    #[prop(into)]
    name: String,
    /// What ticking it means.
    #[prop(into)]
    label: String,
    /// Ticked at first.
    #[prop(optional)]
    checked: bool,
    /// One more sentence.
    #[prop(optional, into)]
    hint: Option<String>,
    /// What is sent.
    #[prop(default = "true".to_owned(), into)]
    value: String,
) -> impl IntoView {
    view! {
        <label class="checkbox">
            <input r#type="checkbox" name=name value=value checked=checked/>
            <Words label hint/>
        </label>
    }
}

/// A checkbox for what takes effect as a state: on or off.
#[component]
pub fn Switch(
    /// Sent under this name.
    #[prop(into)]
    name: String,
    /// What is switched.
    #[prop(into)]
    label: String,
    /// On at first.
    #[prop(optional)]
    checked: bool,
    /// One more sentence.
    #[prop(optional, into)]
    hint: Option<String>,
    /// What is sent when on.
    #[prop(default = "true".to_owned(), into)]
    value: String,
) -> impl IntoView {
    view! {
        <label class="checkbox switch">
            <input r#type="checkbox" role="switch" name=name value=value checked=checked/>
            <Words label hint/>
        </label>
    }
}

#[component]
fn Words(label: String, hint: Option<String>) -> impl IntoView {
    view! {
        <span class="checkbox-words">
            {label} {hint.map(|hint| view! { <span class="field-hint">{hint}</span> })}
        </span>
    }
}
