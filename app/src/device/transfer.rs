//! Giving a device to another business.

use super::{calls::TransferDevice, page::Shown};
use crate::{
    business::{FindBusiness, Offered, offered},
    error::PortalError,
    service_location::{calls::offer_locations, location_choices},
    ui::{Confirm, Hidden, Select},
};
use entity::{device::DeviceView, id::BusinessId, page::Page, service_location::ServiceLocationChoice};
use leptos::{prelude::*, task::spawn_local};
use serde::{Deserialize, Serialize};

/// Where a device can go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Elsewhere {
    businesses: Offered,
    locations: Page<ServiceLocationChoice>,
}

impl Elsewhere {
    /// Loads where it can go: everywhere but where it is.
    pub(super) async fn load(from: BusinessId, like: Option<String>) -> Result<Self, PortalError> {
        let mut businesses = offered(like, None).await?;
        businesses.page.items.retain(|business| business.id != from);
        let mut locations = offer_locations(None, None, None).await?;
        locations.items.retain(|place| place.business_id != from);
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
    let Elsewhere { businesses, locations } = elsewhere;
    if businesses.page.items.is_empty() && !businesses.needs_search() {
        return ().into_any();
    }
    let to = RwSignal::new(String::new());
    // Without JavaScript nothing follows the choice, so there every place is offered under its business.
    let follows = RwSignal::new(false);
    Effect::new(move |_| follows.set(true));
    let is_whole = locations.next_cursor.is_none();
    let locations = RwSignal::new(locations.items);
    let choose = Callback::new(move |chosen: String| {
        to.set(chosen.clone());
        let Some(id) = chosen.parse().ok().filter(|_| !is_whole) else { return };
        spawn_local(async move {
            if let Ok(page) = offer_locations(Some(id), None, None).await {
                locations.set(page.items);
            }
        });
    });
    let options = businesses.choices("Choose a business");
    let places = Signal::derive(move || {
        locations.with(|locations| location_choices(locations, &to.get(), follows.get(), false))
    });
    view! {
        <FindBusiness offered=businesses/>
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
