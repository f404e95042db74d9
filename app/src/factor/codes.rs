//! Recovery codes, shown once: to be copied, downloaded or printed.

use crate::ui::{Button, ButtonKind, toast::encode};
use leptos::{html, prelude::*};

/// Name of the file they are downloaded as.
const FILE: &str = "reeve-recovery-codes.txt";

/// The page's part after a first factor was added: nothing else matters now.
#[component]
pub(super) fn KeepCodes(
    /// The codes.
    codes: Vec<String>,
    /// Where it goes on.
    next: &'static str,
) -> impl IntoView {
    view! {
        <h1>"Keep these recovery codes"</h1>
        <p class="bare-lead">
            "Each of them lets you in once when your phone or passkey is lost. They are shown only now."
        </p>
        <Codes codes/>
        <a class="button button-primary" href=next>"I have kept them"</a>
    }
}

/// The codes, and ways to take them along.
#[component]
pub(super) fn Codes(
    /// The codes.
    codes: Vec<String>,
) -> impl IntoView {
    let list = NodeRef::<html::Ol>::new();
    let is_copied = RwSignal::new(false);
    let text = codes.join("\n") + "\n";
    let file =
        format!("data:text/plain;charset=utf-8,{}", encode(&format!("Recovery codes for Reeve\n\n{text}")));
    let copy = move |_| {
        let clipboard = window().navigator().clipboard();
        // Browsers give pages a clipboard only over https or on localhost; then the codes are selected instead.
        if wasm_bindgen::JsValue::from(clipboard.clone()).is_undefined() {
            if let (Some(list), Ok(Some(selection))) = (list.get_untracked(), window().get_selection()) {
                drop(selection.select_all_children(&list));
            }
            return;
        }
        drop(clipboard.write_text(&text));
        is_copied.set(true);
    };
    view! {
        <div class="recovery-codes">
            <ol node_ref=list class="recovery-code-list mono" aria-label="Recovery codes">
                {codes.into_iter().map(|code| view! { <li>{code}</li> }).collect_view()}
            </ol>
            <div class="button-row">
                <Button kind=ButtonKind::Plain attr:class="button needs-js" on:click=copy>
                    <span aria-live="polite">{move || if is_copied.get() { "Copied" } else { "Copy" }}</span>
                </Button>
                <a class="button" href=file download=FILE>"Download"</a>
                <Button kind=ButtonKind::Plain attr:class="button needs-js" on:click=|_| drop(window().print())>
                    "Print"
                </Button>
            </div>
        </div>
    }
}
