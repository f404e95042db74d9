//! The page that a link opens, and the page where its receiver chooses a password.

use super::calls::{AcceptLink, OpenLink, look};
use crate::{
    layout::bare::Bare,
    ui::{Field, Form, Load, Submit},
};
use entity::{input::PASSWORD_MIN, session::LinkView, user::LinkKind};
use leptos::prelude::*;
use leptos_meta::Title;

/// What a link leads to. Browsers send nobody what stands behind the `#`: with JavaScript it is taken from there,
/// without it is pasted.
#[component]
pub fn WelcomePage() -> impl IntoView {
    let open = ServerAction::<OpenLink>::new();
    Effect::new(move |_| {
        let hash = window().location().hash().unwrap_or_default();
        if hash.len() > 1 {
            open.dispatch(OpenLink { key: hash });
        }
    });
    view! {
        <Title text="Open your link"/>
        <Bare>
            <h1>"Open your link"</h1>
            <p class="bare-lead">
                "You are here because of a link that was made for you. Paste it here, or its last part, behind the #."
            </p>
            <Form action=open>
                <Field name="key" label="Your link" autocomplete="off" required=true mono=true/>
                <Submit>"Go on"</Submit>
            </Form>
            <p class="bare-foot">"No link? " <a href="/sign-in">"Sign in"</a> " as usual."</p>
        </Bare>
    }
}

/// Who the link is for, and the password they choose.
#[component]
pub fn ChoosePage() -> impl IntoView {
    let link = Resource::new_blocking(|| (), |()| look());
    let accept = ServerAction::<AcceptLink>::new();
    view! {
        <Title text="Choose a password"/>
        <Bare>
            <Load resource=link skeleton=4 let:link>
                {match link {
                    Some(link) => view! { <ChooseForm link accept/> }.into_any(),
                    None => view! { <Over/> }.into_any(),
                }}
            </Load>
        </Bare>
    }
}

#[component]
fn ChooseForm(link: LinkView, accept: ServerAction<AcceptLink>) -> impl IntoView {
    let (title, lead) = match link.kind {
        LinkKind::Invitation => (
            format!("Welcome, {}", link.full_name),
            format!(
                "You have been invited to Reeve. You sign in as {}, with the password that you choose now.",
                link.email
            ),
        ),
        LinkKind::Reset => (
            "Choose another password".to_owned(),
            format!(
                "{}, this is for {}. Wherever you are signed in now, you will be signed out.",
                link.full_name, link.email
            ),
        ),
    };
    view! {
        <h1>{title}</h1>
        <p class="bare-lead">{lead}</p>
        <Form action=accept>
            // For the browser, which keeps the password together with the address.
            <input
                class="visually-hidden"
                r#type="email"
                value=link.email
                autocomplete="username"
                tabindex="-1"
                aria-hidden="true"
                readonly=true
            />
            <Field
                name="password"
                label="New password"
                kind="password"
                autocomplete="new-password"
                min_length=PASSWORD_MIN
                hint=format!("At least {PASSWORD_MIN} characters. A sentence is good.")
                required=true
                autofocus=true
            />
            <Submit>"Choose this password and sign in"</Submit>
        </Form>
    }
}

/// A link that was used, or is too old.
#[component]
fn Over() -> impl IntoView {
    view! {
        <Title text="This link is over"/>
        <h1>"This link is over"</h1>
        <p class="bare-lead">
            "It works once, and not for long: it was used already, is too old, or a newer one was made. Nothing has \
             changed."
        </p>
        <p>"Was it you who used it? Then " <a href="/sign-in">"sign in"</a> " with the password that you chose."</p>
        <p>
            "Otherwise ask whoever invited you for another link, or "
            <a href="/forgotten">"get one for a forgotten password"</a> "."
        </p>
    }
}
