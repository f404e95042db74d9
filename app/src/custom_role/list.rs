//! The page of all roles: the custom ones with the form that makes another, and the built-in ones to read.

use super::{
    built_in::BuiltInTable,
    calls::{AddRole, list_roles},
    form::RoleFields,
    permissions::permission_words,
};
use crate::{
    layout::{PageHead, use_me},
    ui::{Count, Form, LinkButton, Listing, Load, Panel, Submit, Table},
};
use entity::{
    custom_role::{CustomRoleQuery, CustomRoleView},
    policy::Action,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// The roles.
#[component]
pub fn RoleListPage() -> impl IntoView {
    let me = use_me();
    let can_add = me.role.is_msp() && me.may(Action::ManageRole);
    let params = use_query_map();
    let asked = Memo::new(move |_| params.with(|params| Listing::from_url("/roles", params, &["search"])));
    let roles = Resource::new(
        move || asked.get(),
        |asked| {
            list_roles(CustomRoleQuery { search: asked.text("search"), cursor: asked.cursor(), limit: None })
        },
    );
    view! {
        <PageHead
            title="Roles"
            up=("Settings", "/settings")
            action=move || can_add.then(|| view! { <LinkButton href="#add">"Make a role"</LinkButton> }).into_any()
        />
        <Panel title="Custom roles">
            <Load resource=roles skeleton=2 let:page>
                {
                    let asked = asked.get_untracked();
                    let (shown, next) = (page.items.len(), page.next_cursor);
                    if page.items.is_empty() {
                        view! { <p class="quiet">"None yet. A custom role stands in for a built-in one, with permissions that you choose."</p> }
                            .into_any()
                    } else {
                        let is_one_page = next.is_none() && asked.cursor().is_none();
                        let pager = (!is_one_page).then(|| asked.pager(shown, page.total, next.as_deref()));
                        view! { <RoleTable roles=page.items/> {pager} }.into_any()
                    }
                }
            </Load>
        </Panel>
        <Panel title="Built-in roles">
            <BuiltInTable/>
        </Panel>
        {can_add.then(|| view! { <AddRolePanel/> })}
    }
}

#[component]
fn RoleTable(roles: Vec<CustomRoleView>) -> impl IntoView {
    let rows = roles.into_iter().map(|role| {
        let allows = permission_words(&role.permissions);
        view! {
            <tr>
                <td class="main"><a class="row-link" href=format!("/roles/{}", role.id)>{role.role_name}</a></td>
                <td class="aside">{role.base_role.label()}</td>
                <td class="sub role-allows">{allows}</td>
                <td class="num"><Count value=role.users/></td>
            </tr>
        }
    });
    view! {
        <Table label="Custom roles">
            <thead>
                <tr>
                    <th scope="col" class="main">"Name"</th>
                    <th scope="col" class="aside">"Stands in for"</th>
                    <th scope="col" class="sub role-allows">"Allows"</th>
                    <th scope="col" class="num">"People"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}

#[component]
fn AddRolePanel() -> impl IntoView {
    let add = ServerAction::<AddRole>::new();
    view! {
        <div id="add">
            <Panel title="Make a role">
                <Form action=add class="form role-form">
                    <RoleFields/>
                    <Submit>"Make role"</Submit>
                </Form>
            </Panel>
        </div>
    }
}
