//! The roles that are built in, as a table to read.

use super::permissions::GROUPS;
use crate::ui::{Absent, Icon, IconName, Table};
use entity::{policy::may, user::Role};
use leptos::prelude::*;

/// What each built-in role allows: permissions down, roles across.
#[component]
pub(super) fn BuiltInTable() -> impl IntoView {
    let heads = Role::ALL.iter().map(|role| view! { <th scope="col">{role.label()}</th> }).collect_view();
    let groups = GROUPS.into_iter().map(|(title, actions)| {
        let rows = actions
            .iter()
            .map(|action| {
                let cells = Role::ALL
                    .iter()
                    .map(|role| {
                        if may(*role, *action) {
                            view! { <td><Icon icon=IconName::Check/><span class="visually-hidden">"Yes"</span></td> }
                                .into_any()
                        } else {
                            view! { <td><Absent/></td> }.into_any()
                        }
                    })
                    .collect_view();
                view! { <tr><th scope="row" class="main">{action.label()}</th>{cells}</tr> }
            })
            .collect_view();
        view! {
            <tbody>
                <tr class="table-group"><th scope="colgroup" colspan="6">{title}</th></tr>
                {rows}
            </tbody>
        }
    });
    view! {
        <div class="role-matrix">
            <Table label="Built-in roles">
                <thead>
                    <tr>
                        <th scope="col" class="main">"Permission"</th>
                        {heads}
                    </tr>
                </thead>
                {groups.collect_view()}
            </Table>
        </div>
        <p class="quiet role-note">
            "Technicians reach the businesses and places that were granted to them; business owners and contacts reach \
             their own business; the others reach all of them. Seeing devices needs no permission beyond that."
        </p>
    }
}
