//! The forms that invite a user and change one.

use super::{
    calls::{AddUser, ChangeUser},
    choices::Choices,
    fields::UserFields,
};
use crate::{
    business::FindBusiness,
    ui::{Form, Hidden, Panel, Submit},
};
use entity::{id::BusinessId, user::UserView};
use leptos::prelude::*;

/// Invites a user; leads to their page, which says where the link went.
#[component]
pub(super) fn AddUserPanel(choices: Choices, business_id: Option<BusinessId>) -> impl IntoView {
    let add = ServerAction::<AddUser>::new();
    view! {
        <div id="add">
            <Panel title="Invite somebody">
                <FindBusiness offered=choices.businesses.clone()/>
                <Form action=add class="form user-form">
                    <UserFields choices business_id/>
                    <Submit>"Invite"</Submit>
                </Form>
            </Panel>
        </div>
    }
}

/// Changes what somebody is called, is, reaches and may do.
#[component]
pub(super) fn ChangeUserPanel(
    choices: Choices,
    user: UserView,
    change: ServerAction<ChangeUser>,
) -> impl IntoView {
    view! {
        <Panel title="Change">
            <FindBusiness offered=choices.businesses.clone()/>
            <Form action=change class="form user-form">
                <Hidden name="id" value=user.id.to_string()/>
                <UserFields choices user/>
                <Submit>"Save"</Submit>
            </Form>
        </Panel>
    }
}
