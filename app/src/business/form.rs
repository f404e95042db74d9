//! The forms that add a business and give it another name.

use super::calls::{AddBusiness, RenameBusiness};
use crate::ui::{Field, Form, Hidden, Panel, Submit};
use entity::{business::BusinessView, input::NAME_MAX};
use leptos::prelude::*;

/// Adds a business.
#[component]
pub(super) fn AddBusinessPanel() -> impl IntoView {
    let add = ServerAction::<AddBusiness>::new();
    view! {
        <div id="add">
            <Panel title="Add a business">
                <Form action=add class="form form-row">
                    <Field
                        name="input[business_name]"
                        label="Name"
                        required=true
                        max_length=NAME_MAX
                        autocomplete="off"
                    />
                    <Submit>"Add business"</Submit>
                </Form>
            </Panel>
        </div>
    }
}

/// Gives a business another name.
#[component]
pub(super) fn RenamePanel(business: BusinessView, rename: ServerAction<RenameBusiness>) -> impl IntoView {
    view! {
        <Panel title="Rename">
            <Form action=rename class="form form-row">
                <Hidden name="id" value=business.id.to_string()/>
                <Field
                    name="input[business_name]"
                    label="Name"
                    value=business.business_name
                    required=true
                    max_length=NAME_MAX
                    autocomplete="off"
                />
                <Submit>"Save"</Submit>
            </Form>
        </Panel>
    }
}
