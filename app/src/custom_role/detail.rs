//! The page of one custom role: what it allows, and the form that changes it.

use super::{
    calls::{ChangeRole, RemoveRole, get_role},
    form::RoleFields,
    permissions::permission_words,
};
use crate::{
    layout::{PageHead, load_named, refetch_after, use_me},
    ui::{Confirm, Count, Exact, Fact, Facts, Form, Hidden, Load, Notice, Panel, StatusKind, Submit},
};
use entity::{custom_role::CustomRoleView, policy::Action};
use leptos::prelude::*;

/// One custom role.
#[component]
pub fn RolePage() -> impl IntoView {
    let me = use_me();
    let can_manage = me.role.is_msp() && me.may(Action::ManageRole);
    let role = load_named("id", get_role);
    let change = ServerAction::<ChangeRole>::new();
    let remove = ServerAction::<RemoveRole>::new();
    refetch_after(change, role);
    view! {
        <Load resource=role let:role>
            {
                let is_mine_to_give = me.permissions.include(&role.permissions);
                view! {
                    <PageHead title=role.role_name.clone() up=("Roles", "/roles")/>
                    <KnownPanel role=role.clone()/>
                    {can_manage.then(|| if is_mine_to_give {
                        view! { <ChangePanel role change remove/> }.into_any()
                    } else {
                        view! {
                            <Notice kind=StatusKind::Info>
                                "It allows more than you may do; somebody who may do as much can change it."
                            </Notice>
                        }
                        .into_any()
                    })}
                }
            }
        </Load>
    }
}

#[component]
fn KnownPanel(role: CustomRoleView) -> impl IntoView {
    view! {
        <Panel title="Known">
            <Facts>
                <Fact label="Stands in for">{role.base_role.label()}</Fact>
                <Fact label="Allows">{permission_words(&role.permissions)}</Fact>
                <Fact label="People"><Count value=role.users/></Fact>
                <Fact label="Made"><Exact at=role.created_at/></Fact>
            </Facts>
        </Panel>
    }
}

#[component]
fn ChangePanel(
    role: CustomRoleView,
    change: ServerAction<ChangeRole>,
    remove: ServerAction<RemoveRole>,
) -> impl IntoView {
    let (id, name, users) = (role.id, role.role_name.clone(), role.users);
    view! {
        <Panel title="Change">
            <Form action=change class="form role-form">
                <Hidden name="id" value=id.to_string()/>
                <RoleFields role/>
                {(users > 0).then(|| view! {
                    <p class="quiet">"Those who have it can do from then on what it says."</p>
                })}
                <Submit>"Save"</Submit>
            </Form>
            <Confirm action=remove label="Remove role" title=format!("Remove {name}?") confirm="Remove">
                <p>"Only a role that nobody has can be removed."</p>
                <Hidden name="id" value=id.to_string()/>
            </Confirm>
        </Panel>
    }
}
