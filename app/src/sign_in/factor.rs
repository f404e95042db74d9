//! The second half of a sign-in: a code, or a passkey.

use crate::{
    error::PortalError,
    factor::{
        CODE_LENGTH_MAX, Finish, PasskeyButton, Step,
        calls::{SignInWithCode, begin_passkey_sign_in, finish_passkey_sign_in, sign_in_choice},
    },
    layout::bare::Bare,
    ui::{Field, Form, Hidden, Load, Submit, toast::encode, use_form_problem},
};
use entity::{factor::FactorChoice, problem::ProblemCode};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{
    NavigateOptions,
    components::Redirect,
    hooks::{use_navigate, use_query_map},
};
use std::sync::Arc;

/// Says on the sign-in page that the first half is too long ago.
pub(super) const OVER: &str = "over";

/// The question for the second factor; `?next=` says where to go afterwards, `?with=recovery` that the factor is lost.
#[component]
pub fn SignInFactorPage() -> impl IntoView {
    let query = use_query_map();
    let next = query.with_untracked(|query| query.get("next").unwrap_or_default());
    let is_lost = Memo::new(move |_| query.with(|query| query.get("with")).as_deref() == Some("recovery"));
    let choice = Resource::new_blocking(|| (), |()| load());
    let by_code = ServerAction::<SignInWithCode>::new();
    let over = format!("/sign-in?{OVER}=1&next={}", encode(&next));
    let problem = use_form_problem(by_code);
    let navigate = use_navigate();
    Effect::new({
        let over = over.clone();
        move |_| {
            // Too long ago, or tried too often: this page has nothing left to ask.
            if problem.with(|problem| problem.as_ref().is_some_and(|found| found.code == ProblemCode::Gone)) {
                navigate(&over, NavigateOptions::default());
            }
        }
    });
    view! {
        <Title text="Second factor"/>
        <Bare>
            <Load resource=choice skeleton=3 let:choice>
                {match choice {
                    Some(choice) => {
                        let next = next.clone();
                        (move || view! { <Question choice next=next.clone() is_lost=is_lost.get() by_code/> }).into_any()
                    }
                    None => view! { <Redirect path=over.clone()/> }.into_any(),
                }}
            </Load>
        </Bare>
    }
}

/// With what it can go on; nothing when the first half is over.
async fn load() -> Result<Option<FactorChoice>, PortalError> {
    match sign_in_choice().await {
        Ok(choice) => Ok(Some(choice)),
        Err(error) if error.0.code == ProblemCode::Gone => Ok(None),
        Err(error) => Err(error),
    }
}

#[component]
fn Question(
    choice: FactorChoice,
    next: String,
    is_lost: bool,
    by_code: ServerAction<SignInWithCode>,
) -> impl IntoView {
    let here = |with: &str| format!("/sign-in/factor?{with}next={}", encode(&next));
    let by_recovery = is_lost && choice.recovery_code;
    let (lead, other) = match (by_recovery, choice.totp, choice.passkey) {
        (true, ..) => {
            ("Write one of the recovery codes that you kept. Each works once.", Some((here(""), "Back")))
        }
        (false, true, true) => ("Write the code that your authenticator app shows, or use a passkey.", None),
        (false, true, false) => ("Write the code that your authenticator app shows.", None),
        (false, false, _) => ("Your passkey is asked for as well as your password.", None),
    };
    let other = other
        .or_else(|| choice.recovery_code.then(|| (here("with=recovery&"), "Lost it? Use a recovery code")));
    let passkey = (!by_recovery && choice.passkey).then(|| {
        view! {
            <p class="without-js">"A passkey needs JavaScript, which is switched off in this browser."</p>
            <PasskeyButton label="Use a passkey" begin=begin finish=finish(&next) is_first=!choice.totp/>
        }
    });
    view! {
        <h1>"One more step"</h1>
        <p class="bare-lead">{lead}</p>
        {(by_recovery || choice.totp).then(|| view! {
            <CodeForm next=next.clone() by_recovery action=by_code/>
        })}
        {passkey}
        <div class="bare-foot factor-foot">
            {other.map(|(href, label)| view! { <a href=href>{label}</a> })}
            <a href=format!("/sign-in?next={}", encode(&next))>"Start over"</a>
        </div>
    }
}

#[component]
fn CodeForm(next: String, by_recovery: bool, action: ServerAction<SignInWithCode>) -> impl IntoView {
    let (label, keys) = if by_recovery { ("Recovery code", "text") } else { ("Code", "numeric") };
    view! {
        <Form action>
            <Hidden name="next" value=next/>
            <Field
                name="input[code]"
                label
                autocomplete="one-time-code"
                input_mode=keys
                max_length=CODE_LENGTH_MAX
                required=true
                autofocus=true
                mono=true
            />
            <Submit>"Sign in"</Submit>
        </Form>
    }
}

fn begin() -> Step<String> {
    Box::pin(begin_passkey_sign_in(true))
}

fn finish(next: &str) -> Finish {
    let next = next.to_owned();
    Arc::new(move |credential| Box::pin(finish_passkey_sign_in(credential, true, next.clone())))
}
