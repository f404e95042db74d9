//! The page of all service accounts within reach, and of the keys of everybody else.

use super::{calls::list_service_accounts, form::AddServiceAccountPanel};
use crate::{
    api_key::{KeyTable, calls::list_keys},
    business::calls::list_businesses,
    layout::{PageHead, use_me},
    ui::{Count, EmptyState, LinkButton, Load, Notice, Panel, Status, StatusKind, Table},
};
use entity::{api_key::ServiceAccountView, policy::Action};
use leptos::prelude::*;

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
    let accounts = Resource::new(|| (), |()| list_service_accounts());
    let keys = Resource::new(|| (), |()| list_keys(None));
    let businesses = Resource::new(|| (), |()| list_businesses());
    view! {
        <Load resource=accounts skeleton=3 let:accounts>
            {
                if accounts.is_empty() {
                    view! {
                        <EmptyState title="No service accounts">
                            "A service account is a program: it cannot sign in, and acts by API keys alone. It stays when the person who made it leaves."
                        </EmptyState>
                    }
                    .into_any()
                } else {
                    view! { <AccountTable accounts/> }.into_any()
                }
            }
        </Load>
        <Load resource=businesses skeleton=4 let:businesses>
            <AddServiceAccountPanel businesses/>
        </Load>
        <Panel title="All API keys" facts="Yours, those of people and those of service accounts">
            <Load resource=keys skeleton=3 let:keys>
                {
                    if keys.is_empty() {
                        view! { <p class="quiet">"Nobody has made an API key yet."</p> }.into_any()
                    } else {
                        view! { <KeyTable keys with_owner=true/> }.into_any()
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
