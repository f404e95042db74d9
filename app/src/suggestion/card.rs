//! One suggestion: what would run, why, both locks, and the two things that a person can do about it.

use super::calls::{DismissSuggestion, TakeSuggestion};
use crate::{
    command::{LocksOf, StrengthMark, risk},
    layout::use_me,
    ui::{ButtonKind, Exact, Fact, Facts, Form, Hidden, Status, StatusKind, Submit, TextArea, Time},
};
use entity::{
    command::RequestState,
    policy::Action,
    suggestion::{NOTE_MAX, SuggestionState, SuggestionView},
};
use leptos::prelude::*;

/// What people do about suggestions; shared by the cards of a page.
#[derive(Clone, Copy)]
pub(crate) struct SuggestionActs {
    /// Asks for it.
    pub(crate) take: ServerAction<TakeSuggestion>,
    /// Does not want it.
    pub(crate) dismiss: ServerAction<DismissSuggestion>,
}

impl SuggestionActs {
    /// To be made in the body of a page.
    pub(crate) fn new() -> Self {
        Self { take: ServerAction::new(), dismiss: ServerAction::new() }
    }
}

const fn meaning(state: SuggestionState) -> StatusKind {
    match state {
        SuggestionState::Open => StatusKind::Warn,
        SuggestionState::Taken | SuggestionState::AskedByItself => StatusKind::Info,
        SuggestionState::Dismissed | SuggestionState::Outdated => StatusKind::Off,
    }
}

/// One suggestion.
#[component]
pub(crate) fn SuggestionCard(
    /// What is proposed.
    found: SuggestionView,
    /// What people do about it.
    acts: SuggestionActs,
    /// Say which device it is about, and lead to its alert.
    #[prop(optional)]
    of_many: bool,
) -> impl IntoView {
    let is_open = found.state == SuggestionState::Open;
    let settled = (!is_open).then(|| view! { <Settled found=found.clone()/> });
    let acting = is_open.then(|| view! { <Acting found=found.clone() acts/> });
    let locks = found.lock.clone().map(|lock| {
        let state = if lock.approvals_needed == 0 { RequestState::Approved } else { RequestState::Awaiting };
        view! { <LocksOf kind=found.kind lock state said=0/> }
    });
    let alert = format!("/alerts/{}", found.alert_id);
    let device = format!("/devices/{}", found.device_id);
    view! {
        <article class="decision suggestion">
            <header class="decision-head">
                <h3>{found.sentence.clone()}</h3>
                <Status kind=meaning(found.state) word=found.state.label()/>
            </header>
            <Facts>
                {of_many.then(|| view! {
                    <Fact label="Where"><a href=device>{found.device_name.clone()}</a> " · " {found.business_name.clone()}</Fact>
                })}
                <Fact label="Why">
                    {found.why.clone()} " "
                    {of_many.then(|| view! { <a href=alert>"See the alert"</a> ", " })}
                    <Time at=found.created_at/>
                </Fact>
                <Fact label="Risk"><StrengthMark strength=found.strength/> " " {risk(found.kind)}</Fact>
            </Facts>
            {found.held_back.filter(|_| is_open).map(|held| view! { <p class="quiet">{held.sentence()}</p> })}
            {locks}
            {acting}
            {settled}
        </article>
    }
}

#[component]
fn Acting(found: SuggestionView, acts: SuggestionActs) -> impl IntoView {
    let me = use_me();
    let (may_ask, may_dismiss) = (me.may(Action::RequestCommand), me.may(Action::HandleAlert));
    let waits = found.lock.as_ref().is_some_and(|lock| lock.approvals_needed > 0);
    let id = found.id.to_string();
    let other = id.clone();
    view! {
        <div class="suggestion-acts">
            {may_ask.then(|| view! {
                <Form action=acts.take class="form-inline">
                    <Hidden name="id" value=id/>
                    <Submit>{if waits { "Ask for approval" } else { "Do it now" }}</Submit>
                </Form>
            })}
            {may_dismiss.then(|| view! {
                <details class="disclosure">
                    <summary class="button">"Dismiss"</summary>
                    <Form action=acts.dismiss>
                        <Hidden name="id" value=other/>
                        <TextArea
                            name="input[note]"
                            label="Why not"
                            hint="For whoever looks at this the next time; may stay empty."
                            rows=2
                            max_length=NOTE_MAX
                        />
                        <Submit kind=ButtonKind::Plain>"Dismiss the suggestion"</Submit>
                    </Form>
                </details>
            })}
        </div>
    }
}

/// What became of it.
#[component]
fn Settled(found: SuggestionView) -> impl IntoView {
    let request = found.request_id.map(|id| format!("/commands/requests/{id}"));
    view! {
        <p class="quiet">
            {found.decided_by.clone().map(|who| format!("{who}, "))}
            {found.decided_at.map(|at| view! { <Exact at/> })}
            {request.map(|href| view! { ". " <a href=href>"See what came of it"</a> })}
        </p>
        {found.note.clone().map(|note| view! { <p class="said-note">{note}</p> })}
    }
}
