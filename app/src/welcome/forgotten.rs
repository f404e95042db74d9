//! The page for those who have forgotten their password.

use super::calls::{AskForLink, is_mailed};
use crate::{
    layout::bare::Bare,
    ui::{Field, Form, Load, Submit},
};
use leptos::prelude::*;
use leptos_meta::Title;

/// Asks for the address, where mail can be sent.
#[component]
pub fn ForgottenPage() -> impl IntoView {
    let is_mailed = Resource::new_blocking(|| (), |()| is_mailed());
    let ask = ServerAction::<AskForLink>::new();
    view! {
        <Title text="Forgotten password"/>
        <Bare>
            <h1>"Forgotten password"</h1>
            <Load resource=is_mailed skeleton=3 let:is_mailed>
                {if is_mailed { view! { <AskForm ask/> }.into_any() } else { view! { <AskPeople/> }.into_any() }}
            </Load>
            <p class="bare-foot"><a href="/sign-in">"Back to signing in"</a></p>
        </Bare>
    }
}

#[component]
fn AskForm(ask: ServerAction<AskForLink>) -> impl IntoView {
    view! {
        <p class="bare-lead">
            "Say which address you sign in with. You get a letter with a link to choose another password."
        </p>
        <Form action=ask>
            <Field
                name="input[email]"
                label="Email address"
                kind="email"
                autocomplete="username"
                required=true
                autofocus=true
            />
            <Submit>"Send me a link"</Submit>
        </Form>
    }
}

/// Reeve sends no mail here.
#[component]
fn AskPeople() -> impl IntoView {
    view! {
        <p class="bare-lead">
            "Ask whoever runs Reeve for you: they can make a link with which you choose another password."
        </p>
    }
}

/// The same for everybody, whether or not somebody signs in with the address.
#[component]
pub fn SentPage() -> impl IntoView {
    view! {
        <Title text="Look into your mail"/>
        <Bare>
            <h1>"Look into your mail"</h1>
            <p class="bare-lead">
                "If somebody signs in with this address, a letter is on its way to it. The link in it works once, \
                 within an hour."
            </p>
            <p>
                "Nothing there? Look where unwanted mail goes, and check the address. At most three letters are sent \
                 in an hour."
            </p>
            <p class="bare-foot"><a href="/sign-in">"Back to signing in"</a></p>
        </Bare>
    }
}
