//! The form that makes or changes a role.

use super::permissions::PermissionBoxes;
use crate::{
    layout::use_me,
    ui::{Choice, Field, Hidden, Select},
};
use entity::{custom_role::CustomRoleView, input::NAME_MAX, user::Role};
use leptos::prelude::*;

/// Name, the role it stands in for, and permissions; filled with those of `role` when there is one.
#[component]
pub(super) fn RoleFields(#[prop(optional)] role: Option<CustomRoleView>) -> impl IntoView {
    let offered = use_me().permissions;
    let base = RwSignal::new(role.as_ref().map_or(Role::Technician, |role| role.base_role));
    // A disabled field is not sent. Without JavaScript nothing could enable it again, so there none is disabled.
    let follows = RwSignal::new(false);
    Effect::new(move |_| follows.set(true));
    let is_for_customer = Signal::derive(move || follows.get() && !base.get().is_msp());
    let choose = Callback::new(move |word: String| {
        if let Ok(chosen) = word.parse() {
            base.set(chosen);
        }
    });
    let is_new = role.is_none();
    let (name, ticked) = role.map(|role| (role.role_name, role.permissions)).unwrap_or_default();
    view! {
        <Field
            name="input[role_name]"
            label="Name"
            value=name
            required=true
            max_length=NAME_MAX
            autocomplete="off"
        />
        {if is_new {
            view! {
                <Select
                    name="input[base_role]"
                    label="Stands in for"
                    options=base_choices()
                    value=base.get_untracked().word()
                    hint="Decides what its people reach, and stays as it is."
                    required=true
                    on_change=choose
                />
            }
            .into_any()
        } else {
            view! { <Hidden name="input[base_role]" value=base.get_untracked().word()/> }.into_any()
        }}
        <fieldset class="plain-fieldset">
            <legend class="field-label">"What it allows"</legend>
            <p class="field-hint">"You can give what you may do yourself."</p>
            <PermissionBoxes name="input[permissions][]" offered ticked is_for_customer/>
        </fieldset>
    }
}

fn base_choices() -> Vec<Choice> {
    let choice = |role: &Role| {
        let group = if role.is_msp() { "Your own people" } else { "People of a business" };
        Choice::new(role.word(), role.label()).under(group)
    };
    Role::ALL.iter().map(choice).collect()
}
