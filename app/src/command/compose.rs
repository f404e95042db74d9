//! The composer: on which devices, what, and both locks before anything is asked. Each step is an address, so that it
//! can be linked to and does without JavaScript.

use super::{
    calls::{CreateCommand, Preview, preview_command},
    fields::KindFields,
    form::CommandForm,
    locks::LocksBefore,
    targets::TargetsStep,
    words::{StrengthMark, about, risk},
};
use crate::{
    layout::{PageHead, use_me},
    live,
    script::{ScriptText, load_script_text, load_scripts},
    ui::{
        EmptyState, Form, Hidden, Load, Notice, Panel, PresenceStatus, Status, StatusKind, Submit,
        listing::link,
    },
};
use entity::{
    command::{CommandKind, OnOffline, RequestPreview, Strength, TargetPreview},
    id::DeviceId,
    policy::Action,
    portal_event::PortalEvent,
};
use leptos::{ev, leptos_dom::helpers::TimeoutHandle, prelude::*};
use leptos_router::hooks::use_query_map;
use std::time::Duration;
use wasm_bindgen::JsCast;
use web_sys::{FormData, HtmlElement, HtmlFormElement, UrlSearchParams};

/// Where the composer is.
pub(super) const PATH: &str = "/commands/new";
/// The locks are looked at once somebody has stopped typing for this long.
const TYPED: Duration = Duration::from_millis(400);

/// What is asked, and of which devices.
#[component]
pub fn ComposePage() -> impl IntoView {
    if !use_me().may(Action::RequestCommand) {
        return view! {
            <PageHead title="New command" up=("Commands", "/commands")/>
            <EmptyState title="Not yours to ask">
                "You may see commands and what came of them. Somebody who may ask for them can give you that permission."
            </EmptyState>
        }
        .into_any();
    }
    let params = use_query_map();
    let asked = Memo::new(move |_| params.with(CommandForm::from_url));
    view! {
        <PageHead title="New command" up=("Commands", "/commands")/>
        {move || {
            let asked = asked.get();
            match (asked.has_targets(), asked.chosen_kind()) {
                (false, _) => view! { <TargetsStep asked/> }.into_any(),
                (true, None) => view! { <KindStep asked/> }.into_any(),
                (true, Some(kind)) => view! { <AskStep asked kind/> }.into_any(),
            }
        }}
    }
    .into_any()
}

/// What is to be done: every kind with what it does and risks, the harmless first.
#[component]
fn KindStep(asked: CommandForm) -> impl IntoView {
    let groups = Strength::ALL.iter().map(move |strength| {
        let kinds = CommandKind::ALL.iter().filter(|kind| kind.strength() == *strength).map(|kind| {
            let kept = asked.rest_query().into_iter().filter(|(key, _)| *key != "kind");
            let kept = asked.targets_query().into_iter().chain(kept).chain([("kind", kind.word())]);
            let pairs = kept.map(|(key, value)| (key, Some(value)));
            view! {
                <li class="kind">
                    <a class="row-link" href=link(PATH, pairs)>{kind.label()}</a>
                    <p>{about(*kind)} " " <span class="quiet">{risk(*kind)}</span></p>
                </li>
            }
        });
        let kinds = kinds.collect_view();
        let (title, facts) = match strength {
            Strength::Safe => ("Safe", "nobody has to approve these, unless a policy says otherwise"),
            Strength::Moderate => ("Moderate", "what they change is undone by another command"),
            Strength::Strong => ("Strong", "both locks have to be open"),
        };
        view! { <Panel title facts><ul class="kind-list">{kinds}</ul></Panel> }
    });
    groups.collect_view()
}

/// The fields of a kind, both locks, and the button that asks.
#[component]
fn AskStep(asked: CommandForm, kind: CommandKind) -> impl IntoView {
    let typed = RwSignal::new(asked.clone());
    let preview = Resource::new(move || typed.get(), preview_command);
    let is_about = move |device: &DeviceId| {
        typed.with_untracked(|typed| typed.all == "true" || typed.devices.contains(&device.to_string()))
    };
    live::refetch_on(preview, move |event| match event {
        PortalEvent::Device { device_id, .. } | PortalEvent::Presence { device_id, .. } => {
            is_about(device_id)
        }
        PortalEvent::EmergencyStop { .. } => true,
        _ => false,
    });
    let needs_scripts = kind == CommandKind::RunScript;
    let scripts = Resource::new(|| (), move |()| load_scripts(needs_scripts));
    let version = Memo::new(move |_| typed.with(|typed| typed.script_version().ok().flatten()));
    let text = Resource::new(move || version.get(), load_script_text);
    let create = ServerAction::<CreateCommand>::new();
    let other = link(PATH, asked.targets_query().into_iter().map(|(key, value)| (key, Some(value))));
    let elsewhere = link(PATH, asked.rest_query().into_iter().map(|(key, value)| (key, Some(value))));
    let is_left_out = Memo::new(move |_| typed.with(|typed| typed.on_offline == OnOffline::Skip.word()));
    let where_from = asked.clone();
    view! {
        <div class="compose" on:input=follow(typed) on:change=follow(typed)>
            <Panel
                title=kind.label()
                actions=move || view! {
                    <a href=elsewhere.clone()>"Other devices"</a>
                    <a href=other.clone()>"Something else"</a>
                }.into_any()
            >
                <div class="compose-about">
                    <StrengthMark strength=kind.strength()/>
                    <p>{about(kind)} " " {risk(kind)}</p>
                </div>
                <Form action=create>
                    <Where asked=where_from/>
                    <Hidden name="form[kind]" value=kind.word()/>
                    <Load resource=scripts skeleton=1 let:scripts>
                        <KindFields kind asked=asked.clone() scripts/>
                    </Load>
                    <ScriptText text/>
                    <Load resource=preview skeleton=2 let:preview>
                        <Before kind preview is_left_out/>
                    </Load>
                </Form>
            </Panel>
        </div>
    }
}

