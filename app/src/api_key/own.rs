//! The page of one's own keys.

use super::{AddKeyPanel, KeyTable, calls::list_own_keys};
use crate::{
    layout::{PageHead, use_me},
    ui::{EmptyState, LinkButton, Load},
};
use leptos::prelude::*;

/// One's own keys, and the form that makes another.
#[component]
pub fn OwnKeysPage() -> impl IntoView {
    let keys = Resource::new(|| (), |()| list_own_keys());
    let permissions = use_me().permissions;
    view! {
        <PageHead
            title="Your API keys"
            up=("Account".to_owned(), "/account".to_owned())
            facts=|| "Each acts in your name, and never does more than you may"
            action=|| view! { <LinkButton href="#add">"Make a key"</LinkButton> }.into_any()
        />
        <Load resource=keys skeleton=3 let:keys>
            {
                if keys.is_empty() {
                    view! {
                        <EmptyState title="No API keys">
                            "A key lets a script call the API in your name. For a program of its own, make a service account instead."
                        </EmptyState>
                    }
                    .into_any()
                } else {
                    view! { <KeyTable keys/> }.into_any()
                }
            }
        </Load>
        <AddKeyPanel permissions/>
    }
}
