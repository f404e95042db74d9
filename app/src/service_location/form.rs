//! What is filled in about a service location, when it is added and when it is changed.

use crate::ui::{Checkbox, Field};
use entity::{input::NAME_MAX, service_location::ServiceLocationInput};
use leptos::prelude::*;

/// The fields, filled with what is known.
#[component]
pub fn LocationFields(
    /// What is known.
    input: ServiceLocationInput,
) -> impl IntoView {
    view! {
        <Field
            name="input[location_name]"
            label="Name"
            value=input.location_name
            required=true
            max_length=NAME_MAX
            autocomplete="off"
        />
        <Field
            name="input[address]"
            label="Address"
            value=input.address
            hint="Street, postal code and town on one line."
            max_length=NAME_MAX
            autocomplete="off"
        />
        <Field
            name="input[contact_person]"
            label="Contact person"
            value=input.contact_person
            max_length=NAME_MAX
            autocomplete="off"
        />
        <Field
            name="input[contact_phone]"
            label="Phone"
            kind="tel"
            value=input.contact_phone
            max_length=NAME_MAX
            autocomplete="off"
        />
        <Checkbox
            name="input[is_headquarters]"
            label="Headquarters"
            hint="The main place of the business."
            checked=input.is_headquarters
        />
    }
}
