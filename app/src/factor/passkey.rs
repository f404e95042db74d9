//! Asking for a passkey: the server says what it wants, the browser asks the person, the server reads the answer.

use super::browser::{self, Ask, NOT_HERE};
use crate::{
    error::PortalError,
    ui::{
        Notice, StatusKind,
        step_up::{is_asked_for, use_step_up},
    },
};
use entity::problem::Problem;
use leptos::{prelude::*, task::spawn_local};
use std::{pin::Pin, sync::Arc};

/// What happens between browser and server, without its type: the machinery is then in the bundle once.
pub(crate) type Step<T> = Pin<Box<dyn Future<Output = Result<T, PortalError>>>>;
/// Asks the server for the browser's options.
pub(crate) type Begin = fn() -> Step<String>;
/// Brings the server what the browser answered.
pub(crate) type Finish = Arc<dyn Fn(String) -> Step<()> + Send + Sync>;

/// One passkey being asked for.
#[derive(Clone, Copy)]
pub(super) struct Asking {
    /// True from the first question to the last answer.
    pub(super) pending: RwSignal<bool>,
    /// What the server finds wrong.
    pub(super) problem: RwSignal<Option<Problem>>,
    /// Why the browser has no answer.
    refusal: RwSignal<Option<(StatusKind, &'static str)>>,
    /// Begins.
    pub(super) run: Callback<()>,
}

/// Makes it possible to ask; nothing is asked yet.
pub(super) fn use_asking(ask: Ask, begin: Begin, finish: Finish) -> Asking {
    let (pending, problem, refusal) = (RwSignal::new(false), RwSignal::new(None), RwSignal::new(None));
    let step_up = use_step_up();
    let this = StoredValue::new(None::<Asking>);
    let run = Callback::new(move |()| {
        let finish = finish.clone();
        pending.set(true);
        problem.set(None);
        refusal.set(None);
        spawn_local(async move {
            match go(ask, begin, &finish).await {
                // What was asked for is there, and another page or none stands in the place of this one.
                Ok(None) => return,
                Ok(Some(refused)) => {
                    let kind = if refused.is_failure() { StatusKind::Bad } else { StatusKind::Info };
                    refusal.try_set(Some((kind, refused.sentence(ask))));
                }
                Err(PortalError(found)) if is_asked_for(&found) => {
                    if let Some(asking) = this.try_get_value().flatten() {
                        step_up.ask(Arc::new(move || asking.run.run(())));
                    }
                }
                Err(PortalError(found)) => {
                    problem.try_set(Some(found));
                }
            }
            pending.try_set(false);
        });
    });
    let asking = Asking { pending, problem, refusal, run };
    this.set_value(Some(asking));
    asking
}

async fn go(ask: Ask, begin: Begin, finish: &Finish) -> Result<Option<browser::Refusal>, PortalError> {
    let options = begin().await?;
    match browser::ask(ask, &options).await {
        Ok(answer) => finish(answer).await.map(|()| None),
        Err(refusal) => Ok(Some(refusal)),
    }
}

impl Asking {
    /// What went wrong, unless a field shows it.
    pub(super) fn outcome(self, field: Option<&'static str>) -> impl IntoView {
        let shown = move || {
            let problem =
                self.problem.get().filter(|problem| field.is_none() || problem.field.as_deref() != field);
            problem
                .map(|problem| (StatusKind::Bad, problem.detail))
                .or_else(|| self.refusal.get().map(|(kind, sentence)| (kind, sentence.to_owned())))
        };
        view! {
            <div role="alert">
                {move || shown().map(|(kind, sentence)| view! { <Notice kind>{sentence}</Notice> })}
            </div>
        }
    }
}

/// True until the browser has said that it offers none here.
pub(super) fn use_supported() -> Signal<bool> {
    let is_supported = RwSignal::new(true);
    Effect::new(move |_| {
        if !browser::is_supported() {
            is_supported.set(false);
        }
    });
    is_supported.into()
}

/// A button that asks for a passkey that exists. Needs JavaScript; where the browser has no passkeys, a sentence says
/// so instead.
#[component]
pub(crate) fn PasskeyButton(
    /// The label.
    label: &'static str,
    /// Asks the server for the options.
    begin: Begin,
    /// Brings the server the answer.
    finish: Finish,
    /// True when it is the one thing to do here.
    #[prop(optional)]
    is_first: bool,
) -> impl IntoView {
    let asking = use_asking(Ask::Existing, begin, finish);
    let is_supported = use_supported();
    let class = if is_first { "button button-primary" } else { "button" };
    view! {
        <div class="passkey-ask needs-js">
            {asking.outcome(None)}
            {move || if is_supported.get() {
                view! {
                    <button
                        r#type="button"
                        class=class
                        disabled=move || asking.pending.get()
                        aria-busy=move || asking.pending.get().then_some("true")
                        on:click=move |_| asking.run.run(())
                    >
                        {label}
                    </button>
                }
                .into_any()
            } else {
                view! { <p class="quiet">{NOT_HERE}</p> }.into_any()
            }}
        </div>
    }
}
