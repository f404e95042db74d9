//! What may be done to a user: a link to choose a password, and switching off and on.

use super::calls::{SendLink, SetActive};
use crate::ui::{Confirm, Hidden, LinkButton, Panel};
use entity::user::UserView;
use leptos::prelude::*;

/// The actions; one's own password is changed on the account page.
#[component]
pub(super) fn UserActions(
    user: UserView,
    is_self: bool,
    send: ServerAction<SendLink>,
    set_active: ServerAction<SetActive>,
) -> impl IntoView {
    if is_self {
        return view! {
            <Panel title="This is you">
                <p>"You cannot switch yourself off. Another MSP admin can."</p>
                <div class="button-row"><LinkButton href="/account/password">"Change your password"</LinkButton></div>
            </Panel>
        }
        .into_any();
    }
    view! {
        <Panel title="Access">
            <div class="button-row">
                <LinkButtonOf user=user.clone() send/>
                <SwitchButton user set_active/>
            </div>
        </Panel>
    }
    .into_any()
}

#[component]
fn LinkButtonOf(user: UserView, send: ServerAction<SendLink>) -> impl IntoView {
    let (label, title) = if user.is_invited || user.last_sign_in_at.is_none() {
        ("Invite again", format!("Invite {} again?", user.full_name))
    } else {
        ("Send a password link", format!("Send {} a link to choose another password?", user.full_name))
    };
    view! {
        <Confirm action=send label title confirm=label>
            <p>"The link works once. The present password goes on working until it is used; then every session ends."</p>
            <Hidden name="id" value=user.id.to_string()/>
        </Confirm>
    }
}

#[component]
fn SwitchButton(user: UserView, set_active: ServerAction<SetActive>) -> impl IntoView {
    let (label, title, sentence) = if user.is_active {
        (
            "Switch off",
            format!("Switch {} off?", user.full_name),
            "They are signed out at once and cannot sign in again.",
        )
    } else {
        (
            "Switch on",
            format!("Switch {} on again?", user.full_name),
            "They can sign in again with the password they had.",
        )
    };
    view! {
        <Confirm action=set_active label title confirm=label>
            <p>{sentence}</p>
            <Hidden name="id" value=user.id.to_string()/>
            <Hidden name="is_active" value=(!user.is_active).to_string()/>
        </Confirm>
    }
}
