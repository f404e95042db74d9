//! Changing one's own password: as a form of the account, and as the page that a one-time password leads to.

use super::calls::{ChangePassword, ReplacePassword};
use crate::{
    layout::{bare::Bare, calls::who_is_looking},
    ui::{Field, Form, Load, Submit},
};
use entity::input::PASSWORD_MIN;
use leptos::prelude::*;
use leptos_meta::Title;

/// The form of the account page.
#[component]
pub(super) fn PasswordForm() -> impl IntoView {
    let change = ServerAction::<ChangePassword>::new();
    view! {
        <Form action=change reset=true>
            <Fields current="Present password"/>
            <Submit>"Change password"</Submit>
        </Form>
    }
}

/// The page for those whose password works once: nothing else is open to them.
#[component]
pub fn PasswordPage() -> impl IntoView {
    let me = Resource::new_blocking(|| (), |()| who_is_looking());
    let replace = ServerAction::<ReplacePassword>::new();
    view! {
        <Title text="Choose a password"/>
        <Bare>
            <Load resource=me skeleton=4 let:me>
                <h1>"Choose a password"</h1>
                <p class="bare-lead">{lead(me.must_change_password, &me.full_name)}</p>
                <Form action=replace>
                    <Fields current=if me.must_change_password { "One-time password" } else { "Present password" }/>
                    <Submit>"Change password and go on"</Submit>
                </Form>
            </Load>
        </Bare>
    }
}

fn lead(must_change: bool, name: &str) -> String {
    if must_change {
        format!(
            "Welcome, {name}. The password you were given works once; replace it with one that only you know."
        )
    } else {
        format!("You are signed in as {name}.")
    }
}

#[component]
fn Fields(current: &'static str) -> impl IntoView {
    view! {
        <Field
            name="input[current_password]"
            label=current
            kind="password"
            autocomplete="current-password"
            required=true
        />
        <Field
            name="input[new_password]"
            label="New password"
            kind="password"
            autocomplete="new-password"
            min_length=PASSWORD_MIN
            hint=format!("At least {PASSWORD_MIN} characters. A sentence is good.")
            required=true
        />
    }
}
