//! The page of one's own account.

use super::{
    calls::{EndOtherSessions, EndSession, list_sessions},
    password::PasswordForm,
    sessions::Sessions,
};
use crate::{
    factor::FactorPanels,
    layout::{PageHead, refetch_after, use_me},
    ui::{Fact, Facts, LinkButton, Listing, Load, Panel},
};
use entity::session::SessionQuery;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// Who one is, how one signs in, and where one is signed in.
#[component]
pub fn AccountPage() -> impl IntoView {
    let me = use_me();
    let end = ServerAction::<EndSession>::new();
    let end_others = ServerAction::<EndOtherSessions>::new();
    let params = use_query_map();
    let asked = Memo::new(move |_| params.with(|params| Listing::from_url("/account", params, &[])));
    let sessions = Resource::new(
        move || asked.get(),
        |asked| list_sessions(SessionQuery { cursor: asked.cursor(), limit: None }),
    );
    refetch_after(end, sessions);
    refetch_after(end_others, sessions);
    let role = me.role_label().to_owned();
    view! {
        <PageHead
            title="Account"
            facts={ let role = role.clone(); move || role.clone() }
            action=|| view! { <LinkButton href="/account/keys">"API keys"</LinkButton> }.into_any()
        />
        <div class="columns">
            <Panel title="You">
                <Facts>
                    <Fact label="Name">{me.full_name}</Fact>
                    <Fact label="Email address">{me.email}</Fact>
                    <Fact label="Role">{role}</Fact>
                    <Fact label="Business">
                        {me.business_name.unwrap_or_else(|| "None: you work for the provider".to_owned())}
                    </Fact>
                </Facts>
            </Panel>
            <Panel title="Password" facts="Changing it ends your other sessions">
                <PasswordForm/>
            </Panel>
        </div>
        <FactorPanels/>
        <Panel title="Sessions" facts="Where you are signed in">
            <Load resource=sessions skeleton=2 let:page>
                {
                    let asked = asked.get_untracked();
                    let (shown, next) = (page.items.len(), page.next_cursor);
                    let is_one_page = next.is_none() && asked.cursor().is_none();
                    let pager = (!is_one_page).then(|| asked.pager(shown, None, next.as_deref()));
                    view! { <Sessions sessions=page.items is_one_page end end_others/> {pager} }
                }
            </Load>
        </Panel>
    }
}
