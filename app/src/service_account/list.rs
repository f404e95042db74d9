//! The page of all service accounts within reach, and of the keys of everybody else.

use super::{calls::list_service_accounts, form::AddServiceAccountPanel};
use crate::{
    api_key::{KeyTable, calls::list_keys},
    business::{offered, use_business_like},
    layout::{PageHead, use_me},
    ui::{
        Count, EmptyState, FilterBar, FilterSearch, LinkButton, Listing, Load, Notice, Panel, Status,
        StatusKind, Table,
    },
};
use entity::{
    api_key::{ApiKeyQuery, ServiceAccountQuery, ServiceAccountView},
    policy::Action,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// The programs, the MSP's own and those of its businesses.
#[component]
pub fn ServiceAccountListPage() -> impl IntoView {
    let can_manage = use_me().may(Action::ManageApiKey);
    view! {
        <PageHead
            title="Service accounts"
            up=("Users".to_owned(), "/users".to_owned())
            facts=|| "Programs that act beside people, each with keys of its own"
            action=move || {
                can_manage.then(|| view! { <LinkButton href="#add">"Make a service account"</LinkButton> }).into_any()
            }
        />
        {if can_manage {
            view! { <Accounts/> }.into_any()
        } else {
            view! {
                <Notice kind=StatusKind::Info>
                    "Your role does not manage service accounts. Your own API keys are on your account page."
                </Notice>
            }
            .into_any()
        }}
    }
}

#[component]
fn Accounts() -> impl IntoView {
    let params = use_query_map();
    let asked =
        Memo::new(move |_| params.with(|params| Listing::from_url("/service-accounts", params, &["search"])));
    let asked_keys = Memo::new(move |_| {
        params.with(|params| Listing::beside("/service-accounts", params, &[], "keys_cursor"))
    });
    let accounts = Resource::new(
        move || asked.get(),
        |asked| {
            list_service_accounts(ServiceAccountQuery {
                search: asked.text("search"),
                cursor: asked.cursor(),
                ..ServiceAccountQuery::default()
            })
        },
    );
    let keys = Resource::new(
        move || asked_keys.get(),
        |asked| list_keys(ApiKeyQuery { cursor: asked.cursor(), ..ApiKeyQuery::default() }),
    );
    let like = use_business_like();
    let businesses = Resource::new(move || like.get(), |like| offered(like, None));
    view! {
        {move || view! {
            <FilterBar action="/service-accounts">
                <FilterSearch label="Search name" value=asked.get().text("search").unwrap_or_default()/>
            </FilterBar>
        }}
        <Load resource=accounts skeleton=3 let:page>
            {
                let asked = asked.get_untracked();
                if page.items.is_empty() {
                    let words = if asked.is_filtered() || asked.cursor().is_some() {
                        "None within your reach matches."
                    } else {
                        "A service account is a program: it cannot sign in, and acts by API keys alone. It stays when \
                         the person who made it leaves."
                    };
                    view! { <EmptyState title="No service accounts">{words}</EmptyState> }.into_any()
                } else {
                    let (shown, next) = (page.items.len(), page.next_cursor);
                    let pager = asked.pager(shown, page.total, next.as_deref());
                    view! { <AccountTable accounts=page.items/> {pager} }.into_any()
                }
            }
        </Load>
        <Load resource=businesses skeleton=4 let:businesses>
            <AddServiceAccountPanel businesses/>
        </Load>
        <Panel title="All API keys" facts="Yours, those of people and those of service accounts">
            <Load resource=keys skeleton=3 let:page>
                {
                    let asked = asked_keys.get_untracked();
                    if page.items.is_empty() {
                        view! { <p class="quiet">"Nobody has made an API key yet."</p> }.into_any()
                    } else {
                        let (shown, next) = (page.items.len(), page.next_cursor);
                        let is_one_page = next.is_none() && asked.cursor().is_none();
                        let pager = (!is_one_page).then(|| asked.pager(shown, None, next.as_deref()));
                        view! { <KeyTable keys=page.items with_owner=true/> {pager} }.into_any()
                    }
                }
            </Load>
        </Panel>
    }
}

#[component]
fn AccountTable(accounts: Vec<ServiceAccountView>) -> impl IntoView {
    let rows = accounts.into_iter().map(|account| {
        let reach = account.reach_words();
        view! {
            <tr>
                <td class="main">
                    <a class="row-link" href=format!("/service-accounts/{}", account.id)>{account.full_name.clone()}</a>
                </td>
                <td class="sub">{account.role.label()}</td>
                <td class="user-reach" title=reach.clone()>{reach.clone()}</td>
                <td class="aside"><AccountStatus is_active=account.is_active/></td>
                <td class="sub-aside num"><Count value=u64::from(account.working_keys)/></td>
            </tr>
        }
    });
    view! {
        <Table label="Service accounts">
            <thead>
                <tr>
                    <th scope="col" class="main">"Name"</th>
                    <th scope="col" class="sub">"Role"</th>
                    <th scope="col" class="user-reach">"Businesses"</th>
                    <th scope="col" class="aside">"Status"</th>
                    <th scope="col" class="sub-aside num">"Working keys"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}

/// Whether its keys work.
#[component]
pub(super) fn AccountStatus(is_active: bool) -> impl IntoView {
    let (kind, word) = if is_active { (StatusKind::Ok, "Active") } else { (StatusKind::Off, "Switched off") };
    view! { <Status kind word/> }
}
