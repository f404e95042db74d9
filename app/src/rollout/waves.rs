//! The waves of a rollout as rows: whom each takes, what it has to show, how far it is, and the devices behind every number.

use super::{
    updates::devices_path,
    words::{WaveMark, gate_of, parts, platform, reach, told, update_meaning},
};
use crate::ui::{Exact, StateBar, Status, Time, format};
use entity::{
    id::RolloutId,
    platform::{Arch, Os},
    rollout::{RolloutState, UpdateCounts, WaveState, WaveView},
    update::UpdateState,
};
use leptos::prelude::*;

/// The waves, one row each.
#[component]
pub(super) fn WaveList(id: RolloutId, waves: Vec<WaveView>, state: RolloutState) -> impl IntoView {
    let rows = waves.into_iter().map(|wave| view! { <Row id wave state/> });
    view! { <ol class="wave-list">{rows.collect_view()}</ol> }
}

#[component]
fn Row(id: RolloutId, wave: WaveView, state: RolloutState) -> impl IntoView {
    let has_opened = wave.state != WaveState::Waiting;
    let counts = wave.counts;
    let words = told(&counts);
    let by_platform = (wave.platforms.len() > 1).then(|| wave.platforms.clone());
    let number = wave.number;
    let named = wave.named_label.clone();
    let is_current = matches!(wave.state, WaveState::Open | WaveState::Soaking);
    view! {
        <li class="wave" class:is-current=is_current>
            <div class="wave-what">
                <h3>{format!("Wave {number}")}</h3>
                <WaveMark state=wave.state/>
            </div>
            <div class="wave-terms">
                <p>{reach(wave.percent, u64::from(wave.named))}</p>
                {named.map(|names| view! { <p class="wave-named">{names}</p> })}
                <p class="quiet">{gate_of(&wave)}</p>
            </div>
            <div class="wave-devices">
                {has_opened.then(|| view! {
                    <StateBar counts=parts(&counts) label=words.clone()/>
                    <Numbers id counts wave=number/>
                    {by_platform.map(|platforms| view! {
                        <ul class="wave-platforms">
                            {platforms.into_iter().map(|one| view! {
                                <li>
                                    <span class="wave-platform">{platform(one.os, one.arch)}</span>
                                    <Numbers id counts=one.counts wave=number platform=(one.os, one.arch)/>
                                </li>
                            }).collect_view()}
                        </ul>
                    })}
                })}
                <Waits wave state/>
            </div>
        </li>
    }
}

/// What the wave waits for, with the time that is left.
#[component]
fn Waits(wave: WaveView, state: RolloutState) -> impl IntoView {
    let waiting = wave.waiting_for.filter(|_| state == RolloutState::Running);
    let until =
        wave.soaks_until.filter(|_| wave.state == WaveState::Soaking && state == RolloutState::Running);
    view! {
        {waiting.map(|words| view! { <p class="wave-waits">{words}</p> })}
        {until.map(|at| view! {
            <p class="wave-waits">"It has to last until " <Exact at/> " (" <Time at/> ")."</p>
        })}
        {match (wave.passed_at, wave.opened_at) {
            (Some(at), _) => view! { <p class="quiet">"Proved itself " <Time at/> "."</p> }.into_any(),
            (None, Some(at)) => view! { <p class="quiet">"Opened " <Time at/> "."</p> }.into_any(),
            (None, None) => view! { <p class="quiet">"Opens once the wave before has proved itself."</p> }.into_any(),
        }}
    }
}

/// How many devices are in which state; each number leads to them.
#[component]
pub(super) fn Numbers(
    /// Of which rollout.
    id: RolloutId,
    /// The numbers.
    counts: UpdateCounts,
    /// Of one wave.
    #[prop(optional)]
    wave: Option<u32>,
    /// Of one platform.
    #[prop(optional)]
    platform: Option<(Os, Arch)>,
) -> impl IntoView {
    let shown = UpdateState::ALL.iter().copied().filter(move |state| counts.of(*state) > 0);
    view! {
        <ul class="state-counts rollout-counts">
            {shown.map(|state| view! {
                <li>
                    <a class="state-link" href=devices_path(id, wave, Some(state), platform)>
                        <span class="state-count">{format::count(counts.of(state)).number}</span>
                        <Status kind=update_meaning(state) word=state.label()/>
                    </a>
                </li>
            }).collect_view()}
        </ul>
    }
}
