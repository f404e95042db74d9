//! The form that makes a service account. What a role does not need is hidden where the browser can, as in the form
//! of people.

use super::calls::AddServiceAccount;
use crate::{
    business::{FindBusiness, Offered},
    layout::use_me,
    ui::{Checkbox, Choice, Field, Form, Panel, Select, Submit},
};
use entity::{
    business::BusinessChoice,
    input::NAME_MAX,
    policy::Permissions,
    user::{Me, Role},
};
use leptos::prelude::*;

/// Makes a service account; leads to its page, where keys are made.
#[component]
pub(super) fn AddServiceAccountPanel(businesses: Offered) -> impl IntoView {
    let me = use_me();
    let add = ServerAction::<AddServiceAccount>::new();
    let roles = role_choices(&me);
    let first = roles.first().map_or(Role::Contact, |(role, _)| *role);
    let choices: Vec<Choice> = roles.into_iter().map(|(_, choice)| choice).collect();
    let role = RwSignal::new(first);
    // A disabled field is not sent. Without JavaScript nothing could enable it again, so there none is disabled.
    let follows = RwSignal::new(false);
    Effect::new(move |_| follows.set(true));
    let choose = Callback::new(move |word: String| {
        if let Ok(chosen) = word.parse() {
            role.set(chosen);
        }
    });
    let is_msp = me.role.is_msp();
    let needs_no_grants = move || follows.get() && role.get() != Role::Technician;
    let needs_no_business = move || follows.get() && role.get().is_msp();
    view! {
        <div id="add">
            <Panel title="Make a service account">
                <FindBusiness offered=businesses.clone()/>
                <Form action=add class="form user-form">
                    <Field
                        name="input[full_name]"
                        label="Name"
                        hint="The program, such as ticket system."
                        required=true
                        max_length=NAME_MAX
                        autocomplete="off"
                    />
                    <Select
                        name="input[role]"
                        label="Role"
                        options=choices
                        value=first.word()
                        required=true
                        on_change=choose
                    />
                    <fieldset class="plain-fieldset only-customer" disabled=needs_no_business>
                        <Select
                            name="input[business_id]"
                            label="Business"
                            options=business_choices(&businesses, is_msp)
                            hint="The one business that it sees."
                        />
                    </fieldset>
                    {is_msp.then(|| view! { <Grants businesses=businesses.page.items disabled=Signal::derive(needs_no_grants)/> })}
                    <Submit>"Make service account"</Submit>
                </Form>
            </Panel>
        </div>
    }
}

#[component]
fn Grants(businesses: Vec<BusinessChoice>, disabled: Signal<bool>) -> impl IntoView {
    let boxes = businesses.into_iter().map(|business| {
        view! { <Checkbox name="input[granted][]" label=business.business_name value=business.id.to_string()/> }
    });
    view! {
        <fieldset class="plain-fieldset only-technician" disabled=move || disabled.get()>
            <legend class="field-label">"Granted businesses"</legend>
            <p class="field-hint">"For a technician: the businesses that it sees and works on."</p>
            <Checkbox name="input[every_business]" label="Every business, those to come too"/>
            <div class="checkbox-columns">{boxes.collect_view()}</div>
        </fieldset>
    }
}

/// The roles that this person can hand on.
fn role_choices(me: &Me) -> Vec<(Role, Choice)> {
    let words = |role: Role| match role {
        Role::MspAdmin => "every business, all that a key can be allowed",
        Role::Technician => "the businesses granted to it",
        Role::Auditor => "sees everything, changes nothing",
        Role::BusinessOwner => "one business, with its people and its audit log",
        Role::Contact => "one business, reading",
    };
    // The least first: a program rarely needs more.
    let offered = [Role::Contact, Role::BusinessOwner, Role::Technician, Role::Auditor, Role::MspAdmin];
    let may_hand_on = |role: &Role| {
        (me.role.is_msp() || !role.is_msp()) && me.permissions.include(&Permissions::of_role(*role))
    };
    let choice = |role: Role| {
        let group = if role.is_msp() { "Your own programs" } else { "Programs of a business" };
        (role, Choice::new(role.word(), format!("{}: {}", role.label(), words(role))).under(group))
    };
    offered.into_iter().filter(may_hand_on).map(choice).collect()
}

/// A customer has one business, and it is theirs.
fn business_choices(businesses: &Offered, is_msp: bool) -> Vec<Choice> {
    let mut choices = businesses.choices("Choose a business");
    if !is_msp {
        choices.remove(0);
    }
    choices
}
