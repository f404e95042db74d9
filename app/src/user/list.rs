//! The page of all users within reach.

use super::{
    calls::list_users,
    choices::use_choices,
    form::AddUserPanel,
    status::{UserStatus, reach_words},
};
use crate::{
    business::{FilterBusiness, Offered},
    layout::{PageHead, use_me},
    ui::{
        Choice, EmptyState, FilterBar, FilterSearch, FilterSelect, Hidden, LinkButton, Listing, Load, Notice,
        OptionTime, SortHead, StatusKind, Table,
    },
};
use entity::{
    policy::Action,
    user::{Role, UserQuery, UserView},
};
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

/// What the list understands in its URL.
const KEYS: [&str; 5] = ["search", "business_id", "role", "sort", "descending"];

#[component]
fn Users(can_add: bool) -> impl IntoView {
    let me = use_me();
    let (is_msp, has_programs) = (me.role.is_msp(), me.may(Action::ManageApiKey));
    let params = use_query_map();
    let asked = Memo::new(move |_| params.with(|params| Listing::from_url("/users", params, &KEYS)));
    let users = Resource::new(
        move || asked.get(),
        |asked| {
            list_users(UserQuery {
                business_id: asked.value("business_id"),
                role: asked.value("role"),
                search: asked.text("search"),
                sort: asked.value("sort"),
                descending: asked.flag("descending"),
                cursor: asked.cursor(),
                limit: None,
            })
        },
    );
    let choices = use_choices(&me, can_add);
    view! {
        <Load resource=choices skeleton=1 let:choices>
            {
                let offered = choices.businesses;
                move || view! { <UserFilter offered=offered.clone() asked=asked.get() is_msp/> }
            }
        </Load>
        <Load resource=users let:page>
            {
                if page.items.is_empty() {
                    view! { <NoUsers/> }.into_any()
                } else {
                    let (shown, next) = (page.items.len(), page.next_cursor);
                    let pager = asked.get_untracked().pager(shown, page.total, next.as_deref());
                    view! { <UserTable users=page.items asked/> {pager} }.into_any()
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
                <AddUserPanel choices business_id=asked.with_untracked(|asked| asked.value("business_id"))/>
            </Load>
        })}
    }
}

#[component]
fn UserFilter(offered: Offered, asked: Listing, is_msp: bool) -> impl IntoView {
    let roles = Role::ALL.iter().filter(|role| is_msp || !role.is_msp());
    let roles = roles.map(|role| Choice::new(role.word(), role.label()));
    let roles = std::iter::once(Choice::new("", "Any role")).chain(roles).collect();
    view! {
        <FilterBar action="/users">
            <FilterSearch label="Search name, email" value=asked.text("search").unwrap_or_default()/>
            {is_msp.then(|| view! {
                <FilterBusiness offered any="Everybody" chosen=asked.value("business_id")/>
            })}
            <FilterSelect name="role" label="Role" options=roles value=asked.text("role").unwrap_or_default()/>
            {asked.text("sort").map(|sort| view! { <Hidden name="sort" value=sort/> })}
            {asked.flag("descending").then(|| view! { <Hidden name="descending" value="true"/> })}
        </FilterBar>
    }
}

#[component]
fn NoUsers() -> impl IntoView {
    view! {
        <EmptyState
            title="Nobody here"
            action=|| view! { <LinkButton href="/users">"Show everybody"</LinkButton> }.into_any()
        >
            "Nobody within your reach matches all of these filters. A business without people can get some: invite a \
             business owner or a contact."
        </EmptyState>
    }
}

#[component]
fn UserTable(users: Vec<UserView>, asked: Memo<Listing>) -> impl IntoView {
    let shown = asked.get_untracked();
    let head = move |label: &'static str, word: &'static str, class: &'static str| {
        let is_sorted = shown.is_sorted_by(word, "name");
        let href = Signal::derive(move || asked.with(|asked| asked.sorted_by(word, "name")));
        view! { <SortHead label href is_sorted descending=is_sorted && shown.flag("descending") class/> }
    };
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
                    {head("Name", "name", "main")}
                    {head("Email", "email", "sub")}
                    {head("Role", "role", "")}
                    <th scope="col" class="user-reach">"Businesses"</th>
                    <th scope="col" class="aside">"Status"</th>
                    {head("Last signed in", "last_sign_in", "sub-aside")}
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}
