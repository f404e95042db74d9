//! What a technician reaches, as boxes to tick: businesses, single places of them, and what is out of reach.

use crate::ui::{Checkbox, Switch};
use entity::{
    business::BusinessChoice,
    id::{BusinessId, ServiceLocationId},
    service_location::ServiceLocationChoice,
    user::{Effect, GrantView},
};
use leptos::prelude::*;

/// The fields of what a technician reaches.
#[component]
pub(super) fn ReachFields(
    /// The businesses that there are.
    businesses: Vec<BusinessChoice>,
    /// Their places.
    locations: Vec<ServiceLocationChoice>,
    /// What is ticked at first.
    grants: Vec<GrantView>,
    /// True while the role has no use for it; what is disabled is not sent.
    disabled: Signal<bool>,
) -> impl IntoView {
    let (businesses, locations) = with_granted(businesses, locations, &grants);
    let has = |effect: Effect, is_place: bool| {
        grants.iter().any(|grant| {
            grant.effect == effect
                && grant.business_id.is_some()
                && grant.service_location_id.is_some() == is_place
        })
    };
    let is_every = grants.iter().any(|grant| grant.effect == Effect::Allow && grant.business_id.is_none());
    let (some_places, some_denied) =
        (has(Effect::Allow, true), has(Effect::Deny, false) || has(Effect::Deny, true));
    let ticked = move |effect: Effect| {
        let grants = grants.clone();
        move |business: BusinessId, place: Option<ServiceLocationId>| {
            grants.iter().any(|grant| {
                grant.effect == effect
                    && grant.business_id == Some(business)
                    && grant.service_location_id == place
            })
        }
    };
    let (allowed, denied) = (ticked(Effect::Allow), ticked(Effect::Deny));
    let granted = business_boxes("input[granted][]", &businesses, &allowed);
    let granted_places = place_boxes("input[granted_locations][]", &locations, &allowed);
    let denied_businesses = business_boxes("input[denied][]", &businesses, &denied);
    let denied_places = place_boxes("input[denied_locations][]", &locations, &denied);
    let has_places = !locations.is_empty();
    view! {
        <fieldset class="plain-fieldset only-technician reach" disabled=move || disabled.get()>
            <legend class="field-label">"What they reach"</legend>
            <Switch
                name="input[every_business]"
                label="Every business"
                hint="Also those that are added later."
                checked=is_every
            />
            <div role="group" aria-label="Granted businesses">
                <p class="reach-title">"Granted businesses"</p>
                <div class="checkbox-columns">{granted}</div>
            </div>
            {has_places.then(|| view! {
                <details class="reach-more" open=some_places>
                    <summary>"Single service locations"</summary>
                    <div role="group" aria-label="Granted service locations" class="checkbox-columns">{granted_places}</div>
                </details>
            })}
            <details class="reach-more" open=some_denied>
                <summary>"But not"</summary>
                <p class="field-hint">"Out of reach, whatever is granted above."</p>
                <div role="group" aria-label="Denied businesses" class="checkbox-columns">{denied_businesses}</div>
                {has_places.then(|| view! {
                    <div role="group" aria-label="Denied service locations" class="checkbox-columns">{denied_places}</div>
                })}
            </details>
        </fieldset>
    }
}

type IsTicked<'a> = &'a dyn Fn(BusinessId, Option<ServiceLocationId>) -> bool;

fn business_boxes(
    name: &'static str,
    businesses: &[BusinessChoice],
    is_ticked: IsTicked<'_>,
) -> Vec<AnyView> {
    let one = |business: &BusinessChoice| {
        let (label, value) = (business.business_name.clone(), business.id.to_string());
        view! { <Checkbox name label value checked=is_ticked(business.id, None)/> }.into_any()
    };
    businesses.iter().map(one).collect()
}

fn place_boxes(
    name: &'static str,
    locations: &[ServiceLocationChoice],
    is_ticked: IsTicked<'_>,
) -> Vec<AnyView> {
    let one = |place: &ServiceLocationChoice| {
        let label = format!("{}: {}", place.business_name, place.location_name);
        let checked = is_ticked(place.business_id, Some(place.id));
        view! { <Checkbox name label value=place.id.to_string() checked/> }.into_any()
    };
    locations.iter().map(one).collect()
}

/// Adds what is granted and denied to what is offered: what is not among the boxes would be taken away on saving.
fn with_granted(
    mut businesses: Vec<BusinessChoice>,
    mut locations: Vec<ServiceLocationChoice>,
    grants: &[GrantView],
) -> (Vec<BusinessChoice>, Vec<ServiceLocationChoice>) {
    for grant in grants {
        let Some(business_id) = grant.business_id else { continue };
        let business_name = grant.business_name.clone().unwrap_or_default();
        match grant.service_location_id {
            None if businesses.iter().all(|business| business.id != business_id) => {
                businesses.push(BusinessChoice { id: business_id, business_name });
            }
            Some(id) if locations.iter().all(|place| place.id != id) => {
                let location_name = grant.location_name.clone().unwrap_or_default();
                locations.push(ServiceLocationChoice { id, business_id, business_name, location_name });
            }
            _ => {}
        }
    }
    businesses.sort_by_cached_key(|business| business.business_name.to_lowercase());
    let key = |place: &ServiceLocationChoice| {
        (place.business_name.to_lowercase(), place.location_name.to_lowercase())
    };
    locations.sort_by_cached_key(key);
    (businesses, locations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_granted_is_among_the_boxes_whatever_was_searched_for() {
        let id = |n: u8| format!("01890000-0000-7000-8000-0000000000{n:02}").parse().expect("a UUID");
        let grant = |n, place: Option<u8>| GrantView {
            effect: Effect::Allow,
            business_id: Some(BusinessId(id(n))),
            business_name: Some(format!("B{n}")),
            service_location_id: place.map(|n| ServiceLocationId(id(n))),
            location_name: place.map(|n| format!("P{n}")),
        };
        let offered = BusinessChoice { id: BusinessId(id(1)), business_name: "B1".to_owned() };
        let grants = [grant(2, None), grant(1, None), grant(3, Some(9))];
        let (businesses, places) = with_granted(vec![offered], Vec::new(), &grants);
        let names: Vec<_> = businesses.iter().map(|business| business.business_name.as_str()).collect();
        assert_eq!(names, ["B1", "B2"]);
        assert_eq!((places.len(), places[0].location_name.as_str()), (1, "P9"));
    }
}
