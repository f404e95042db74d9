//! The page of one's own keys.

use super::{AddKeyPanel, KeyTable, calls::list_own_keys};
use crate::{
    layout::{PageHead, use_me},
    ui::{EmptyState, LinkButton, Listing, Load},
};
use entity::api_key::ApiKeyQuery;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// One's own keys, and the form that makes another.
#[component]
pub fn OwnKeysPage() -> impl IntoView {
    let params = use_query_map();
    let asked = Memo::new(move |_| params.with(|params| Listing::from_url("/account/keys", params, &[])));
    let keys = Resource::new(
        move || asked.get(),
        |asked| list_own_keys(ApiKeyQuery { cursor: asked.cursor(), ..ApiKeyQuery::default() }),
    );
    let permissions = use_me().permissions;
    view! {
        <PageHead
            title="Your API keys"
            up=("Account".to_owned(), "/account".to_owned())
            facts=|| "Each acts in your name, and never does more than you may"
            action=|| view! { <LinkButton href="#add">"Make a key"</LinkButton> }.into_any()
        />
        <Load resource=keys skeleton=3 let:page>
            {
                let asked = asked.get_untracked();
                if page.items.is_empty() {
                    view! {
                        <EmptyState title="No API keys">
                            "A key lets a script call the API in your name. For a program of its own, make a service account instead."
                        </EmptyState>
                    }
                    .into_any()
                } else {
                    let (shown, next) = (page.items.len(), page.next_cursor);
                    let is_one_page = next.is_none() && asked.cursor().is_none();
                    let pager = (!is_one_page).then(|| asked.pager(shown, None, next.as_deref()));
                    view! { <KeyTable keys=page.items/> {pager} }.into_any()
                }
            }
        </Load>
        <AddKeyPanel permissions/>
        <p><a href="/api/docs" rel="external">"What the API can do, call by call"</a></p>
    }
}
