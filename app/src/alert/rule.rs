//! The rule for bursts of errors: what is in force, and the form that decides.

use crate::{
    error::PortalError,
    ui::{ButtonKind, Checkbox, Field, Form, Submit, format},
};
use entity::{alert::LogBurstView, log_entry::SettingScope};
use leptos::prelude::*;
use serde::de::DeserializeOwned;
use server_fn::{Http, ServerFn, client::Client, codec::PostUrl, request::ClientReq};
use web_sys::FormData;

/// A length of time, to the second as it was decided.
fn length(seconds: u32) -> String {
    const DAY: u32 = 86_400;
    if seconds.is_multiple_of(60) && seconds < DAY {
        format::duration(seconds.into())
    } else {
        format!("{seconds}\u{a0}s")
    }
}

/// What is in force, and for those who may the form that changes it.
#[component]
pub fn BurstForm<S, Output>(
    /// The server function.
    action: ServerAction<S>,
    /// What is in force.
    view: LogBurstView,
    /// May they change it?
    can_set: bool,
    /// True for the rule of one business.
    #[prop(optional)]
    is_of_business: bool,
    /// Hidden fields that say whose.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView
where
    S: DeserializeOwned + Clone + Send + Sync + 'static,
    S: ServerFn<Protocol = Http<PostUrl, Output>, Error = PortalError>,
    <<S::Client as Client<PortalError>>::Request as ClientReq<PortalError>>::FormData: From<FormData>,
    S::Output: Send + Sync + 'static,
    S::Client: Client<PortalError>,
    Output: 'static,
{
    let rule = view.rule;
    let is_own = view.scope == if is_of_business { SettingScope::Business } else { SettingScope::Msp };
    let sentence = if rule.is_active {
        format!(
            "An alert opens when a device logs {} errors within {}, and is over after {} without a burst.",
            rule.threshold,
            length(rule.window_seconds),
            length(rule.quiet_seconds)
        )
    } else {
        "Bursts of errors open no alert.".to_owned()
    };
    let number = |name: &'static str, label: &'static str, value: u32| {
        view! { <Field name label value=value.to_string() input_mode="numeric" pattern="[0-9]+" required=true/> }
    };
    view! {
        <p>{sentence} " " <span class="quiet">"Decided by: " {view.scope.label()} "."</span></p>
        {can_set.then(|| view! {
            <details class="disclosure">
                <summary class="button">"Change"</summary>
                <Form action>
                    {children.map(|children| children())}
                    <Checkbox name="input[is_active]" label="Open an alert for a burst of errors" checked=rule.is_active/>
                    {number("input[threshold]", "Errors", rule.threshold)}
                    {number("input[window_seconds]", "Within seconds", rule.window_seconds)}
                    {number("input[quiet_seconds]", "Over after quiet seconds", rule.quiet_seconds)}
                    <div class="form-buttons">
                        <Submit>"Save"</Submit>
                        {is_own.then(|| view! {
                            <Submit kind=ButtonKind::Plain name="input[inherits]" value="true">
                                {if is_of_business { "Use the rule of all businesses" } else { "Back to what is built in" }}
                            </Submit>
                        })}
                    </div>
                </Form>
            </details>
        })}
    }
}
