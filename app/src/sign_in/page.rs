//! The page where people sign in.

use super::calls::SignIn;
use crate::{
    layout::bare::Bare,
    setup::calls::setup_is_open,
    ui::{Field, Form, Hidden, Load, Notice, StatusKind, Submit},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

/// Email address and password; `?next=` says where to go afterwards.
#[component]
pub fn SignInPage() -> impl IntoView {
    let sign_in = ServerAction::<SignIn>::new();
    let is_unused = Resource::new(|| (), |()| setup_is_open());
    let next = use_query_map().with_untracked(|query| query.get("next").unwrap_or_default());
    view! {
        <Title text="Sign in"/>
        <Bare>
            <h1>"Sign in"</h1>
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
            <p class="bare-foot">"No account, or no password any more? Whoever runs Reeve for you makes you a new one."</p>
        </Bare>
    }
}
