//! Form: what people send. Works without JavaScript, where the server answers with a redirect that carries the
//! problem; with JavaScript nothing is loaded anew.

use crate::error::PortalError;
use entity::problem::Problem;
use leptos::{context::Provider, form::ActionForm, html, prelude::*};
use leptos_router::hooks::use_query_map;
use serde::de::DeserializeOwned;
use server_fn::{Http, ServerFn, client::Client, codec::PostUrl, request::ClientReq};
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
    let problem = use_form_problem(action);
    let context = FormContext {
        id: S::PATH.trim_start_matches('/'),
        problem,
        pending: action.pending().into(),
        fields: StoredValue::new(Vec::new()),
    };
    Effect::new(move |_| {
        action.version().track();
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
        view! { <FormProblem context/> {fields} }
    };
    view! {
        <Provider value=context>
            <ActionForm action node_ref=element attr:class=class>
                {content()}
            </ActionForm>
        </Provider>
    }
}

/// The problem of a form that none of its fields shows.
#[component]
fn FormProblem(context: FormContext) -> impl IntoView {
    let text = move || {
        let problem = context.problem.get()?;
        let is_shown = context.fields.with_value(|fields| {
            problem.field.as_ref().is_some_and(|field| fields.iter().any(|other| other == field))
        });
        (!is_shown).then_some(problem.detail)
    };
    view! {
        <div role="alert">
            {move || text().map(|text| {
                view! { <super::Notice kind=super::StatusKind::Bad>{text}</super::Notice> }
            })}
        </div>
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
