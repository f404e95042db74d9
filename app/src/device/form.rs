//! What a person may do to a device: rename or move it, and revoke it.

use super::page::Shown;
use crate::{
    layout::use_me,
    service_location::calls::list_locations,
    ui::{Choice, Confirm, Field, Form, Hidden, Load, Notice, Panel, Select, StatusKind, Submit},
};
use entity::{
    device::{DeviceEvent, DeviceView},
    input::NAME_MAX,
    policy::{Action, may},
    service_location::ServiceLocationView,
};
use leptos::prelude::*;

/// The actions that this person may take on this device; nothing when there are none.
#[component]
pub(super) fn DeviceActions(shown: Shown) -> impl IntoView {
    let role = use_me().role;
    let can_change = may(role, Action::ManageDevice);
    let can_revoke = may(role, Action::RevokeDevice);
    let is_active =
        Memo::new(move |_| shown.device.with(|device| device.state.on(DeviceEvent::Revoke).is_some()));
    move || match (is_active.get(), can_change || can_revoke) {
        (_, false) => ().into_any(),
        (false, true) => view! {
            <Panel title="Change this device">
                <Notice kind=StatusKind::Off>
                    "This device was revoked. To manage the machine again, add it as a new device."
                </Notice>
            </Panel>
        }
        .into_any(),
        (true, true) => view! {
            <Panel title="Change this device">
                {can_change.then(|| view! { <ChangeForm shown/> })}
                {can_revoke.then(|| view! { <RevokeForm shown/> })}
            </Panel>
        }
        .into_any(),
    }
}

#[component]
fn ChangeForm(shown: Shown) -> impl IntoView {
    let business_id = shown.device.with_untracked(|device| device.business_id);
    let locations = Resource::new(move || business_id, |id| list_locations(Some(id)));
    view! {
        <Load resource=locations skeleton=2 let:locations>
            {
                let DeviceView { id, device_name, service_location_id, .. } = shown.device.get_untracked();
                view! {
                    <Form action=shown.change>
                        <Hidden name="id" value=id.to_string()/>
                        <Field name="input[device_name]" label="Name" value=device_name required=true max_length=NAME_MAX/>
                        <Select
                            name="input[service_location_id]"
                            label="Service location"
                            options=location_choices(&locations)
                            value=service_location_id.map(|id| id.to_string()).unwrap_or_default()
                        />
                        <Submit>"Save"</Submit>
                    </Form>
                }
            }
        </Load>
    }
}

fn location_choices(locations: &[ServiceLocationView]) -> Vec<Choice> {
    let none = Choice::new("", "No service location");
    let places = locations.iter().map(|place| Choice::new(place.id.to_string(), place.location_name.clone()));
    std::iter::once(none).chain(places).collect()
}

#[component]
fn RevokeForm(shown: Shown) -> impl IntoView {
    let name = Memo::new(move |_| shown.device.with(|device| device.device_name.clone()));
    move || {
        let name = name.get();
        view! {
            <Confirm
                action=shown.revoke
                label="Revoke device"
                title=format!("Revoke {name}?")
                confirm="Revoke for good"
                type_name=name.clone()
            >
                <p>
                    "Its connection ends at once and its credential never works again. What it reported is kept. \
                     To manage the machine again, it has to be added anew."
                </p>
                <Hidden name="id" value=shown.id.to_string()/>
            </Confirm>
        }
    }
}
