//! Making a passkey: a name for it, then the browser's own question.

use super::{
    browser::{Ask, NOT_HERE},
    calls::{begin_passkey, finish_passkey},
    passkey::{Finish, Step, use_asking, use_supported},
};
use crate::{
    account::browser_name,
    ui::{Field, Submit, form::FormContext, toast::use_toasts},
};
use entity::input::NAME_MAX;
use leptos::{html, prelude::*};
use std::sync::Arc;
use wasm_bindgen::JsCast;

/// The form; `added` gets the recovery codes, none when there are some already.
#[component]
pub(super) fn AddPasskey(added: RwSignal<Option<Vec<String>>>) -> impl IntoView {
    let form = NodeRef::<html::Form>::new();
    let toasts = use_toasts();
    let finish: Finish = Arc::new(move |credential| -> Step<()> {
        let name = name_input(form).map(|input| input.value()).unwrap_or_default();
        Box::pin(async move {
            let codes = finish_passkey(name, credential).await?;
            toasts.collect();
            added.set(Some(codes));
            Ok(())
        })
    });
    let asking = use_asking(Ask::New, || Box::pin(begin_passkey()), finish);
    let is_supported = use_supported();
    let context = FormContext {
        id: "passkey",
        problem: asking.problem.into(),
        pending: asking.pending.into(),
        fields: StoredValue::new(Vec::new()),
        again: StoredValue::new(Arc::new(move || asking.run.run(()))),
    };
    Effect::new(move |_| {
        form.track();
        let Some(input) = name_input(form) else { return };
        if input.value().is_empty() {
            input.set_value(&browser_name(&window().navigator().user_agent().unwrap_or_default()));
        }
    });
    view! {
        <p class="bare-lead">
            "Your browser asks for a fingerprint, a face, a PIN or a security key. From then on you can sign in with \
             it alone."
        </p>
        <p class="without-js">"Making a passkey needs JavaScript, which is switched off in this browser."</p>
        {move || if is_supported.get() {
            view! {
                <leptos::context::Provider value=context>
                    <form
                        node_ref=form
                        class="form needs-js"
                        on:submit=move |event| {
                            event.prevent_default();
                            asking.run.run(());
                        }
                    >
                        {asking.outcome(Some("name"))}
                        <Field
                            name="name"
                            label="Name"
                            hint="So that you know it again in the list."
                            max_length=NAME_MAX
                            autocomplete="off"
                            required=true
                        />
                        <Submit>"Make a passkey"</Submit>
                    </form>
                </leptos::context::Provider>
            }
            .into_any()
        } else {
            view! { <p class="needs-js">{NOT_HERE}</p> }.into_any()
        }}
    }
}

fn name_input(form: NodeRef<html::Form>) -> Option<web_sys::HtmlInputElement> {
    let found = form.get_untracked()?.query_selector("input[name=name]").ok()??;
    found.dyn_into().ok()
}
