//! Copy-field: a value to take along. The button needs JavaScript; the text can be selected without.

use super::icon::IconName;
use leptos::{html, prelude::*};
use std::time::Duration;

/// The button says for this long that it has copied.
const SAID: Duration = Duration::from_secs(2);

/// One value in the fixed-width face with a button that copies it.
#[component]
pub fn CopyField(
    /// What it is.
    #[prop(into)]
    label: String,
    /// What is copied.
    #[prop(into)]
    value: String,
) -> impl IntoView {
    let is_copied = RwSignal::new(false);
    let text = NodeRef::<html::Code>::new();
    let copy = {
        let value = value.clone();
        move |_| {
            let clipboard = window().navigator().clipboard();
            // Browsers give pages a clipboard only over https or on localhost; then the text is selected instead.
            if wasm_bindgen::JsValue::from(clipboard.clone()).is_undefined() {
                select(text);
                return;
            }
            drop(clipboard.write_text(&value));
            is_copied.set(true);
            set_timeout(move || is_copied.try_set(false).map_or((), drop), SAID);
        }
    };
    let button = format!("Copy {label}");
    view! {
        <div class="copy-field">
            <span class="field-label">{label}</span>
            <div class="copy-field-box">
                <code node_ref=text class="copy-field-value">{value}</code>
                <button r#type="button" class="button button-quiet needs-js" aria-label=button on:click=copy>
                    {move || if is_copied.get() { IconName::Check } else { IconName::Copy }.view()}
                    <span aria-live="polite">{move || if is_copied.get() { "Copied" } else { "Copy" }}</span>
                </button>
            </div>
        </div>
    }
}

fn select(text: NodeRef<html::Code>) {
    let Some(element) = text.get_untracked() else { return };
    if let Ok(Some(selection)) = window().get_selection() {
        drop(selection.select_all_children(&element));
    }
}
