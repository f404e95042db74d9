//! Proving again that it is oneself: as a page, and in place when a form asks for it.

use super::{
    calls::{
        ConfirmWithCode, ConfirmWithPassword, begin_passkey_confirm, finish_passkey_confirm, get_factors,
    },
    passkey::{Finish, PasskeyButton, Step},
    totp::CODE_LENGTH_MAX,
};
use crate::{
    account::calls::list_sessions,
    error::PortalError,
    layout::bare::Bare,
    ui::{
        Button, Dialog, Field, Form, Hidden, Load, Submit,
        step_up::use_step_up,
        toast::{encode, use_toasts},
    },
};
use entity::{
    factor::FactorsView,
    page::PAGE_SIZE_MAX,
    session::{SessionQuery, SignedInWith},
};
use leptos::{html, prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use server_fn::ServerFn;
use std::sync::Arc;
use wasm_bindgen::JsCast;

/// By what somebody can prove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Ways {
    /// The password: for those without a second factor.
    password: bool,
    /// A code of the authenticator app.
    code: bool,
    /// A passkey.
    passkey: bool,
}

impl Ways {
    fn of(factors: &FactorsView, is_of_provider: bool) -> Self {
        Self {
            password: !factors.has_any() && !is_of_provider,
            code: factors.totp_since.is_some(),
            passkey: !factors.passkeys.is_empty(),
        }
    }

    /// Nothing but another sign-in.
    const fn are_none(self) -> bool {
        !self.password && !self.code && !self.passkey
    }
}

async fn load_ways() -> Result<Ways, PortalError> {
    let factors = get_factors().await?;
    let query = SessionQuery { cursor: None, limit: Some(PAGE_SIZE_MAX) };
    let sessions = if factors.has_any() { Vec::new() } else { list_sessions(query).await?.items };
    let is_of_provider = sessions.iter().any(|session| {
        session.is_current
            && matches!(session.signed_in_with, SignedInWith::Oidc | SignedInWith::OidcWithFactor)
    });
    Ok(Ways::of(&factors, is_of_provider))
}

/// The page, for browsers without JavaScript and for pages that cannot be shown before; `?next=` says where it goes on.
#[component]
pub fn ConfirmPage() -> impl IntoView {
    let ways = Resource::new_blocking(|| (), |()| load_ways());
    let next = use_query_map().with_untracked(|query| query.get("next").unwrap_or_default());
    let next = if next.is_empty() { "/".to_owned() } else { next };
    let again = format!("/sign-in?next={}", encode(&next));
    view! {
        <Title text="Confirm that it is you"/>
        <Bare>
            <h1>"Confirm that it is you"</h1>
            <p class="bare-lead">{LEAD}</p>
            <Load resource=ways skeleton=2 let:ways>
                <Choices ways next=next.clone()/>
            </Load>
            <p class="bare-foot"><a href=again>"Sign in again instead"</a></p>
        </Bare>
    }
}

/// Why.
const LEAD: &str =
    "It is more than five minutes since you last proved who you are. Do it once more, and this goes on.";

/// The fields and buttons. `next` is empty where it goes on in place; then `done` hears of it.
#[component]
fn Choices(ways: Ways, next: String, #[prop(optional, into)] done: Option<Callback<()>>) -> impl IntoView {
    let by_password = ServerAction::<ConfirmWithPassword>::new();
    let by_code = ServerAction::<ConfirmWithCode>::new();
    tell(by_password, done);
    tell(by_code, done);
    let finish: Finish = {
        let next = next.clone();
        Arc::new(move |credential| -> Step<()> {
            let next = next.clone();
            Box::pin(async move {
                finish_passkey_confirm(credential, next).await?;
                if let Some(done) = done {
                    done.run(());
                }
                Ok(())
            })
        })
    };
    let code_next = next.clone();
    view! {
        <div class="ways">
            {ways.password.then(|| view! { <PasswordForm next action=by_password/> })}
            {(ways.passkey && !ways.code).then(|| view! {
                <p class="without-js">
                    "A passkey needs JavaScript, which is switched off in this browser. Sign in again instead."
                </p>
            })}
            {(ways.passkey && !ways.code).then(|| view! {
                <PasskeyButton label="Use a passkey" begin=begin finish=finish.clone() is_first=true/>
            })}
            {ways.code.then(|| view! { <CodeForm next=code_next action=by_code/> })}
            {(ways.passkey && ways.code).then(|| view! {
                <PasskeyButton label="Use a passkey" begin=begin finish=finish.clone()/>
            })}
        </div>
    }
}

