//! The people of a business.

use crate::{
    error::PortalError,
    layout::use_me,
    ui::{LinkButton, Load, OptionTime, Panel, Table},
    user::UserStatus,
};
use entity::{id::BusinessId, policy::Action, user::UserView};
use leptos::prelude::*;

/// Those who sign in for one business.
#[component]
pub(super) fn PeoplePanel(
    id: BusinessId,
    people: Resource<Result<Vec<UserView>, PortalError>>,
) -> impl IntoView {
    let can_add = use_me().may(Action::ManageUser);
    let add = format!("/users?business_id={id}#add");
    view! {
        <Panel
            title="People"
            actions=move || can_add.then(|| view! { <LinkButton href=add.clone()>"Add a person"</LinkButton> }).into_any()
        >
            <Load resource=people skeleton=2 let:people>
                {
                    if people.is_empty() {
                        view! { <p class="quiet">"Nobody of this business signs in yet."</p> }.into_any()
                    } else {
                        view! { <PeopleTable people/> }.into_any()
                    }
                }
            </Load>
        </Panel>
    }
}

#[component]
fn PeopleTable(people: Vec<UserView>) -> impl IntoView {
    let rows = people.into_iter().map(|user| {
        view! {
            <tr>
                <td class="main"><a class="row-link" href=format!("/users/{}", user.id)>{user.full_name.clone()}</a></td>
                <td class="sub">{user.email.clone()}</td>
                <td>{user.role_label().to_owned()}</td>
                <td class="aside"><UserStatus user=user.clone()/></td>
                <td class="sub-aside"><OptionTime at=user.last_sign_in_at/></td>
            </tr>
        }
    });
    view! {
        <Table label="People">
            <thead>
                <tr>
                    <th scope="col" class="main">"Name"</th>
                    <th scope="col" class="sub">"Email"</th>
                    <th scope="col">"Role"</th>
                    <th scope="col" class="aside">"Status"</th>
                    <th scope="col" class="sub-aside">"Last signed in"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}
