//! Confirm: asks once more before something that cannot be undone. Works without JavaScript.

use super::{
    button::{ButtonKind, Submit},
    form::{Form, use_form_problem},
};
use crate::error::PortalError;
use leptos::{html, prelude::*};
use serde::de::DeserializeOwned;
use server_fn::{Http, ServerFn, client::Client, codec::PostUrl, request::ClientReq};
use web_sys::FormData;

/// A button that opens a question; the answer sends the form. With `type_name` the name has to be typed first.
#[component]
pub fn Confirm<S, Output>(
    /// What is done.
    action: ServerAction<S>,
    /// Label of the button that asks.
    #[prop(into)]
    label: String,
    /// The question's title.
    #[prop(into)]
    title: String,
    /// Label of the button that does it.
    #[prop(into)]
    confirm: String,
    /// Has to be typed before the button works.
    #[prop(optional, into)]
    type_name: Option<String>,
    /// What will happen, in a sentence, and the hidden fields of the form.
    children: Children,
) -> impl IntoView
where
    S: DeserializeOwned + Clone + Send + Sync + 'static,
    S: ServerFn<Protocol = Http<PostUrl, Output>, Error = PortalError>,
    <<S::Client as Client<PortalError>>::Request as ClientReq<PortalError>>::FormData: From<FormData>,
    S::Output: Send + Sync + 'static,
    S::Client: Client<PortalError>,
    Output: 'static,
{
    let details = NodeRef::<html::Details>::new();
    // Without JavaScript the page comes back with what is wrong, which must not be hidden.
    let is_refused = use_form_problem(action).with_untracked(Option::is_some);
    Effect::new(move |_| {
        action.version().track();
        // It is answered; what stands here next may be another question.
        if action.value().with_untracked(|value| matches!(value, Some(Ok(_))))
            && let Some(details) = details.get_untracked()
        {
            details.set_open(false);
        }
    });
    view! {
        <details node_ref=details class="confirm" open=is_refused>
            <summary class="button">{label}</summary>
            <div class="confirm-panel" role="group" aria-label=title.clone()>
                <p class="confirm-title">{title.clone()}</p>
                <Form action>
                    {children()}
                    {type_name.map(|name| view! { <TypeName name/> })}
                    <Submit kind=ButtonKind::Primary>{confirm}</Submit>
                </Form>
            </div>
        </details>
    }
}

/// Is not sent: the browser refuses the form until the text matches.
#[component]
fn TypeName(name: String) -> impl IntoView {
    view! {
        <label class="field">
            <span class="field-label">"Type " <b class="mono">{name.clone()}</b> " to confirm"</span>
            <input
                class="input"
                r#type="text"
                required
                autocomplete="off"
                spellcheck="false"
                pattern=super::field::pattern_of(&name)
                title=format!("Type {name} exactly")
            />
        </label>
    }
}
