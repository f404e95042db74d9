//! The page where people sign in.

use super::{
    calls::{SignIn, passkeys_are_offered},
    factor::OVER,
};
use crate::{
    factor::{
        Finish, PasskeyButton, Step,
        calls::{begin_passkey_sign_in, finish_passkey_sign_in},
    },
    layout::bare::Bare,
    oidc::{ProviderButtons, ProviderNotice},
    setup::calls::setup_is_open,
    ui::{Field, Form, Hidden, Load, Notice, StatusKind, Submit},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use std::sync::Arc;

/// Email address and password, or a passkey alone; `?next=` says where to go afterwards.
#[component]
pub fn SignInPage() -> impl IntoView {
    let sign_in = ServerAction::<SignIn>::new();
    let is_unused = Resource::new(|| (), |()| setup_is_open());
    let has_passkeys = Resource::new(|| (), |()| passkeys_are_offered());
    let query = use_query_map();
    let next = query.with_untracked(|query| query.get("next").unwrap_or_default());
    let is_over = query.with_untracked(|query| query.get(OVER).is_some());
    let finish = finish(&next);
    view! {
        <Title text="Sign in"/>
        <Bare>
            <h1>"Sign in"</h1>
            {is_over.then(|| view! {
                <Notice kind=StatusKind::Info>"That took too long, or was tried too often. Sign in again."</Notice>
            })}
            <ProviderNotice/>
            <Load resource=is_unused skeleton=0 let:is_unused>
                {is_unused.then(|| view! {
                    <Notice kind=StatusKind::Info>
                        "Nobody can sign in yet. Open the link that the server printed when it started, and become \
                         the first admin."
                    </Notice>
                })}
            </Load>
            <Form action=sign_in>
                <Hidden name="next" value=next/>
                <Field
                    name="input[email]"
                    label="Email address"
                    kind="email"
                    autocomplete="username"
                    required=true
                    autofocus=true
                />
                <Field
                    name="input[password]"
                    label="Password"
                    kind="password"
                    autocomplete="current-password"
                    required=true
                />
                <Submit>"Sign in"</Submit>
            </Form>
            <div class="sign-in-ways">
                <ProviderButtons/>
                <Load resource=has_passkeys skeleton=0 let:has_passkeys>
                    {has_passkeys.then(|| view! {
                        <PasskeyButton label="Sign in with a passkey" begin=begin finish=finish.clone()/>
                    })}
                </Load>
            </div>
            <p class="bare-foot">
                <a href="/forgotten">"Forgotten your password?"</a>
                " No account? Whoever runs Reeve for you invites you."
            </p>
        </Bare>
    }
}

fn begin() -> Step<String> {
    Box::pin(begin_passkey_sign_in(false))
}

fn finish(next: &str) -> Finish {
    let next = next.to_owned();
    Arc::new(move |credential| Box::pin(finish_passkey_sign_in(credential, false, next.clone())))
}