#[component]
fn PasswordForm(next: String, action: ServerAction<ConfirmWithPassword>) -> impl IntoView {
    view! {
        <Form action>
            <Hidden name="next" value=next/>
            <Field
                name="password"
                label="Your password"
                kind="password"
                autocomplete="current-password"
                required=true
                autofocus=true
            />
            <Submit>"Confirm"</Submit>
        </Form>
    }
}

fn begin() -> Step<String> {
    Box::pin(begin_passkey_confirm())
}

#[component]
fn CodeForm(next: String, action: ServerAction<ConfirmWithCode>) -> impl IntoView {
    view! {
        <Form action>
            <Hidden name="next" value=next/>
            <Field
                name="input[code]"
                label="Code"
                hint="From your authenticator app."
                autocomplete="one-time-code"
                input_mode="numeric"
                max_length=CODE_LENGTH_MAX
                required=true
                autofocus=true
                mono=true
            />
            <Submit>"Confirm"</Submit>
        </Form>
    }
}

/// Tells of each good answer.
fn tell<S>(action: ServerAction<S>, done: Option<Callback<()>>)
where
    S: ServerFn<Output = (), Error = PortalError> + Clone + Send + Sync + 'static,
{
    let Some(done) = done else { return };
    Effect::new(move |_| {
        action.version().track();
        if action.version().get_untracked() > 0
            && action.value().with_untracked(|value| matches!(value, Some(Ok(()))))
        {
            done.run(());
        }
    });
}

/// Asks in place, whenever a form needs it. Stands once, beside the pages.
#[component]
pub fn ConfirmOutlet() -> impl IntoView {
    let (step_up, toasts) = (use_step_up(), use_toasts());
    let ways = RwSignal::new(None::<Ways>);
    Effect::new(move |_| {
        if !step_up.is_asked() {
            return;
        }
        // The question opens once it is known what to ask, so that it does not grow under the pointer.
        spawn_local(async move {
            match load_ways().await {
                Ok(found) => ways.set(Some(found)),
                Err(error) => {
                    step_up.give_up();
                    toasts.problem(&error.0);
                }
            }
        });
    });
    view! { {move || ways.get().map(|found| view! { <ConfirmDialog found ways/> })} }
}

#[component]
fn ConfirmDialog(found: Ways, ways: RwSignal<Option<Ways>>) -> impl IntoView {
    let step_up = use_step_up();
    let content = NodeRef::<html::Div>::new();
    let open = RwSignal::new(true);
    let is_proved = StoredValue::new(false);
    let done = Callback::new(move |()| {
        is_proved.set_value(true);
        open.set(false);
    });
    Effect::new(move |_| {
        if open.get() {
            return;
        }
        ways.set(None);
        if is_proved.get_value() { step_up.go_on() } else { step_up.give_up() }
    });
    Effect::new(move |_| {
        let Some(content) = content.get() else { return };
        // After the dialog has opened and taken the focus itself.
        request_animation_frame(move || {
            let field =
                content.query_selector("input:not([type=hidden]), .dialog-body button, a").ok().flatten();
            if let Some(field) = field.and_then(|field| field.dyn_into::<web_sys::HtmlElement>().ok()) {
                drop(field.focus());
            }
        });
    });
    view! {
        <Dialog open title="Confirm that it is you">
            <div node_ref=content class="stack">
                <p>{LEAD}</p>
                {if found.are_none() {
                    view! { <InAnotherTab done/> }.into_any()
                } else {
                    view! { <Choices ways=found next="".to_owned() done/> }.into_any()
                }}
            </div>
        </Dialog>
    }
}

/// For those who sign in elsewhere: this page stays as it is.
#[component]
fn InAnotherTab(done: Callback<()>) -> impl IntoView {
    view! {
        <p>"You sign in with a provider. Sign in again in another tab, then go on here: nothing is lost."</p>
        <div class="button-row">
            <a class="button button-primary" href="/sign-in" target="_blank" rel="external">"Sign in again"</a>
            <Button on:click=move |_| done.run(())>"Go on"</Button>
        </div>
    }
}
