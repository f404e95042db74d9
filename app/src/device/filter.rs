//! The filters over the list of devices. Their state is the URL.

use super::query;
use crate::{
    business::calls::list_businesses,
    error::PortalError,
    layout::use_me,
    service_location::calls::list_locations,
    ui::{Choice, FilterBar, FilterSearch, FilterSelect, Hidden, Load},
};
use entity::{
    business::BusinessView, device::DeviceQuery, id::BusinessId, platform::Os, presence::Presence,
    service_location::ServiceLocationView,
};
use leptos::prelude::*;

/// What the filters offer.
type Places = (Vec<BusinessView>, Vec<ServiceLocationView>);

/// One line of controls. Service locations are offered once they are those of one business.
#[component]
pub(super) fn DeviceFilter(asked: Memo<DeviceQuery>) -> impl IntoView {
    let is_msp = use_me().role.is_msp();
    let places = Resource::new(
        move || asked.with(|asked| asked.business_id),
        move |business_id| load_places(is_msp, business_id),
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

async fn load_places(is_msp: bool, business_id: Option<BusinessId>) -> Result<Places, PortalError> {
    Ok(match (is_msp, business_id) {
        (true, None) => (list_businesses().await?, Vec::new()),
        (true, Some(_)) => (list_businesses().await?, list_locations(business_id).await?),
        (false, _) => (Vec::new(), list_locations(None).await?),
    })
}

#[component]
fn Controls(
    asked: DeviceQuery,
    is_msp: bool,
    businesses: Vec<BusinessView>,
    locations: Vec<ServiceLocationView>,
) -> impl IntoView {
    let text = |value: Option<String>| value.unwrap_or_default();
    let business_id = text(asked.business_id.map(|id| id.to_string()));
    let location_id = text(asked.service_location_id.map(|id| id.to_string()));
    view! {
        <FilterBar action=query::PATH>
            <FilterSearch label="Search name, host, address, OS" value=text(asked.search)/>
            {is_msp.then(|| view! {
                <FilterSelect
                    name="business_id"
                    label="Business"
                    options=choices("All businesses", businesses.iter().map(|b| (b.id.to_string(), b.business_name.clone())))
                    value=business_id.clone()
                />
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
