//! Keys as a table, and how one of them stands.

use crate::ui::{Exact, OptionTime, Status, StatusKind, Table, clock::use_now};
use chrono::{DateTime, Utc};
use entity::api_key::ApiKeyView;
use leptos::prelude::*;

/// The keys, newest first.
#[component]
pub(crate) fn KeyTable(
    /// The keys.
    keys: Vec<ApiKeyView>,
    /// True to say whom each acts as.
    #[prop(optional)]
    with_owner: bool,
) -> impl IntoView {
    let rows = keys.into_iter().map(move |key| view! { <KeyRow key with_owner/> });
    view! {
        <Table label="API keys">
            <thead>
                <tr>
                    <th scope="col" class="main">"Name"</th>
                    {with_owner.then(|| view! { <th scope="col" class="sub">"Acts as"</th> })}
                    <th scope="col">"Ends in"</th>
                    <th scope="col" class="aside">"State"</th>
                    <th scope="col" class="sub-aside">"Works until"</th>
                    <th scope="col">"Last used"</th>
                    <th scope="col">"From"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </Table>
    }
}

#[component]
fn KeyRow(key: ApiKeyView, with_owner: bool) -> impl IntoView {
    view! {
        <tr>
            <td class="main"><a class="row-link" href=format!("/api-keys/{}", key.id)>{key.key_name.clone()}</a></td>
            {with_owner.then(|| view! { <td class="sub">{key.user_name.clone()}</td> })}
            <td class="mono">{key.hint.clone()}</td>
            <td class="aside"><KeyStatus key=key.clone()/></td>
            <td class="sub-aside"><Exact at=key.expires_at/></td>
            <td><OptionTime at=key.last_used_at/></td>
            <td class="mono">{key.last_used_ip}</td>
        </tr>
    }
}

/// Working, expired, revoked, or its owner switched off.
#[component]
pub(super) fn KeyStatus(key: ApiKeyView) -> impl IntoView {
    let now = use_now();
    move || {
        let (kind, word) = standing(&key, now.get());
        view! { <Status kind word/> }
    }
}

fn standing(key: &ApiKeyView, now: DateTime<Utc>) -> (StatusKind, &'static str) {
    if key.revoked_at.is_some() {
        (StatusKind::Off, "Revoked")
    } else if key.expires_at <= now {
        (StatusKind::Off, "Expired")
    } else if key.works_at(now) {
        (StatusKind::Ok, "Working")
    } else {
        (StatusKind::Off, "Owner switched off")
    }
}
