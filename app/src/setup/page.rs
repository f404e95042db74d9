//! The page that makes the first admin.

use super::calls::{CompleteSetup, setup_is_open};
use crate::{
    layout::{NotFound, bare::Bare},
    ui::{Field, Form, Hidden, Load, Notice, StatusKind, Submit},
};
use entity::input::{NAME_MAX, PASSWORD_MIN};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

/// The first admin, or the not-found page once there is one.
#[component]
pub fn SetupPage() -> impl IntoView {
    let is_open = Resource::new_blocking(|| (), |()| setup_is_open());
    view! {
        <Title text="Set up"/>
        <Bare>
            <Load resource=is_open skeleton=4 let:is_open>
                {if is_open { view! { <SetupForm/> }.into_any() } else { view! { <NotFound/> }.into_any() }}
            </Load>
        </Bare>
    }
}

#[component]
fn SetupForm() -> impl IntoView {
    let complete = ServerAction::<CompleteSetup>::new();
    let key = use_query_map().with_untracked(|query| query.get("key").unwrap_or_default());
    if key.is_empty() {
        return view! {
            <h1>"Set up Reeve"</h1>
            <Notice kind=StatusKind::Info>
                "Open the link that the server printed when it started: it carries the key to this page."
            </Notice>
        }
        .into_any();
    }
    view! {
        <h1>"Set up Reeve"</h1>
        <p class="bare-lead">"You become the first admin: you see every business and can add people."</p>
        <Form action=complete>
            <Hidden name="input[key]" value=key/>
            <Field
                name="input[full_name]"
                label="Your name"
                autocomplete="name"
                max_length=NAME_MAX
                required=true
                autofocus=true
            />
            <Field
                name="input[email]"
                label="Email address"
                kind="email"
                autocomplete="username"
                hint="You sign in with it."
                required=true
            />
            <Field
                name="input[password]"
                label="Password"
                kind="password"
                autocomplete="new-password"
                min_length=PASSWORD_MIN
                hint=format!("At least {PASSWORD_MIN} characters. A sentence is good.")
                required=true
            />
            <Submit>"Become the first admin"</Submit>
        </Form>
    }
    .into_any()
}
