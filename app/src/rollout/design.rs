//! The designer of rollouts: what, for whom, in which waves and when it stops by itself, with exactly which devices each
//! wave takes. All that is filled in can stand in the address, so that it can be linked to and does without JavaScript.

use super::{
    calls::{CreateRollout, Preview, list_available, pick, preview_rollout},
    fields::{HaltFields, PaceFields, StartFields, TargetFields},
    form::{RolloutForm, Step},
    list::{NotYours, PATH},
    picks::PickQuestion,
    preview::PreviewPanel,
    wave_fields::WaveFields,
    wave_form::WaveForm,
};
use crate::{
    layout::{PageHead, use_me},
    ui::{Choice, EmptyState, Field, Form, Hidden, Load, Panel, Select, Submit, TextArea},
};
use entity::{input::NAME_MAX, policy::Action, release::Channel, rollout::NOTE_MAX};
use leptos::{ev, leptos_dom::helpers::TimeoutHandle, prelude::*};
use leptos_router::{hooks::use_query_map, params::ParamsMap};
use std::time::Duration;
use wasm_bindgen::JsCast;
use web_sys::{FormData, HtmlElement, HtmlFormElement, js_sys};

/// Where the designer is.
pub(super) const DESIGN: &str = "/rollouts/new";
/// The preview is made once somebody has stopped typing for this long.
const TYPED: Duration = Duration::from_millis(400);

/// Designs a rollout. `?release=` chooses what is rolled out.
#[component]
pub fn DesignPage() -> impl IntoView {
    let me = use_me();
    if !me.role.is_msp() {
        return view! { <NotYours/> }.into_any();
    }
    if !me.may(Action::ManageRollout) {
        return view! {
            <PageHead title="New rollout" up=("Rollouts", PATH)/>
            <EmptyState title="Not yours to make">
                "You may see rollouts and how far they have come. Somebody who may make them can give you that permission."
            </EmptyState>
        }
        .into_any();
    }
    let params = use_query_map();
    let asked = Memo::new(move |_| params.with(from_url));
    let is_draft = asked.with_untracked(|asked| !asked.draft.is_empty());
    view! {
        <PageHead
            title=if is_draft { "Change a draft" } else { "New rollout" }
            up=("Rollouts", PATH)
            facts=|| view! { <span>"Below the form stands exactly which devices each wave takes."</span> }.into_any()
        />
        {move || view! { <Design asked=asked.get()/> }}
    }
    .into_any()
}

fn from_url(params: &ParamsMap) -> RolloutForm {
    let release = params.get("release");
    let pairs = params.clone().into_iter().map(|(key, value)| (key.to_string(), value));
    RolloutForm::from_pairs(pairs).unwrap_or_else(|| RolloutForm::usual(release))
}

/// What the parts of the designer share.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    /// As it is in the fields, once somebody has stopped typing.
    pub(super) typed: RwSignal<RolloutForm>,
    /// The rows of waves as they were drawn last, and how often: when one comes, goes or changes its place all are
    /// drawn anew, because what somebody typed belongs to the wave and not to the place.
    pub(super) drawn: RwSignal<(u32, Vec<WaveForm>)>,
    /// The boxes to tick.
    pub(super) picks: Resource<Result<super::picks::Picks, crate::error::PortalError>>,
}

impl Shown {
    /// Does what a button asks of the form, and leads to what it made.
    pub(super) fn take(self, event: &ev::MouseEvent, step: Step) {
        let Some(form) = event.current_target().and_then(|target| form_around(&target)) else { return };
        let Some(mut now) = read(&form) else { return };
        event.prevent_default();
        now.take(step);
        let last = now.waves.len().saturating_sub(1);
        // The first has no place above it, the last none below.
        let next = match step {
            Step::Add => format!("wave-{last}-up"),
            Step::AddNamed => "wave-add-named".to_owned(),
            Step::Up(0 | 1) => "wave-0-down".to_owned(),
            Step::Up(index) => format!("wave-{}-up", index - 1),
            Step::Down(index) if index + 1 < last => format!("wave-{}-down", index + 1),
            Step::Down(_) => format!("wave-{last}-up"),
            Step::Drop(_) => "wave-add".to_owned(),
        };
        self.typed.set(now.clone());
        self.drawn.update(|(draws, waves)| {
            *draws += 1;
            *waves = now.waves;
        });
        // The row under the finger has another place now, or is gone.
        request_animation_frame(move || {
            let next =
                document().get_element_by_id(&next).and_then(|next| next.dyn_into::<HtmlElement>().ok());
            if let Some(next) = next {
                drop(next.focus());
            }
        });
    }
}

/// The form that an element stands in.
fn form_around(target: &web_sys::EventTarget) -> Option<HtmlFormElement> {
    let element = target.dyn_ref::<web_sys::Element>()?;
    element.closest("form").ok().flatten()?.dyn_into().ok()
}

/// What stands in the fields of a form.
fn read(form: &HtmlFormElement) -> Option<RolloutForm> {
    let data = FormData::new_with_form(form).ok()?;
    let entries = js_sys::try_iter(&data).ok().flatten()?;
    let pairs = entries.filter_map(|entry| {
        let entry = js_sys::Array::from(&entry.ok()?);
        Some((entry.get(0).as_string()?, entry.get(1).as_string()?))
    });
    RolloutForm::from_pairs(pairs)
}

