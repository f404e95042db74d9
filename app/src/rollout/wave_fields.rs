//! The waves of the designer as rows: each can be changed, moved and taken away; with JavaScript in place, without by the
//! server.

use super::{
    design::{DESIGN, Shown},
    form::Step,
    picks::PickList,
    wave_form::{SoakUnit, WaveForm},
};
use crate::ui::{Choice, Field, Hidden, Load, Panel, Select};
use leptos::prelude::*;

/// Every wave, and the buttons that add one.
#[component]
pub(super) fn WaveFields(shown: Shown) -> impl IntoView {
    let rows = move || {
        let (draws, waves) = shown.drawn.get();
        let count = waves.len();
        waves
            .into_iter()
            .enumerate()
            .map(move |(index, wave)| (draws, index, count, wave))
            .collect::<Vec<_>>()
    };
    view! {
        <Panel title="Waves">
            <p class="quiet design-about">
                "One after the other: the next one opens when enough devices of the one before have it and it has lasted. A percent is of all devices, with those of the waves before; the last wave takes 100."
            </p>
            <ol class="wave-rows">
                <For each=rows key=|(draws, index, ..)| (*draws, *index) let:row>
                    <WaveRow index=row.1 count=row.2 wave=row.3 shown/>
                </For>
            </ol>
            <div class="button-row">
                <StepButton step=Step::Add id="wave-add" label="Add a wave" shown/>
                <StepButton step=Step::AddNamed id="wave-add-named" label="Begin with chosen devices" shown/>
            </div>
        </Panel>
    }
}

#[component]
fn WaveRow(index: usize, count: usize, wave: WaveForm, shown: Shown) -> impl IntoView {
    let name = move |field: &str| format!("form[waves][{index}][{field}]");
    let number = index + 1;
    let units: Vec<Choice> = SoakUnit::ALL.iter().rev().map(|(_, word)| Choice::new(*word, *word)).collect();
    let is_named = wave.is_named();
    let percent = wave.percent.clone();
    view! {
        <li>
            <div class="wave-row" role="group" aria-label=format!("Wave {number}")>
            <div class="wave-row-head">
                <h3>{format!("Wave {number}")}</h3>
                <StepButton step=Step::Up(index) id=format!("wave-{index}-up") label="Up" of=format!("wave {number}") disabled=index == 0 shown/>
                <StepButton step=Step::Down(index) id=format!("wave-{index}-down") label="Down" of=format!("wave {number}") disabled=number == count shown/>
                <StepButton step=Step::Drop(index) id=format!("wave-{index}-drop") label="Remove" of=format!("wave {number}") shown/>
            </div>
            <div class="wave-row-fields">
                <Hidden name=name("kind") value=wave.kind.clone()/>
                {(!is_named).then(|| view! {
                    <Field name=name("percent") label="Percent of all" value=percent input_mode="numeric" required=true autocomplete="off"/>
                })}
                <Field name=name("soak") label="Soak" value=wave.soak.clone() input_mode="numeric" required=true autocomplete="off"/>
                <Select name=name("soak_unit") label="In" options=units value=wave.soak_unit.clone()/>
                <Field name=name("min_successes") label="Of each platform" value=wave.min_successes.clone() input_mode="numeric" required=true autocomplete="off"/>
                <Field name=name("success_percent") label="Success, percent" value=wave.success_percent.clone() input_mode="numeric" required=true autocomplete="off"/>
            </div>
            {is_named.then(|| view! { <WavePicks index shown/> })}
            </div>
        </li>
    }
}

/// The devices that a wave names.
#[component]
fn WavePicks(index: usize, shown: Shown) -> impl IntoView {
    view! {
        <Load resource=shown.picks skeleton=2 let:found>
            {found.waves.into_iter().find(|(place, _)| *place == index).map(|(_, found)| {
                let (chosen, find) = shown.typed.with_untracked(|typed| {
                    let wave = typed.waves.get(index);
                    wave.map(|wave| (wave.devices.clone(), wave.find.clone())).unwrap_or_default()
                });
                view! {
                    <PickList
                        name=format!("form[waves][{index}][devices][]")
                        find_name=format!("form[waves][{index}][find]")
                        label="Devices of this wave"
                        found
                        chosen
                        find
                    />
                }
            })}
        </Load>
    }
}

/// A button that asks something of the form itself.
#[component]
fn StepButton(
    step: Step,
    #[prop(into)] id: String,
    label: &'static str,
    #[prop(optional, into)] of: Option<String>,
    #[prop(optional)] disabled: bool,
    shown: Shown,
) -> impl IntoView {
    let words = of.map(|of| format!("{label}: {of}"));
    view! {
        <button
            r#type="submit"
            class="button"
            id=id
            name="form[step]"
            value=step.word()
            formmethod="get"
            formaction=DESIGN
            formnovalidate=true
            disabled=disabled
            aria-label=words
            on:click=move |event| shown.take(&event, step)
        >
            {label}
        </button>
    }
}