/// On which devices, as the form sends it.
#[component]
fn Where(asked: CommandForm) -> impl IntoView {
    let pairs = asked.targets_query().into_iter();
    pairs.map(|(key, value)| view! { <Hidden name=format!("form[{key}]") value/> }).collect_view()
}

/// Reads the fields once somebody has stopped typing.
fn follow(typed: RwSignal<CommandForm>) -> impl Fn(ev::Event) + Clone {
    let waiting = StoredValue::new(None::<TimeoutHandle>);
    move |event: ev::Event| {
        let Some(form) = event
            .current_target()
            .and_then(|target| target.dyn_into::<HtmlElement>().ok())
            .and_then(|element| element.query_selector("form").ok().flatten())
            .and_then(|form| form.dyn_into::<HtmlFormElement>().ok())
        else {
            return;
        };
        if let Some(former) = waiting.try_update_value(Option::take).flatten() {
            former.clear();
        }
        let read = move || {
            let fields = FormData::new_with_form(&form)
                .ok()
                .and_then(|data| UrlSearchParams::new_with_str_sequence_sequence(&data).ok());
            if let Some(fields) = fields {
                let now = CommandForm::from_fields(|name| fields.get(name));
                // The page may have gone meanwhile.
                let _ = typed.try_update(|typed| {
                    if *typed != now {
                        *typed = now;
                    }
                });
            }
        };
        waiting.set_value(set_timeout_with_handle(read, TYPED).ok());
    }
}

/// Both locks of what is about to be asked, the devices, and the button.
#[component]
fn Before(kind: CommandKind, preview: Preview, is_left_out: Memo<bool>) -> impl IntoView {
    let is_strong = kind.strength() == Strength::Strong;
    let asks = preview.requests.iter().any(|request| request.approvals_needed > 0)
        || (preview.requests.is_empty() && is_strong);
    let targets: u64 = preview.requests.iter().map(|request| request.targets_count).sum();
    let several = preview.requests.len() > 1;
    view! {
        {preview.missing.map(|missing| view! {
            <p class="quiet">"Both locks are shown here once everything is filled in: " {missing}</p>
        })}
        {preview.requests.into_iter().map(|request| view! { <OneRequest kind request several is_left_out/> }).collect_view()}
        {(targets > 1).then(|| view! {
            <label class="checkbox">
                <input r#type="checkbox" required/>
                <span class="checkbox-words">{format!("Yes, on {targets} devices")}</span>
            </label>
        })}
        <Submit>{if asks { "Ask for approval" } else { "Send" }}</Submit>
    }
}

#[component]
fn OneRequest(
    kind: CommandKind,
    request: RequestPreview,
    several: bool,
    is_left_out: Memo<bool>,
) -> impl IntoView {
    let waves = request.waves;
    let (all, there) = (request.targets_count, request.online_count);
    let targets = request.targets.clone();
    let more = request.targets_count.saturating_sub(targets.len() as u64);
    view! {
        <div class="compose-request">
            <p>
                <b>{request.sentence.clone()}</b>
                {several.then(|| format!(", {}", request.business_name))}
            </p>
            <LocksBefore kind preview=request/>
            {(waves > 1).then(|| view! {
                <Notice kind=StatusKind::Info>
                    {format!("These are many devices: it goes out in {waves} waves, and stops when too many fail.")}
                </Notice>
            })}
            {(there < all).then(|| view! {
                <p class="quiet">{move || away(all, there, is_left_out.get())}</p>
            })}
            <ul class="target-list">
                {targets.into_iter().map(|target| view! { <Target kind target/> }).collect_view()}
            </ul>
            {(more > 0).then(|| view! { <p class="quiet">{format!("And {more} more.")}</p> })}
        </div>
    }
}

/// What becomes of the devices that cannot be reached now, in a sentence.
fn away(all: u64, there: u64, is_left_out: bool) -> String {
    let away = all.saturating_sub(there);
    let who = if all == 1 { "It".to_owned() } else { format!("{away} of {all} devices") };
    let (is, back) = if away == 1 { ("is", "it is") } else { ("are", "they are") };
    match (is_left_out, away == all) {
        (true, true) => {
            format!("{who} cannot be reached at the moment and {is} left out: nothing would be done.")
        }
        (true, false) => {
            format!(
                "{who} cannot be reached at the moment and {is} left out; it is not done there later either."
            )
        }
        (false, _) => {
            format!("{who} cannot be reached at the moment: it waits until {back} back, or its time is over.")
        }
    }
}

/// A device with what its lock says.
#[component]
pub(crate) fn Target(kind: CommandKind, target: TargetPreview) -> impl IntoView {
    let (mark, word) = match (kind.strong_kind(), target.lock.device_allows) {
        (None, _) => (StatusKind::Off, "no lock asked"),
        (Some(_), true) => (StatusKind::Ok, "armed for this"),
        (Some(_), false) => (StatusKind::Warn, "locked: would refuse"),
    };
    view! {
        <li class="target">
            <a href=format!("/devices/{}", target.device_id)>{target.device_name}</a>
            <PresenceStatus presence=target.presence/>
            <Status kind=mark word/>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::away;

    #[test]
    fn what_becomes_of_those_that_are_away_is_said() {
        assert_eq!(
            away(1, 0, false),
            "It cannot be reached at the moment: it waits until it is back, or its time is over."
        );
        assert_eq!(
            away(3, 1, true),
            "2 of 3 devices cannot be reached at the moment and are left out; it is not done there later either."
        );
        assert!(away(1, 0, true).ends_with("is left out: nothing would be done."));
    }
}
