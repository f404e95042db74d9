//! Exactly what will run, as those who approve it have to see it: nothing in it can hide.

use super::words::shell_label;
use crate::ui::{Code, Fact, Facts, Notice, StatusKind, format, terminal};
use entity::command::Payload;
use leptos::prelude::*;

/// Everything that a payload holds.
#[component]
pub(crate) fn PayloadView(payload: Payload) -> impl IntoView {
    match payload {
        Payload::RunScript { shell, script, script_sha256, parameters, script_version_id } => view! {
            <Facts>
                <Fact label="Read by">{shell_label(shell)}</Fact>
                {script_version_id.is_some().then(|| view! { <Fact label="From">"the script library"</Fact> })}
                <Fact label="SHA-256"><span class="mono">{script_sha256}</span></Fact>
                <Fact label="Parameters"><Words list=parameters none="none"/></Fact>
            </Facts>
            <Script text=script/>
        }
        .into_any(),
        Payload::InstallPatches { patches } | Payload::RollbackPatches { patches } => view! {
            <Facts>
                <Fact label="Patches"><Words list=patches none="none"/></Fact>
            </Facts>
        }
        .into_any(),
        Payload::NotifyOps { message } => view! { <Script text=message label="Message"/> }.into_any(),
        Payload::Reboot { delay_seconds } => view! {
            <Facts>
                <Fact label="After">{format::duration(u64::from(delay_seconds))}</Fact>
            </Facts>
        }
        .into_any(),
        Payload::SetMode { .. }
        | Payload::PatchScan {}
        | Payload::CollectInventory {}
        | Payload::SetRateLimit { .. }
        | Payload::RestartService { .. }
        | Payload::RestartProcess { .. }
        | Payload::StopProcess { .. }
        | Payload::Rollback { .. }
        | Payload::UpdateAgent { .. } => ().into_any(),
    }
}

/// A text that runs, with every character that does not show as a word.
#[component]
pub(crate) fn Script(
    /// The text.
    text: String,
    /// What it is.
    #[prop(default = "Script")]
    label: &'static str,
) -> impl IntoView {
    let shown = terminal::exact(&text);
    view! {
        {(shown.controls > 0).then(|| view! {
            <Notice kind=StatusKind::Warn>
                "This text holds " {shown.controls} " characters that do not show, or that turn the order of others around. They stand below as words."
            </Notice>
        })}
        <Code text=shown.text label/>
    }
}

#[component]
fn Words(list: Vec<String>, none: &'static str) -> impl IntoView {
    if list.is_empty() {
        return none.into_any();
    }
    let items = list.into_iter().map(|word| view! { <li class="mono">{terminal::exact(&word).text}</li> });
    view! { <ul class="word-list">{items.collect_view()}</ul> }.into_any()
}
