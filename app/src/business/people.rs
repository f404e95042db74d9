//! The people of a business.

use crate::{
    error::PortalError,
    layout::use_me,
    ui::{Count, LinkButton, Load, OptionTime, Panel, Table},
    user::UserStatus,
};
use entity::{id::BusinessId, page::Page, policy::Action, user::UserView};
use leptos::prelude::*;

/// Those who sign in for one business.
#[component]
pub(super) fn PeoplePanel(
    id: BusinessId,
    people: Resource<Result<Page<UserView>, PortalError>>,
) -> impl IntoView {
    let can_add = use_me().may(Action::ManageUser);
    let add = format!("/users?business_id={id}#add");
    view! {
        <Panel
            title="People"
            actions=move || can_add.then(|| view! { <LinkButton href=add.clone()>"Add a person"</LinkButton> }).into_any()
        >
            <Load resource=people skeleton=2 let:page>
                {
                    if page.items.is_empty() {
                        view! { <p class="quiet">"Nobody of this business signs in yet."</p> }.into_any()
                    } else {
                        let all = page.next_cursor.map(|_| format!("/users?business_id={id}"));
                        let total = page.total.unwrap_or_default();
                        view! {
                            <PeopleTable people=page.items/>
                            {all.map(|href| view! { <p class="panel-more"><a href=href>"All " <Count value=total/></a></p> })}
                        }
                        .into_any()
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
