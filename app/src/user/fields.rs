//! The fields of a user, to invite one and to change one. What a role does not need is hidden where the browser can,
//! and left to the server where it cannot.

use super::{choices::Choices, reach::ReachFields};
use crate::{
    business::Offered,
    custom_role::PermissionBoxes,
    layout::use_me,
    ui::{Choice, Field, Hidden, Select},
};
use entity::{
    custom_role::CustomRoleView,
    id::BusinessId,
    input::NAME_MAX,
    policy::Permissions,
    user::{Me, Role, UserView},
};
use leptos::prelude::*;

/// Name, address, role, permissions and reach; filled with those of `user` when there is one.
#[component]
pub(super) fn UserFields(
    /// What there is to choose from.
    choices: Choices,
    /// Who is changed.
    #[prop(optional)]
    user: Option<UserView>,
    /// The business chosen at first.
    #[prop(optional_no_strip)]
    business_id: Option<BusinessId>,
) -> impl IntoView {
    let me = use_me();
    let mut roles = offered_roles(&me, &choices.roles);
    // The MSP's people stay the MSP's, and a customer's stay theirs.
    if let Some(user) = &user {
        roles.retain(|role| role.is_msp() == user.role.is_msp());
    }
    let first = user.as_ref().map_or_else(|| first_role(&me, business_id), |user| user.role);
    let role = RwSignal::new(first);
    // A disabled field is not sent. Without JavaScript nothing could enable it again, so there none is disabled.
    let follows = RwSignal::new(false);
    Effect::new(move |_| follows.set(true));
    let is_for_customer = Signal::derive(move || follows.get() && !role.get().is_msp());
    let needs_no_grants = Signal::derive(move || follows.get() && role.get() != Role::Technician);
    let choose = Callback::new(move |word: String| {
        if let Ok(chosen) = word.parse() {
            role.set(chosen);
        }
    });
    let is_msp = me.role.is_msp();
    let is_new = user.is_none();
    let business_id = user.as_ref().map_or(business_id, |user| user.business_id);
    let custom = user.as_ref().and_then(|user| user.custom_role.as_ref()).map(|role| role.id.to_string());
    let extra = user.as_ref().map(|user| user.extra_permissions.clone()).unwrap_or_default();
    let (name, email) =
        user.as_ref().map(|user| (user.full_name.clone(), user.email.clone())).unwrap_or_default();
    let grants = user.map(|user| user.grants).unwrap_or_default();
    let Choices { businesses, locations, roles: custom_roles } = choices;
    view! {
        <Field name="input[full_name]" label="Name" value=name required=true max_length=NAME_MAX autocomplete="off"/>
        <Field
            name="input[email]"
            label="Email"
            kind="email"
            value=email
            hint="They sign in with it."
            required=true
            max_length=NAME_MAX
            autocomplete="off"
        />
        <Select name="input[role]" label="Role" options=role_choices(&roles) value=first.word() required=true on_change=choose/>
        <CustomRoleField roles=custom_roles role follows chosen=custom.unwrap_or_default()/>
        {if is_msp && is_new {
            view! { <BusinessField businesses=businesses.clone() business_id role follows/> }.into_any()
        } else {
            business_id.map(|id| view! { <Hidden name="input[business_id]" value=id.to_string()/> }).into_any()
        }}
        <ExtraFields offered=me.permissions ticked=extra is_for_customer/>
        {is_msp.then(|| view! { <ReachFields businesses=businesses.page.items locations grants disabled=needs_no_grants/> })}
    }
}

/// Whose person it is; the MSP's own belong to no business.
#[component]
fn BusinessField(
    businesses: Offered,
    business_id: Option<BusinessId>,
    role: RwSignal<Role>,
    follows: RwSignal<bool>,
) -> impl IntoView {
    let choices = businesses.choices("Choose a business");
    view! {
        <fieldset class="plain-fieldset only-customer" disabled=move || follows.get() && role.get().is_msp()>
            <Select
                name="input[business_id]"
                label="Business"
                options=choices
                value=business_id.map(|id| id.to_string()).unwrap_or_default()
                hint="For a business owner or contact: the one business that they see."
            />
        </fieldset>
    }
}

/// A custom role for the role that is chosen; without JavaScript all of them, each with what it stands in for.
#[component]
fn CustomRoleField(
    roles: Vec<CustomRoleView>,
    role: RwSignal<Role>,
    follows: RwSignal<bool>,
    chosen: String,
) -> impl IntoView {
    if roles.is_empty() {
        return ().into_any();
    }
    let options = Signal::derive(move || {
        let fits = |custom: &&CustomRoleView| !follows.get() || custom.base_role == role.get();
        let choice = |custom: &CustomRoleView| {
            Choice::new(custom.id.to_string(), format!("{} ({})", custom.role_name, custom.base_role.label()))
        };
        let none = Choice::new("", "None: what the role allows");
        std::iter::once(none).chain(roles.iter().filter(fits).map(choice)).collect::<Vec<_>>()
    });
    view! {
        <Select
            name="input[custom_role_id]"
            label="Custom role"
            options
            value=chosen
            hint="Stands in for what the role allows. Who it reaches stays the same."
        />
    }
    .into_any()
}

/// Permissions beside those of the role.
#[component]
fn ExtraFields(offered: Permissions, ticked: Permissions, is_for_customer: Signal<bool>) -> impl IntoView {
    let is_open = !ticked.is_empty();
    view! {
        <details class="reach-more" open=is_open>
            <summary>"Extra permissions"</summary>
            <p class="field-hint">"Beside those of the role. You can give what you may do yourself."</p>
            <PermissionBoxes name="input[extra_permissions][]" offered ticked is_for_customer/>
        </details>
    }
}

/// The roles that this person can give: all of what one allows is theirs too, or a custom role makes it less.
fn offered_roles(me: &Me, custom: &[CustomRoleView]) -> Vec<Role> {
    let can_give = |role: &Role| {
        let is_theirs = me.permissions.include(&Permissions::of_role(*role));
        let is_lessened = custom
            .iter()
            .any(|custom| custom.base_role == *role && me.permissions.include(&custom.permissions));
        (me.role.is_msp() || !role.is_msp()) && (is_theirs || is_lessened)
    };
    Role::ALL.iter().copied().filter(can_give).collect()
}

fn first_role(me: &Me, business_id: Option<BusinessId>) -> Role {
    match (me.role.is_msp(), business_id) {
        (true, None) => Role::Technician,
        (true, Some(_)) => Role::BusinessOwner,
        (false, _) => Role::Contact,
    }
}

fn role_choices(roles: &[Role]) -> Vec<Choice> {
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
    roles.iter().map(choice).collect()
}
