//! Where agents look for log lines: what is in force, and the form that decides.

use crate::{
    error::PortalError,
    ui::{ButtonKind, Checkbox, Form, Submit, TextArea},
};
use entity::log_entry::{LogSourcesView, SettingScope};
use leptos::prelude::*;
use serde::de::DeserializeOwned;
use server_fn::{Http, ServerFn, client::Client, codec::PostUrl, request::ClientReq};
use web_sys::FormData;

/// What is in force in a sentence.
#[component]
fn InForce(view: LogSourcesView) -> impl IntoView {
    let system = match view.sources.system_log {
        true => "The journal or the event log of the system is followed",
        false => "The log of the system is not followed",
    };
    let files = match view.sources.files.len() {
        0 => "no files besides".to_owned(),
        1 => "1 path besides".to_owned(),
        count => format!("{count} paths besides"),
    };
    view! {
        <p>{system} ", " {files} ". " <span class="quiet">"Decided by: " {view.scope.label()} "."</span></p>
        {(!view.sources.files.is_empty()).then(|| view! {
            <ul class="log-paths mono">
                {view.sources.files.iter().map(|path| view! { <li>{path.clone()}</li> }).collect_view()}
            </ul>
        })}
    }
}

/// What is in force, and for those who may the form that changes it. `whose` is what the decision is about: `device`,
/// `business`, or nothing for the default of all.
#[component]
pub(super) fn SourcesForm<S, Output>(
    /// The server function.
    action: ServerAction<S>,
    /// What is in force.
    view: LogSourcesView,
    /// May they change it?
    can_set: bool,
    /// What the decision is about.
    #[prop(default = "")]
    whose: &'static str,
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
    let own = match whose {
        "device" => SettingScope::Device,
        "business" => SettingScope::Business,
        _ => SettingScope::Msp,
    };
    let is_own = view.scope == own;
    let (system_log, files) = (view.sources.system_log, view.sources.files.join("\n"));
    let hint = "One path a line, such as /var/log/app/*.log or C:\\App\\Logs\\*.log. Lines that say ERROR, WARN or \
                CRITICAL are sent, from the moment the file is named.";
    view! {
        <InForce view/>
        {can_set.then(|| view! {
            <details class="disclosure">
                <summary class="button">"Change"</summary>
                <Form action>
                    {children.map(|children| children())}
                    <Checkbox
                        name="input[system_log]"
                        label="Follow the log of the system"
                        hint="The journal on Linux, the System and Application event logs on Windows."
                        checked=system_log
                    />
                    <TextArea name="input[files]" label="Files" value=files hint mono=true/>
                    <div class="form-buttons">
                        <Submit>"Save"</Submit>
                        {is_own.then(|| view! {
                            <Submit kind=ButtonKind::Plain name="input[inherits]" value="true">
                                {if whose.is_empty() { "Back to what is built in" } else { "Use what is decided further up" }}
                            </Submit>
                        })}
                    </div>
                </Form>
            </details>
        })}
    }
}
