//! Giving a device to another business.

use super::{calls::TransferDevice, page::Shown};
use crate::{
    business::calls::list_businesses,
    error::PortalError,
    service_location::calls::list_locations,
    ui::{Choice, Confirm, Hidden, Select},
};
use entity::{
    business::BusinessView, device::DeviceView, id::BusinessId, service_location::ServiceLocationView,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// Where a device can go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Elsewhere {
    businesses: Vec<BusinessView>,
    locations: Vec<ServiceLocationView>,
}

impl Elsewhere {
    /// Loads where it can go: everywhere but where it is.
    pub(super) async fn load(from: BusinessId) -> Result<Self, PortalError> {
        let mut businesses = list_businesses().await?;
        businesses.retain(|business| business.id != from);
        let mut locations = list_locations(None).await?;
        locations.retain(|place| place.business_id != from);
        Ok(Self { businesses, locations })
    }
}

/// Asks where to, and for the name of the device.
#[component]
pub(super) fn TransferForm(
    device: DeviceView,
    elsewhere: Elsewhere,
    shown: Shown,
    transfer: ServerAction<TransferDevice>,
) -> impl IntoView {
    if elsewhere.businesses.is_empty() {
        return ().into_any();
    }
    let Elsewhere { businesses, locations } = elsewhere;
    let to = RwSignal::new(None::<BusinessId>);
    // Without JavaScript nothing follows the choice, so there every place is offered with its business.
    let follows = RwSignal::new(false);
    Effect::new(move |_| follows.set(true));
    let choose = Callback::new(move |id: String| to.set(id.parse().ok()));
    let options: Vec<Choice> = std::iter::once(Choice::new("", "Choose a business"))
        .chain(
            businesses
                .into_iter()
                .map(|business| Choice::new(business.id.to_string(), business.business_name)),
        )
        .collect();
    let places = Signal::derive(move || {
        let fits = |place: &&ServiceLocationView| !follows.get() || to.get() == Some(place.business_id);
        let choice = |place: &ServiceLocationView| {
            let label = if follows.get() {
                place.location_name.clone()
            } else {
                format!("{}: {}", place.business_name, place.location_name)
            };
            Choice::new(place.id.to_string(), label)
        };
        let none = Choice::new("", "No service location");
        std::iter::once(none).chain(locations.iter().filter(fits).map(choice)).collect::<Vec<_>>()
    });
    view! {
        <Confirm
            action=transfer
            label="Move to another business"
            title=format!("Move {} to another business?", device.device_name)
            confirm="Move"
            type_name=device.device_name
        >
            <p>
                "Its history goes with it: from then on the people of the other business see it, and those of this one \
                 do not. The agent reconnects by itself."
            </p>
            <Hidden name="id" value=shown.id.to_string()/>
            <Select name="input[business_id]" label="Business" options required=true on_change=choose/>
            <Select name="input[service_location_id]" label="Service location there" options=places/>
        </Confirm>
    }
    .into_any()
}
