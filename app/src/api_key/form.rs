//! The form that makes a key.

use super::calls::AddKey;
use crate::ui::{Checkbox, Choice, Field, Form, Hidden, Panel, Select, Submit};
use entity::{
    api_key::{EXPIRES_IN_DAYS_DEFAULT, EXPIRES_IN_DAYS_MAX},
    id::UserId,
    input::NAME_MAX,
    policy::{Action, Permissions},
};
use leptos::prelude::*;

/// Longest list of networks that the field takes, in characters.
const NETWORKS_LENGTH_MAX: usize = 1_600;
/// How long a key can work, in days.
const LIVES: [(u32, &str); 5] = [
    (7, "A week"),
    (30, "30 days"),
    (EXPIRES_IN_DAYS_DEFAULT, "90 days"),
    (180, "180 days"),
    (EXPIRES_IN_DAYS_MAX, "A year"),
];

/// Makes a key; leads to the page that shows its secret once.
#[component]
pub(crate) fn AddKeyPanel(
    /// The service account that it acts as; oneself when absent.
    #[prop(optional)]
    service_account_id: Option<UserId>,
    /// What both its maker and whom it acts as may do.
    permissions: Permissions,
) -> impl IntoView {
    let add = ServerAction::<AddKey>::new();
    let lives = LIVES.map(|(days, label)| Choice::new(days.to_string(), label)).to_vec();
    view! {
        <div id="add">
            <Panel title="Make an API key">
                <Form action=add>
                    {service_account_id.map(|id| {
                        view! { <Hidden name="input[service_account_id]" value=id.to_string()/> }
                    })}
                    <Field
                        name="input[key_name]"
                        label="Name"
                        hint="What uses it, such as backup report. The audit log shows this name."
                        required=true
                        max_length=NAME_MAX
                        autocomplete="off"
                    />
                    <Scopes permissions/>
                    <Select
                        name="input[expires_in_days]"
                        label="Works for"
                        options=lives
                        value=EXPIRES_IN_DAYS_DEFAULT.to_string()
                    />
                    <Field
                        name="input[allowed_networks]"
                        label="Only from"
                        hint="Addresses or networks such as 192.0.2.0/24, with spaces between them. Empty: from anywhere."
                        max_length=NETWORKS_LENGTH_MAX
                        autocomplete="off"
                        mono=true
                    />
                    <Submit>"Make key"</Submit>
                </Form>
            </Panel>
        </div>
    }
}

/// What the key may do beside reading. What needs a person to confirm is no choice.
#[component]
fn Scopes(permissions: Permissions) -> impl IntoView {
    let choices: Vec<_> = permissions.iter().filter(|action| !action.needs_confirmation()).collect();
    if choices.is_empty() {
        return view! { <p class="field-hint">"It can read what it reaches, and nothing else."</p> }
            .into_any();
    }
    let boxes = choices.into_iter().map(|action: Action| {
        view! { <Checkbox name="input[permissions][]" label=action.label() value=action.word()/> }
    });
    view! {
        <fieldset class="plain-fieldset">
            <legend class="field-label">"May also"</legend>
            <p class="field-hint">
                "It can read devices, businesses and locations in any case. What asks people to confirm who they are, no key can do."
            </p>
            <div class="checkbox-columns">{boxes.collect_view()}</div>
        </fieldset>
    }
    .into_any()
}
