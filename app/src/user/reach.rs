//! What a technician reaches, as boxes to tick: businesses, single places of them, and what is out of reach.

use crate::ui::{Checkbox, Switch};
use entity::{
    business::BusinessView,
    service_location::ServiceLocationView,
    user::{Effect, GrantView},
};
use leptos::prelude::*;

/// The fields of what a technician reaches.
#[component]
pub(super) fn ReachFields(
    /// The businesses that there are.
    businesses: Vec<BusinessView>,
    /// Their places.
    locations: Vec<ServiceLocationView>,
    /// What is ticked at first.
    grants: Vec<GrantView>,
    /// True while the role has no use for it; what is disabled is not sent.
    disabled: Signal<bool>,
) -> impl IntoView {
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
        move |business: &BusinessView, place: Option<&ServiceLocationView>| {
            grants.iter().any(|grant| {
                grant.effect == effect
                    && grant.business_id == Some(business.id)
                    && grant.service_location_id == place.map(|place| place.id)
            })
        }
    };
    let (allowed, denied) = (ticked(Effect::Allow), ticked(Effect::Deny));
    let granted = business_boxes("input[granted][]", &businesses, &allowed);
    let granted_places = place_boxes("input[granted_locations][]", &businesses, &locations, &allowed);
    let denied_businesses = business_boxes("input[denied][]", &businesses, &denied);
    let denied_places = place_boxes("input[denied_locations][]", &businesses, &locations, &denied);
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

type IsTicked<'a> = &'a dyn Fn(&BusinessView, Option<&ServiceLocationView>) -> bool;

fn business_boxes(name: &'static str, businesses: &[BusinessView], is_ticked: IsTicked<'_>) -> Vec<AnyView> {
    let one = |business: &BusinessView| {
        let (label, value) = (business.business_name.clone(), business.id.to_string());
        view! { <Checkbox name label value checked=is_ticked(business, None)/> }.into_any()
    };
    businesses.iter().map(one).collect()
}

fn place_boxes(
    name: &'static str,
    businesses: &[BusinessView],
    locations: &[ServiceLocationView],
    is_ticked: IsTicked<'_>,
) -> Vec<AnyView> {
    let of = |business: &BusinessView| {
        let places = locations.iter().filter(|place| place.business_id == business.id);
        places
            .map(|place| {
                let label = format!("{}: {}", business.business_name, place.location_name);
                let checked = is_ticked(business, Some(place));
                view! { <Checkbox name label value=place.id.to_string() checked/> }.into_any()
            })
            .collect::<Vec<_>>()
    };
    businesses.iter().flat_map(of).collect()
}
