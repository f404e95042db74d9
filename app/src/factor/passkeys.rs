//! The table of one's passkeys, each of which can be renamed and removed.

use super::calls::{RemovePasskey, RenamePasskey};
use crate::ui::{
    ButtonKind, Confirm, Field, Form, Hidden, LinkButton, OptionTime, Panel, Submit, Table, Time,
};
use entity::{
    factor::{FactorsView, PASSKEYS_MAX, PasskeyView},
    input::NAME_MAX,
};
use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

/// The panel; `?rename=` says which row is a form.
#[component]
pub(super) fn Passkeys(
    factors: FactorsView,
    is_last: bool,
    rename: ServerAction<RenamePasskey>,
    remove: ServerAction<RemovePasskey>,
) -> impl IntoView {
    let FactorsView { passkeys, passkeys_are_possible, .. } = factors;
    let can_add = passkeys_are_possible && passkeys.len() < PASSKEYS_MAX;
    let add = move || {
        can_add
            .then(|| view! { <LinkButton href="/account/factor?with=passkey">"Add passkey"</LinkButton> })
            .into_any()
    };
    let content = if passkeys.is_empty() {
        let sentence = if passkeys_are_possible {
            "None. With a passkey you sign in by fingerprint, face or PIN, without a password."
        } else {
            "Not possible here: browsers want https and a name for them, not an IP address."
        };
        view! { <p class="quiet">{sentence}</p> }.into_any()
    } else {
        let rows = passkeys
            .into_iter()
            .map(move |passkey| view! { <Row passkey can_remove=!is_last rename remove/> })
            .collect_view();
        view! {
            <Table label="Your passkeys">
                <thead>
                    <tr>
                        <th scope="col" class="main">"Name"</th>
                        <th scope="col" class="sub">"Last used"</th>
                        <th scope="col">"Added"</th>
                        <th scope="col" class="aside"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </Table>
        }
        .into_any()
    };
    view! { <Panel title="Passkeys" actions=add>{content}</Panel> }
}

#[component]
fn Row(
    passkey: PasskeyView,
    can_remove: bool,
    rename: ServerAction<RenamePasskey>,
    remove: ServerAction<RemovePasskey>,
) -> impl IntoView {
    let query = use_query_map();
    let PasskeyView { id, passkey_name: name, created_at, last_used_at } = passkey;
    let is_renamed = Memo::new(move |_| query.with(|query| query.get("rename")) == Some(id.to_string()));
    let title = format!("Remove {name}?");
    let first = {
        let name = name.clone();
        move || {
            if is_renamed.get() {
                view! { <RenameForm id=id.to_string() name=name.clone() rename/> }.into_any()
            } else {
                name.clone().into_any()
            }
        }
    };
    view! {
        <tr>
            <td class="main">{first}</td>
            <td class="sub"><OptionTime at=last_used_at/></td>
            <td><Time at=created_at/></td>
            <td class="aside row-actions">
                <div class="row-buttons">
                    <a
                        class="button"
                        href=format!("/account?rename={id}")
                        aria-label=format!("Rename {name}")
                        data-noscroll="true"
                    >
                        "Rename"
                    </a>
                    {can_remove.then(|| view! {
                        <Confirm action=remove label="Remove" title confirm="Remove">
                            <p>"It opens this account no longer, and your other sessions end. Delete it on the device too."</p>
                            <Hidden name="id" value=id.to_string()/>
                        </Confirm>
                    })}
                </div>
            </td>
        </tr>
    }
}

#[component]
fn RenameForm(id: String, name: String, rename: ServerAction<RenamePasskey>) -> impl IntoView {
    let navigate = use_navigate();
    Effect::new(move |former: Option<usize>| {
        let version = rename.version().get();
        let is_done = rename.value().with_untracked(|value| matches!(value, Some(Ok(()))));
        if is_done && former.is_some_and(|former| former != version) {
            navigate(
                "/account",
                NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() },
            );
        }
        version
    });
    view! {
        <Form action=rename class="form form-row rename-form">
            <Hidden name="id" value=id/>
            <Field name="name" label="Name" value=name max_length=NAME_MAX required=true autofocus=true/>
            <Submit kind=ButtonKind::Plain>"Save"</Submit>
            <a class="button button-quiet" href="/account" data-noscroll="true">"Cancel"</a>
        </Form>
    }
}
