//! The filters over the list of devices. Their state is the URL.

use super::query;
use crate::{
    business::{FilterBusiness, Offered, offered, use_business_like},
    error::PortalError,
    layout::use_me,
    service_location::calls::offer_locations,
    ui::{Choice, FilterBar, FilterSearch, FilterSelect, Hidden, Load},
};
use entity::{
    device::DeviceQuery,
    id::{BusinessId, ServiceLocationId},
    platform::Os,
    presence::Presence,
    service_location::ServiceLocationChoice,
};
use leptos::prelude::*;

/// What the filters offer.
type Places = (Offered, Vec<ServiceLocationChoice>);

/// One line of controls. Service locations are offered once they are those of one business.
#[component]
pub(super) fn DeviceFilter(asked: Memo<DeviceQuery>) -> impl IntoView {
    let is_msp = use_me().role.is_msp();
    let like = use_business_like();
    let chosen =
        Memo::new(move |_| asked.with(|asked| (like.get(), asked.business_id, asked.service_location_id)));
    let places = Resource::new(
        move || chosen.get(),
        move |(like, business, place)| load_places(is_msp, like, business, place),
    );
    view! {
        <Load resource=places skeleton=1 let:places>
            {
                let (businesses, locations) = places;
                move || {
                    let (businesses, locations) = (businesses.clone(), locations.clone());
                    view! { <Controls asked=asked.get() is_msp businesses locations/> }
                }
            }
        </Load>
    }
}

async fn load_places(
    is_msp: bool,
    like: Option<String>,
    business: Option<BusinessId>,
    place: Option<ServiceLocationId>,
) -> Result<Places, PortalError> {
    let businesses = if is_msp { offered(like, business).await? } else { Offered::default() };
    let locations = match (is_msp, business) {
        (true, None) => Vec::new(),
        (true, business) => offer_locations(business, None, place).await?.items,
        (false, _) => offer_locations(None, None, place).await?.items,
    };
    Ok((businesses, locations))
}

#[component]
fn Controls(
    asked: DeviceQuery,
    is_msp: bool,
    businesses: Offered,
    locations: Vec<ServiceLocationChoice>,
) -> impl IntoView {
    let text = |value: Option<String>| value.unwrap_or_default();
    let business_id = text(asked.business_id.map(|id| id.to_string()));
    let location_id = text(asked.service_location_id.map(|id| id.to_string()));
    view! {
        <FilterBar action=query::PATH>
            <FilterSearch label="Search name, host, address, OS" value=text(asked.search)/>
            {is_msp.then(|| view! {
                <FilterBusiness offered=businesses chosen=asked.business_id/>
            })}
            {(!locations.is_empty()).then(|| view! {
                <Hidden name=query::LOCATION_OF value=business_id.clone()/>
                <FilterSelect
                    name="service_location_id"
                    label="Service location"
                    options=choices("All locations", locations.iter().map(|l| (l.id.to_string(), l.location_name.clone())))
                    value=location_id
                />
            })}
            <FilterSelect
                name="status"
                label="Status"
                options=choices("Any status", Presence::ALL.iter().map(|p| (p.word().to_owned(), p.label().to_owned())))
                value=text(asked.status.map(|status| status.word().to_owned()))
            />
            <FilterSelect
                name="os"
                label="Operating system"
                options=choices("Any OS", Os::ALL.iter().map(|os| (os.word().to_owned(), os.label().to_owned())))
                value=text(asked.os.map(|os| os.word().to_owned()))
            />
            <FilterSelect
                name="services_wrong"
                label="Monitored services"
                options=vec![Choice::new("", "Any services"), Choice::new("true", "Services not as wanted")]
                value=if asked.services_wrong { "true" } else { "" }
            />
            {is_msp.then(|| view! {
                <FilterSelect
                    name="revoked"
                    label="Revoked devices"
                    options=vec![Choice::new("", "Without revoked"), Choice::new("true", "With revoked")]
                    value=if asked.revoked { "true" } else { "" }
                />
            })}
            {asked.sort.map(|sort| view! { <Hidden name="sort" value=sort.word()/> })}
            {asked.descending.then(|| view! { <Hidden name="descending" value="true"/> })}
        </FilterBar>
    }
}

fn choices(any: &str, values: impl Iterator<Item = (String, String)>) -> Vec<Choice> {
    let any = Choice::new("", any);
    std::iter::once(any).chain(values.map(|(value, label)| Choice::new(value, label))).collect()
}
