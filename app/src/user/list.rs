//! The page of all users within reach.

use super::{
    calls::list_users,
    choices::use_choices,
    form::AddUserPanel,
    status::{UserStatus, reach_words},
};
use crate::{
    layout::{PageHead, use_me},
    ui::{
        Choice, EmptyState, FilterBar, FilterSelect, LinkButton, Load, Notice, OptionTime, Pager, StatusKind,
        Table,
    },
};
use entity::{business::BusinessView, id::BusinessId, policy::Action, user::UserView};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// The people, the MSP's own and those of its businesses.
#[component]
pub fn UserListPage() -> impl IntoView {
    let me = use_me();
    let can_see = me.may(Action::ViewUser);
    let can_add = me.may(Action::ManageUser);
    view! {
        <PageHead
            title="Users"
            action=move || can_add.then(|| view! { <LinkButton href="#add">"Invite somebody"</LinkButton> }).into_any()
        />
        {if can_see {
            view! { <Users can_add/> }.into_any()
        } else {
            view! { <Notice kind=StatusKind::Info>"Your role does not see who works here."</Notice> }.into_any()
        }}
    }
}

#[component]
fn Users(can_add: bool) -> impl IntoView {
    let me = use_me();
    let (is_msp, has_programs) = (me.role.is_msp(), me.may(Action::ManageApiKey));
    let params = use_query_map();
    let business_id = Memo::new(move |_| {
        params.with(|params| params.get("business_id").and_then(|text| text.parse::<BusinessId>().ok()))
    });
    let users = Resource::new(move || business_id.get(), list_users);
    let choices = use_choices(&me, can_add);
    view! {
        <Load resource=choices skeleton=1 let:choices>
            {is_msp.then(|| {
                let businesses = choices.businesses;
                move || view! { <BusinessFilter businesses=businesses.clone() business_id=business_id.get()/> }
            })}
        </Load>
        <Load resource=users let:users>
            {
                if users.is_empty() {
                    view! { <NoUsers/> }.into_any()
                } else {
                    let shown = users.len();
                    view! { <UserTable users/> <Pager shown total=Some(shown as u64)/> }.into_any()
                }
            }
        </Load>
        {has_programs.then(|| view! {
            <p class="quiet users-programs">
                "Programs that act without a person are listed under "
                <a href="/service-accounts">"service accounts"</a> "."
            </p>
        })}
        {can_add.then(|| view! {
            <Load resource=choices skeleton=5 let:choices>
                <AddUserPanel choices business_id=business_id.get_untracked()/>
            </Load>
        })}
    }
}

#[component]
fn BusinessFilter(businesses: Vec<BusinessView>, business_id: Option<BusinessId>) -> impl IntoView {
    let any = Choice::new("", "Everybody");
    let choices =
        businesses.into_iter().map(|business| Choice::new(business.id.to_string(), business.business_name));
    let options = std::iter::once(any).chain(choices).collect();
    view! {
        <FilterBar action="/users">
            <FilterSelect
                name="business_id"
                label="Business"
                options
                value=business_id.map(|id| id.to_string()).unwrap_or_default()
            />
        </FilterBar>
    }
}

#[component]
fn NoUsers() -> impl IntoView {
    view! {
        <EmptyState
            title="Nobody here yet"
            action=|| view! { <LinkButton href="/users">"Show everybody"</LinkButton> }.into_any()
        >
            "Nobody of this business signs in yet. Invite a business owner or a contact."
        </EmptyState>
    }
}

#[component]
fn UserTable(users: Vec<UserView>) -> impl IntoView {
    let rows = users.into_iter().map(|user| {
        let reach = reach_words(&user);
        view! {
            <tr>
                <td class="main"><a class="row-link" href=format!("/users/{}", user.id)>{user.full_name.clone()}</a></td>
                <td class="sub">{user.email.clone()}</td>
                <td>{user.role_label().to_owned()}</td>
                <td class="user-reach" title=reach.clone()>{reach.clone()}</td>
                <td class="aside"><UserStatus user=user.clone()/></td>
                <td class="sub-aside"><OptionTime at=user.last_sign_in_at/></td>
            </tr>
        }
    });
    view! {
        <Table label="Users">
            <thead>
                <tr>
                    <th scope="col" class="main">"Name"</th>
                    <th scope="col" class="sub">"Email"</th>
                    <th scope="col">"Role"</th>
                    <th scope="col" class="user-reach">"Businesses"</th>
                    <th scope="col" class="aside">"Status"</th>
                    <th scope="col" class="sub-aside">"Last signed in"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}
