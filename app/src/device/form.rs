//! What a person may do to a device: rename or move it, give it to another business, and revoke it.

use super::{
    calls::{TransferDevice, get_device},
    page::Shown,
    transfer::{Elsewhere, TransferForm},
};
use crate::{
    business::use_business_like,
    error::PortalError,
    layout::{refetch_after, use_me},
    service_location::{calls::offer_locations, location_choices},
    ui::{Confirm, Field, Form, Hidden, Load, Notice, Panel, Select, StatusKind, Submit},
};
use entity::{
    device::{DeviceEvent, DeviceView},
    id::DeviceId,
    input::NAME_MAX,
    policy::Action,
    service_location::ServiceLocationChoice,
};
use leptos::prelude::*;

/// The actions that this person may take on this device; nothing when there are none.
#[component]
pub(super) fn DeviceActions(shown: Shown) -> impl IntoView {
    let me = use_me();
    let can_change = me.may(Action::ManageDevice);
    let can_revoke = me.may(Action::RevokeDevice);
    let can_move = me.may(Action::MoveDevice);
    if !can_change && !can_revoke && !can_move {
        return ().into_any();
    }
    let like = use_business_like();
    let found = Resource::new(move || like.get(), move |like| load(shown.id, can_change, can_move, like));
    let transfer = ServerAction::<TransferDevice>::new();
    refetch_after(transfer, shown.device);
    refetch_after(transfer, found);
    refetch_after(shown.change, found);
    refetch_after(shown.revoke, found);
    view! {
        <Panel title="Change this device">
            <Load resource=found skeleton=2 let:found>
                {
                    let (device, locations, elsewhere) = found;
                    if device.state.on(DeviceEvent::Revoke).is_none() {
                        return view! { <Revoked/> }.into_any();
                    }
                    let name = device.device_name.clone();
                    let moved = device.clone();
                    view! {
                        {can_change.then(|| view! { <ChangeForm device locations shown/> })}
                        {can_move.then(|| view! { <TransferForm device=moved elsewhere shown transfer/> })}
                        {can_revoke.then(|| view! { <RevokeForm name shown/> })}
                    }
                    .into_any()
                }
            </Load>
        </Panel>
    }
    .into_any()
}

type Found = (DeviceView, Vec<ServiceLocationChoice>, Elsewhere);

async fn load(
    id: DeviceId,
    can_change: bool,
    can_move: bool,
    like: Option<String>,
) -> Result<Found, PortalError> {
    let device = get_device(id).await?;
    let locations = if can_change {
        offer_locations(Some(device.business_id), None, device.service_location_id).await?.items
    } else {
        Vec::new()
    };
    let elsewhere =
        if can_move { Elsewhere::load(device.business_id, like).await? } else { Elsewhere::default() };
    Ok((device, locations, elsewhere))
}

#[component]
fn Revoked() -> impl IntoView {
    view! {
        <Notice kind=StatusKind::Off>
            "This device was revoked. To manage the machine again, add it as a new device."
        </Notice>
    }
}

#[component]
fn ChangeForm(device: DeviceView, locations: Vec<ServiceLocationChoice>, shown: Shown) -> impl IntoView {
    view! {
        <Form action=shown.change>
            <Hidden name="id" value=device.id.to_string()/>
            <Field name="input[device_name]" label="Name" value=device.device_name required=true max_length=NAME_MAX/>
            <Select
                name="input[service_location_id]"
                label="Service location"
                options=location_choices(&locations, "", false, true)
                value=device.service_location_id.map(|id| id.to_string()).unwrap_or_default()
            />
            <Submit>"Save"</Submit>
        </Form>
    }
}

#[component]
fn RevokeForm(name: String, shown: Shown) -> impl IntoView {
    view! {
        <Confirm
            action=shown.revoke
            label="Revoke device"
            title=format!("Revoke {name}?")
            confirm="Revoke for good"
            type_name=name
        >
            <p>
                "Its connection ends at once and its credential never works again. What it reported is kept. \
                 To manage the machine again, it has to be added anew."
            </p>
            <Hidden name="id" value=shown.id.to_string()/>
        </Confirm>
    }
}
