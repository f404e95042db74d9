//! Form: what people send. Works without JavaScript, where the server answers with a redirect that carries the
//! problem; with JavaScript nothing is loaded anew. When the server wants to know again who it is, the same is sent
//! once more after the answer.

use super::step_up::{Again, StepUp, confirm_path, is_asked_for, use_step_up};
use crate::error::PortalError;
use entity::problem::Problem;
use leptos::{context::Provider, form::ActionForm, html, prelude::*};
use leptos_router::hooks::use_query_map;
use serde::de::DeserializeOwned;
use server_fn::{Http, ServerFn, client::Client, codec::PostUrl, request::ClientReq};
use std::sync::Arc;
use web_sys::FormData;

/// What the parts of a form know about it.
#[derive(Clone, Copy)]
pub struct FormContext {
    /// Unlike that of any other form on the page.
    pub id: &'static str,
    /// What is wrong, if something is.
    pub problem: Signal<Option<Problem>>,
    /// True while the answer is on its way.
    pub pending: Signal<bool>,
    /// Names of the fields that show a problem of theirs.
    pub fields: StoredValue<Vec<String>>,
    /// Sends once more what was sent last.
    pub again: StoredValue<Again>,
}

/// A form that calls a server function.
#[component]
pub fn Form<S, Output>(
    /// The server function.
    action: ServerAction<S>,
    /// Class of the form: `form` stacks the fields, `form form-row` sets them in a line.
    #[prop(default = "form")]
    class: &'static str,
    /// True: emptied after success, for a form that stays where it is.
    #[prop(optional)]
    reset: bool,
    /// The fields and a [`super::Submit`].
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
    let element = NodeRef::<html::Form>::new();
    let toasts = super::toast::use_toasts();
    let step_up = use_step_up();
    let problem = use_form_problem(action);
    let again = use_again(action);
    let sent_again = again.clone();
    let context = FormContext {
        id: S::PATH.trim_start_matches('/'),
        problem,
        pending: action.pending().into(),
        fields: StoredValue::new(Vec::new()),
        again: StoredValue::new(again),
    };
    Effect::new(move |_| {
        action.version().track();
        if action.version().get_untracked() > 0
            && problem.with_untracked(|problem| problem.as_ref().is_some_and(is_asked_for))
        {
            step_up.ask(sent_again.clone());
        }
        if action.value().with_untracked(|value| matches!(value, Some(Ok(_)))) {
            toasts.collect();
            if let (true, Some(form)) = (reset, element.get_untracked()) {
                form.reset();
            }
        }
    });
    // The fields come first into being: then it is known which problems they show themselves.
    let content = move || {
        let fields = children();
        view! { <FormProblem context step_up/> {fields} }
    };
    view! {
        <Provider value=context>
            <ActionForm action node_ref=element attr:class=class>
                {content()}
            </ActionForm>
        </Provider>
    }
}

/// Keeps what the action was sent last, to send it once more.
fn use_again<S>(action: ServerAction<S>) -> Again
where
    S: ServerFn<Error = PortalError> + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
{
    let sent = ArcStoredValue::new(None::<S>);
    Effect::new({
        let sent = sent.clone();
        move |_| {
            if let Some(input) = action.input().get() {
                sent.set_value(Some(input));
            }
        }
    });
    Arc::new(move || {
        if let Some(input) = sent.get_value() {
            action.dispatch(input);
        }
    })
}

/// The problem of a form that none of its fields shows.
#[component]
pub fn FormProblem(
    /// The form.
    context: FormContext,
    /// Asks for a proof.
    step_up: StepUp,
) -> impl IntoView {
    let shown = move || {
        let problem = context.problem.get()?;
        let is_shown = context.fields.with_value(|fields| {
            problem.field.as_ref().is_some_and(|field| fields.iter().any(|other| other == field))
        });
        (!is_shown).then_some(problem)
    };
    let confirm = StoredValue::new(confirm_path());
    view! {
        <div role="alert">
            {move || shown().map(|problem| {
                if is_asked_for(&problem) {
                    view! { <ConfirmNotice context step_up href=confirm.get_value()/> }.into_any()
                } else {
                    view! { <super::Notice kind=super::StatusKind::Bad>{problem.detail}</super::Notice> }.into_any()
                }
            })}
        </div>
    }
}

/// Leads to the question; where JavaScript runs it is asked in place, and this is left when it was closed.
#[component]
fn ConfirmNotice(context: FormContext, step_up: StepUp, href: String) -> impl IntoView {
    let ask = move |event: web_sys::MouseEvent| {
        event.prevent_default();
        step_up.ask(context.again.get_value());
    };
    view! {
        <super::Notice kind=super::StatusKind::Info>
            "This needs another proof of who you are. "
            <a href=href on:click=ask>"Confirm that it is you"</a> "."
        </super::Notice>
    }
}

/// What is wrong with what the action was sent: its own answer, or without JavaScript the one that the URL carries.
#[must_use]
pub fn use_form_problem<S>(action: ServerAction<S>) -> Signal<Option<Problem>>
where
    S: ServerFn<Error = PortalError> + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
{
    let query = use_query_map();
    Memo::new(move |_| {
        // The action starts with the problem from the URL; that one is over once the URL has changed.
        if action.version().get() == 0 && query.with(|query| query.get_str("__err").is_none()) {
            return None;
        }
        action
            .value()
            .with(|value| value.as_ref().and_then(|value| value.as_ref().err()).map(|e| e.0.clone()))
    })
    .into()
}