#[component]
fn Design(asked: RolloutForm) -> impl IntoView {
    let typed = RwSignal::new(asked.clone());
    let drawn = RwSignal::new((0, asked.waves.clone()));
    let releases = Resource::new(|| (), |()| list_available());
    let question = Memo::new_with_compare(
        move |_| typed.with(PickQuestion::of),
        |former, now| match (former, now) {
            (Some(former), Some(now)) => !former.is_like(now),
            (former, now) => former.is_some() != now.is_some(),
        },
    );
    let picks = Resource::new(move || question.get(), pick);
    let preview = Resource::new(move || typed.get(), preview_rollout);
    let create = ServerAction::<CreateRollout>::new();
    let shown = Shown { typed, drawn, picks };
    let chosen = asked.release_id.clone();
    let (halt, pace, target) = (asked.clone(), asked.clone(), asked.clone());
    view! {
        <div class="design" on:input=follow(typed) on:change=follow(typed)>
            <Form action=create class="form design-form">
                // Pressed by the Enter key, and by those without JavaScript: nothing is made by mistake.
                <button class="visually-hidden" r#type="submit" formmethod="get" formaction=DESIGN formnovalidate=true tabindex="-1" aria-hidden="true" on:click=|event: ev::MouseEvent| event.prevent_default()>
                    "Preview"
                </button>
                <Hidden name="form[draft]" value=asked.draft.clone()/>
                <Panel title="What, and for whom">
                    <div class="design-fields">
                        <Field name="form[name]" label="Name" hint="What people call it, such as 2.4.0 to everybody." value=asked.name.clone() required=true max_length=NAME_MAX autocomplete="off"/>
                        <Load resource=releases skeleton=1 let:found>
                            <Select
                                name="form[release_id]"
                                label="Release"
                                hint="Those of which every file is here."
                                options=release_choices(&found)
                                value=chosen.clone()
                                required=true
                            />
                        </Load>
                        <Select name="form[channel]" label="Channel" hint="Devices that follow another one are left out." options=channels() value=asked.channel.clone()/>
                        <TextArea name="form[note]" label="Why" hint="May stay empty; others read it when they decide." value=asked.note.clone() rows=2 max_length=NOTE_MAX/>
                    </div>
                    <TargetFields asked=target shown/>
                </Panel>
                <WaveFields shown/>
                <Panel title="When it stops by itself"><HaltFields asked=halt/></Panel>
                <Panel title="Pace and start">
                    <PaceFields asked=pace.clone()/>
                    <StartFields asked=pace/>
                </Panel>
                <Load resource=preview skeleton=4 let:found>
                    <Before found typed/>
                </Load>
            </Form>
        </div>
    }
}

/// The preview, and the buttons.
#[component]
fn Before(found: Preview, typed: RwSignal<RolloutForm>) -> impl IntoView {
    let is_draft = typed.with_untracked(|typed| !typed.draft.is_empty());
    let save = if is_draft { "Save this draft" } else { "Make this rollout" };
    view! {
        {found.missing.map(|missing| view! {
            <p class="quiet design-missing">"Which devices each wave takes is shown here once everything is filled in: " {missing}</p>
        })}
        {found.preview.map(|preview| view! { <PreviewPanel preview typed/> })}
        <div class="form-buttons">
            <Submit>{save}</Submit>
            <button class="button without-js" r#type="submit" formmethod="get" formaction=DESIGN formnovalidate=true>"Preview"</button>
        </div>
    }
}

fn release_choices(releases: &[entity::agent_release::ReleaseView]) -> Vec<Choice> {
    let all = releases.iter().map(|release| {
        let stale = if release.is_expired || release.is_untrusted { ", has to be signed again" } else { "" };
        let label =
            format!("{}, {}, sequence {}{stale}", release.version, release.channel.label(), release.seq);
        Choice::new(release.id.to_string(), label)
    });
    let none = if releases.is_empty() { "No release is available" } else { "Choose a release" };
    std::iter::once(Choice::new("", none)).chain(all).collect()
}

fn channels() -> Vec<Choice> {
    let all = Channel::ALL.iter().map(|channel| Choice::new(channel.word(), channel.label()));
    std::iter::once(Choice::new("", "That of the release")).chain(all).collect()
}

/// Reads the fields once somebody has stopped typing.
fn follow(typed: RwSignal<RolloutForm>) -> impl Fn(ev::Event) + Clone {
    let waiting = StoredValue::new(None::<TimeoutHandle>);
    move |event: ev::Event| {
        let form = event
            .current_target()
            .and_then(|target| target.dyn_into::<HtmlElement>().ok())
            .and_then(|element| element.query_selector("form").ok().flatten())
            .and_then(|form| form.dyn_into::<HtmlFormElement>().ok());
        let Some(form) = form else { return };
        if let Some(former) = waiting.try_update_value(Option::take).flatten() {
            former.clear();
        }
        let look = move || {
            let Some(now) = read(&form) else { return };
            // The page may have gone meanwhile.
            let _ = typed.try_update(|typed| {
                if *typed != now {
                    *typed = now;
                }
            });
        };
        waiting.set_value(set_timeout_with_handle(look, TYPED).ok());
    }
}
