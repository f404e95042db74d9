//! The fields of the designer besides its waves.

use super::{
    design::Shown,
    form::{RolloutForm, Start, Target},
    picks::PickList,
};
use crate::ui::{Choice, Field, Load, Select};
use leptos::prelude::*;

/// For which devices.
#[component]
pub(super) fn TargetFields(asked: RolloutForm, shown: Shown) -> impl IntoView {
    let options: Vec<Choice> =
        Target::ALL.iter().map(|(_, word, label)| Choice::new(*word, *label)).collect();
    let target = Memo::new(move |_| shown.typed.with(|typed| typed.target.clone()));
    view! {
        <div class="design-fields">
            <Select name="form[target]" label="For" options value=asked.target/>
            {move || {
                let target = target.get();
                (Target::of(&target) != Target::Everybody).then(|| view! { <TargetPicks target shown/> })
            }}
        </div>
    }
}

#[component]
fn TargetPicks(target: String, shown: Shown) -> impl IntoView {
    let (name, label) = match Target::of(&target) {
        Target::Everybody | Target::Businesses => ("form[business_ids][]", "Businesses"),
        Target::Locations => ("form[service_location_ids][]", "Service locations"),
        Target::Devices => ("form[device_ids][]", "Devices"),
    };
    view! {
        <Load resource=shown.picks skeleton=2 let:found>
            {(found.about == target).then(|| {
                let (chosen, find) = shown.typed.with_untracked(|typed| {
                    let chosen = match Target::of(&typed.target) {
                        Target::Everybody => &Vec::new(),
                        Target::Businesses => &typed.business_ids,
                        Target::Locations => &typed.service_location_ids,
                        Target::Devices => &typed.device_ids,
                    };
                    (chosen.clone(), typed.find.clone())
                });
                view! { <PickList name find_name="form[find]" label found=found.target chosen find/> }
            })}
        </Load>
    }
}

/// A field for a whole number.
#[component]
fn Number(
    name: &'static str,
    label: &'static str,
    #[prop(optional)] hint: &'static str,
    value: String,
) -> impl IntoView {
    let hint = (!hint.is_empty()).then(|| hint.to_owned());
    match hint {
        Some(hint) => {
            view! { <Field name label hint value input_mode="numeric" required=true autocomplete="off"/> }
                .into_any()
        }
        None => view! { <Field name label value input_mode="numeric" required=true autocomplete="off"/> }
            .into_any(),
    }
}

/// When it stops by itself.
#[component]
pub(super) fn HaltFields(asked: RolloutForm) -> impl IntoView {
    view! {
        <p class="quiet design-about">
            "Each of these holds for every platform by itself and over all. A device that rolls back or is not heard from has gone wrong after the change; one that could not fetch or try it has failed before."
        </p>
        <div class="design-numbers">
            <Number name="form[bad_in_a_row]" label="Devices in a row that go wrong after the change" value=asked.bad_in_a_row/>
            <Number name="form[bad_percent]" label="Or more than this percent go wrong after it" value=asked.bad_percent/>
            <Number name="form[bad_max]" label="Or so many devices in all" value=asked.bad_max/>
            <Number name="form[failed_percent]" label="Or more than this percent fail before it" value=asked.failed_percent/>
            <Number name="form[min_devices]" label="Percents count from so many devices on" value=asked.min_devices/>
        </div>
    }
}

/// How fast it goes.
#[component]
pub(super) fn PaceFields(asked: RolloutForm) -> impl IntoView {
    view! {
        <div class="design-numbers">
            <Number
                name="form[max_in_flight]"
                label="Devices at once"
                hint="So many may be about it at the same time."
                value=asked.max_in_flight
            />
            <Number
                name="form[spread_minutes]"
                label="Minutes to spread them over"
                hint="Each waits by chance for up to so long before it fetches."
                value=asked.spread_minutes
            />
        </div>
    }
}

/// When it begins.
#[component]
pub(super) fn StartFields(asked: RolloutForm) -> impl IntoView {
    let options: Vec<Choice> = Start::ALL.iter().map(|(_, word, label)| Choice::new(*word, *label)).collect();
    view! {
        <div class="design-numbers design-start">
            <Select name="form[start]" label="It starts" options value=asked.start/>
            <div class="start-at">
                <Field name="form[start_at]" label="Day and time, in UTC" kind="datetime-local" value=asked.start_at/>
            </div>
        </div>
    }
}
