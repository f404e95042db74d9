//! What each kind takes, as fields; filled with what the address carries.

use super::{form::CommandForm, words::shell_label};
use crate::ui::{Choice, Field, Select, TextArea};
use entity::{
    command::{CommandKind, NAME_MAX, OnOffline, Priority, REASON_MAX, Shell},
    script::ScriptView,
};
use leptos::prelude::*;

/// The fields of a kind, why it is asked, and what can be left as it is.
#[component]
pub(super) fn KindFields(kind: CommandKind, asked: CommandForm, scripts: Vec<ScriptView>) -> impl IntoView {
    let rest = asked.clone();
    view! {
        {own(kind, asked, scripts)}
        <TextArea
            name="form[reason]"
            label="Why"
            hint="Those who decide read this first."
            value=rest.reason.clone()
            rows=2
            max_length=REASON_MAX
        />
        <Rest asked=rest is_strong=kind.strong_kind().is_some()/>
    }
}

fn own(kind: CommandKind, asked: CommandForm, scripts: Vec<ScriptView>) -> AnyView {
    let name = |name: &'static str, label: &'static str, hint: &'static str, value: String| {
        view! { <Field name label hint value required=true max_length=NAME_MAX autocomplete="off" mono=true/> }
            .into_any()
    };
    match kind {
        CommandKind::SetMode => {
            let options = vec![Choice::new("safe", "Safe mode"), Choice::new("normal", "Normal mode")];
            view! { <Select name="form[mode]" label="Mode" options value=asked.mode required=true/> }
                .into_any()
        }
        CommandKind::NotifyOps => view! {
            <TextArea name="form[message]" label="Message" value=asked.message rows=3 max_length=REASON_MAX/>
        }
        .into_any(),
        CommandKind::SetRateLimit => view! {
            {name("form[endpoint]", "Endpoint", "Its path, such as /api.", asked.endpoint)}
            <Field
                name="form[limit_rps]"
                label="Requests a second"
                hint="0 takes the limit away."
                value=asked.limit_rps
                input_mode="numeric"
                required=true
            />
        }
        .into_any(),
        CommandKind::RestartService => name(
            "form[service_name]",
            "Service",
            "As the service manager calls it, such as nginx or Spooler.",
            asked.service_name,
        ),
        CommandKind::RestartProcess | CommandKind::StopProcess => {
            name("form[process_name]", "Process", "Its name, such as worker.", asked.process_name)
        }
        CommandKind::RunScript => view! { <ScriptFields asked scripts/> }.into_any(),
        CommandKind::InstallPatches | CommandKind::RollbackPatches => view! {
            <TextArea
                name="form[patches]"
                label="Patches"
                hint="One a line, as provider:name, such as apt:openssl."
                value=asked.patches
                rows=4
                mono=true
            />
        }
        .into_any(),
        CommandKind::Rollback => {
            name("form[program]", "Program", "Whose version before comes back.", asked.program)
        }
        CommandKind::UpdateAgent => {
            name("form[version]", "Version", "Of the agent, such as 1.4.0.", asked.version)
        }
        CommandKind::Reboot => view! {
            <Field
                name="form[delay_minutes]"
                label="Minutes that people at the machine have"
                value=if asked.delay_minutes.is_empty() { "5".to_owned() } else { asked.delay_minutes }
                input_mode="numeric"
            />
        }
        .into_any(),
        CommandKind::PatchScan | CommandKind::CollectInventory => ().into_any(),
    }
}

#[component]
fn ScriptFields(asked: CommandForm, scripts: Vec<ScriptView>) -> impl IntoView {
    let own = Choice::new("", "Written here");
    let library = scripts.iter().map(|script| {
        let label = format!("{}, version {}", script.script_name, script.latest.version);
        Choice::new(script.latest.id.to_string(), label)
    });
    let mut options: Vec<Choice> = std::iter::once(own).chain(library).collect();
    let chosen = asked.script_version_id;
    let is_listed = scripts.iter().any(|script| script.latest.id.to_string() == chosen);
    if !chosen.is_empty() && !is_listed {
        options.push(Choice::new(chosen.clone(), "The version that was chosen"));
    }
    let shells = Shell::ALL.iter().map(|shell| Choice::new(shell.word(), shell_label(*shell)));
    let shells: Vec<Choice> = shells.collect();
    view! {
        <Select
            name="form[script_version_id]"
            label="Script"
            hint="One of the library stays as it was written; its digest can be allowed on the device."
            options
            value=chosen
        />
        <div class="script-own">
            <Select name="form[shell]" label="Read by" options=shells value=asked.shell/>
            <TextArea
                name="form[script]"
                label="Text"
                hint="Left out when one of the library is chosen."
                value=asked.script
                rows=8
                mono=true
            />
        </div>
        <TextArea
            name="form[parameters]"
            label="Parameters"
            hint="One a line, in order."
            value=asked.parameters
            rows=2
            mono=true
        />
    }
}

/// What has an answer when nobody gives one.
#[component]
fn Rest(asked: CommandForm, is_strong: bool) -> impl IntoView {
    let is_set = [&asked.timeout_minutes, &asked.wait_minutes, &asked.on_offline, &asked.priority]
        .iter()
        .any(|text| !text.is_empty());
    let offline = OnOffline::ALL.iter().map(|one| {
        let label = match one {
            OnOffline::Queue => "It waits for the device",
            OnOffline::Skip => "The device is left out",
        };
        Choice::new(one.word(), label)
    });
    let priorities = [
        (Priority::Normal, "In its turn"),
        (Priority::High, "Before all others of the device"),
        (Priority::Low, "After all others of the device"),
    ];
    let priorities = priorities.into_iter().map(|(one, label)| Choice::new(one.word(), label));
    let (offline, priorities): (Vec<Choice>, Vec<Choice>) = (offline.collect(), priorities.collect());
    view! {
        <details class="disclosure" open=is_set>
            <summary class="button">"How long, and when a device is away"</summary>
            <div class="form">
                <Field
                    name="form[timeout_minutes]"
                    label="Minutes that it may run"
                    hint="1 when empty; then it is ended, with all that it started."
                    value=asked.timeout_minutes
                    input_mode="numeric"
                />
                <Field
                    name="form[wait_minutes]"
                    label="Minutes until it is given up"
                    hint=if is_strong { "A day when empty." } else { "An hour when empty." }
                    value=asked.wait_minutes
                    input_mode="numeric"
                />
                <Select name="form[on_offline]" label="When a device is away" options=offline value=asked.on_offline/>
                <Select name="form[priority]" label="Turn" options=priorities value=asked.priority/>
            </div>
        </details>
    }
}
