//! What a rollout would do before it is made: exactly which devices are in each wave, which are left out and why, and what
//! people should think about.

use super::{
    calls::ListPreviewDevices,
    form::RolloutForm,
    list::PATH,
    words::{devices, platform},
};
use crate::ui::{Notice, Panel, StatusKind, format};
use entity::rollout::{Excluded, PlatformCounts, PreviewPart, RolloutDevice, RolloutPreview, WavePreview};
use leptos::prelude::*;

/// The whole preview.
#[component]
pub(super) fn PreviewPanel(
    preview: RolloutPreview,
    /// What it is a preview of.
    typed: RwSignal<RolloutForm>,
) -> impl IntoView {
    let RolloutPreview {
        sentence,
        devices: all,
        online,
        waves,
        excluded,
        warnings,
        supersedes,
        is_approval_needed,
    } = preview;
    let there = match (all, online) {
        (0, _) => "No device would get it.".to_owned(),
        (1, 1) => "It is there now.".to_owned(),
        (all, online) if all == online => "All of them are there now.".to_owned(),
        (_, online) => {
            format!("{} of them are there now; the others get it when they come back.", format::count(online))
        }
    };
    view! {
        <Panel title="What would happen" facts=devices(all)>
            <div class="stack rollout-preview" aria-live="polite">
                <p><b>{sentence}</b> " " {there}</p>
                {warnings.into_iter().map(|warning| view! {
                    <Notice kind=StatusKind::Warn>{warning}</Notice>
                }).collect_view()}
                {(!supersedes.is_empty()).then(|| view! {
                    <p>
                        "It takes the place of "
                        {supersedes.into_iter().map(|link| view! {
                            <a href=format!("{PATH}/{}", link.id)>{link.name}</a> " "
                        }).collect_view()}
                    </p>
                })}
                {is_approval_needed.then(|| view! { <p>"Somebody else has to say yes before it starts."</p> })}
                <ol class="preview-waves">
                    {waves.into_iter().map(|wave| view! { <Wave wave typed/> }).collect_view()}
                </ol>
                {(!excluded.is_empty()).then(|| view! { <LeftOut excluded typed/> })}
            </div>
        </Panel>
    }
}

#[component]
fn Wave(wave: WavePreview, typed: RwSignal<RolloutForm>) -> impl IntoView {
    let title = format!("Wave {}: {}", wave.number, devices(wave.devices));
    let by_platform = by_platform(&wave.platforms);
    let part = PreviewPart { wave: Some(wave.number), ..PreviewPart::default() };
    view! {
        <li>
            <Listed title facts=by_platform all=wave.devices first=wave.first part typed is_open=wave.number == 1/>
        </li>
    }
}

#[component]
fn LeftOut(excluded: Vec<Excluded>, typed: RwSignal<RolloutForm>) -> impl IntoView {
    let all: u64 = excluded.iter().map(|one| one.devices).sum();
    view! {
        <h3>{format!("{} left out", devices(all))}</h3>
        <ul class="preview-waves">
            {excluded.into_iter().map(|one| {
                let title = format!("{}: {}", one.why.label(), devices(one.devices));
                let part = PreviewPart { excluded: Some(one.why), ..PreviewPart::default() };
                view! { <li><Listed title facts=String::new() all=one.devices first=one.first is_open=false part typed/></li> }
            }).collect_view()}
        </ul>
    }
}

/// The devices behind a number: the first of them, and more on demand.
#[component]
fn Listed(
    title: String,
    facts: String,
    all: u64,
    first: Vec<RolloutDevice>,
    is_open: bool,
    part: PreviewPart,
    typed: RwSignal<RolloutForm>,
) -> impl IntoView {
    if first.is_empty() {
        return view! { <p class="preview-none"><b>{title}</b></p> }.into_any();
    }
    let shown = RwSignal::new(first);
    let ask = ServerAction::<ListPreviewDevices>::new();
    Effect::new(move |_| {
        if let Some(Ok(page)) = ask.value().get() {
            shown.update(|shown| shown.extend(page.items));
        }
    });
    let left = move || shown.with(|shown| all.saturating_sub(shown.len() as u64));
    let more = move |_| {
        let cursor = shown.with_untracked(|shown| shown.last().map(|device| device.device_id));
        let part = PreviewPart { cursor, ..part };
        ask.dispatch(ListPreviewDevices { form: typed.get_untracked(), part });
    };
    view! {
        <details class="exactly" open=is_open>
            <summary>{title} " " <span class="quiet">{facts}</span></summary>
            <ul class="target-list">
                {move || shown.get().into_iter().map(|device| view! {
                    <li class="target">
                        <a href=format!("/devices/{}", device.device_id)>{device.device_name}</a>
                        <span>{device.business_name}</span>
                        <span class="quiet">{platform(device.os, device.arch)} ", runs " {device.version}</span>
                    </li>
                }).collect_view()}
            </ul>
            {move || (left() > 0).then(|| view! {
                <p class="quiet">
                    {format!("And {} more. ", format::count(left()))}
                    <button class="button needs-js" r#type="button" disabled=move || ask.pending().get() on:click=more>
                        "Show more"
                    </button>
                </p>
            })}
            {move || ask.value().get().and_then(Result::err).map(|error| view! { <p class="quiet">{error.0.detail}</p> })}
        </details>
    }
    .into_any()
}

/// How many of each platform.
fn by_platform(platforms: &[PlatformCounts]) -> String {
    let one = |one: &PlatformCounts| {
        format!("{} {}", format::count(one.counts.total()), platform(one.os, one.arch).replace(", ", " "))
    };
    platforms.iter().map(one).collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::{
        platform::{Arch, Os},
        rollout::UpdateCounts,
    };

    #[test]
    fn platforms_are_counted() {
        let one = |os, waiting| PlatformCounts {
            os,
            arch: Arch::X86_64,
            counts: UpdateCounts { waiting, ..UpdateCounts::default() },
        };
        assert_eq!(
            by_platform(&[one(Os::Linux, 3), one(Os::Windows, 1)]),
            "3 Linux x86_64 · 1 Windows x86_64"
        );
    }
}
