//! The form that adds a user. What a role does not need is hidden where the browser can, and left to the server
//! where it cannot.

use super::calls::AddUser;
use crate::ui::{Checkbox, Choice, Field, Form, Panel, Select, Submit};
use entity::{business::BusinessView, id::BusinessId, input::NAME_MAX, user::Role};
use leptos::prelude::*;

/// Adds a user; leads to the page that shows the one-time password.
#[component]
pub(super) fn AddUserPanel(businesses: Vec<BusinessView>, business_id: Option<BusinessId>) -> impl IntoView {
    let add = ServerAction::<AddUser>::new();
    let first = if business_id.is_some() { Role::BusinessOwner } else { Role::Technician };
    let role = RwSignal::new(first);
    // A disabled field is not sent. Without JavaScript nothing could enable it again, so there none is disabled.
    let follows = RwSignal::new(false);
    Effect::new(move |_| follows.set(true));
    let needs_no_business = move || follows.get() && role.get().is_msp();
    let needs_no_grants = move || follows.get() && role.get() != Role::Technician;
    let choose = Callback::new(move |word: String| {
        if let Ok(chosen) = word.parse() {
            role.set(chosen);
        }
    });
    let none = Choice::new("", "Choose a business");
    let choices = businesses
        .iter()
        .map(|business| Choice::new(business.id.to_string(), business.business_name.clone()));
    let choices: Vec<Choice> = std::iter::once(none).chain(choices).collect();
    view! {
        <div id="add">
            <Panel title="Add a user">
                <Form action=add class="form user-form">
                    <Field name="input[full_name]" label="Name" required=true max_length=NAME_MAX autocomplete="off"/>
                    <Field
                        name="input[email]"
                        label="Email"
                        kind="email"
                        hint="They sign in with it."
                        required=true
                        max_length=NAME_MAX
                        autocomplete="off"
                    />
                    <Select
                        name="input[role]"
                        label="Role"
                        options=role_choices()
                        value=first.word()
                        required=true
                        on_change=choose
                    />
                    <fieldset class="plain-fieldset only-customer" disabled=needs_no_business>
                        <Select
                            name="input[business_id]"
                            label="Business"
                            options=choices
                            value=business_id.map(|id| id.to_string()).unwrap_or_default()
                            hint="For a business owner or contact: the one business that they see."
                        />
                    </fieldset>
                    <Grants businesses disabled=Signal::derive(needs_no_grants)/>
                    <Submit>"Add user"</Submit>
                </Form>
            </Panel>
        </div>
    }
}

#[component]
fn Grants(businesses: Vec<BusinessView>, disabled: Signal<bool>) -> impl IntoView {
    let boxes = businesses.into_iter().map(|business| {
        view! { <Checkbox name="input[granted][]" label=business.business_name value=business.id.to_string()/> }
    });
    view! {
        <fieldset class="plain-fieldset only-technician" disabled=move || disabled.get()>
            <legend class="field-label">"Granted businesses"</legend>
            <p class="field-hint">"For a technician: the businesses that they see and work on."</p>
            <div class="checkbox-columns">{boxes.collect_view()}</div>
        </fieldset>
    }
}

fn role_choices() -> Vec<Choice> {
    let words = |role: Role| match role {
        Role::MspAdmin => "every business, everything",
        Role::Technician => "the businesses granted to them",
        Role::Auditor => "sees everything, changes nothing",
        Role::BusinessOwner => "the customer's own administrator",
        Role::Contact => "somebody at the customer, reading",
    };
    let choice = |role: &Role| {
        let group = if role.is_msp() { "Your own people" } else { "People of a business" };
        Choice::new(role.word(), format!("{}: {}", role.label(), words(*role))).under(group)
    };
    Role::ALL.iter().map(choice).collect()
}
