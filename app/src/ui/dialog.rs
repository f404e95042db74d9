//! Dialog: something to read or decide before going on. Needs JavaScript; what must work without is a page.

use super::icon::{Icon, IconName};
use leptos::{html, prelude::*};

/// A modal dialog: the browser keeps the focus inside and closes it on Escape.
#[component]
pub fn Dialog(
    /// True while it is open.
    open: RwSignal<bool>,
    /// What it is about.
    #[prop(into)]
    title: String,
    /// What it says.
    children: Children,
) -> impl IntoView {
    let element = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let Some(element) = element.get() else { return };
        if open.get() && !element.open() {
            drop(element.show_modal());
        } else if !open.get() && element.open() {
            element.close();
        }
    });
    view! {
        <dialog node_ref=element class="dialog" aria-label=title.clone() on:close=move |_| open.set(false)>
            <div class="dialog-head">
                <h2>{title.clone()}</h2>
                <button
                    r#type="button"
                    class="button button-quiet"
                    aria-label="Close"
                    on:click=move |_| open.set(false)
                >
                    <Icon icon=IconName::Close/>
                </button>
            </div>
            <div class="dialog-body">{children()}</div>
        </dialog>
    }
}
