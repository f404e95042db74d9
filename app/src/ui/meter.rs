//! Meter: how full something is, and how many devices are in which presence.

use super::{format, quantity::Absent};
use entity::business::PresenceCounts;
use leptos::prelude::*;

/// A bar and its number; above `attention` it also has a mark.
#[component]
pub fn Meter(
    /// 0–100; absent when it is not known.
    percent: Option<f32>,
    /// What is measured.
    #[prop(into)]
    label: String,
    /// From here on a person should look.
    #[prop(default = entity::overview::DISK_ATTENTION_PERCENT)]
    attention: f32,
) -> impl IntoView {
    let Some(percent) = percent else { return view! { <span class="meter"><Absent/></span> }.into_any() };
    let is_high = percent >= attention;
    let text = format::percent(f64::from(percent));
    let words = format!("{label} {text}{}", if is_high { ", needs attention" } else { "" });
    view! {
        <span class="meter" class:meter-high=is_high title=words.clone()>
            <svg class="meter-bar" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label=words.clone()>
                <rect class="meter-track" width="100" height="6"/>
                <rect class="meter-fill" width=format!("{:.1}", percent.clamp(0.0, 100.0)) height="6"/>
            </svg>
            <span class="meter-number" aria-hidden="true">
                {is_high.then(|| view! { <svg class="meter-mark" viewBox="0 0 8 8" width="8" height="8"><path d="M4 .5 8 7.5H0z"/></svg> })}
                {text.number} <span class="unit">"%"</span>
            </span>
        </span>
    }
    .into_any()
}

/// The honest bar: online, offline and never seen, each as long as its share, with the numbers in words.
#[component]
pub fn PresenceBar(
    /// The numbers.
    counts: PresenceCounts,
    /// Whose devices.
    #[prop(into)]
    label: String,
) -> impl IntoView {
    let total = counts.total();
    let parts = [
        ("presence-online", counts.online, "online"),
        ("presence-offline", counts.offline, "offline"),
        ("presence-unknown", counts.unknown, "never seen"),
    ];
    let words = parts
        .iter()
        .filter(|(_, number, _)| *number > 0)
        .map(|(_, number, word)| format!("{} {word}", format::count(*number)))
        .collect::<Vec<_>>()
        .join(", ");
    let words = if total == 0 { "no devices".to_owned() } else { words };
    let mut start = 0.0;
    let bars = parts.map(|(class, number, _)| {
        let width = share(number, total);
        let x = start;
        start += width;
        // A hairline of paper between the parts, so that they differ without colour.
        let shown = (width - if start < 99.99 { 0.4 } else { 0.0 }).max(0.0);
        view! { <rect class=class x=format!("{x:.2}") width=format!("{shown:.2}") height="8"/> }
    });
    view! {
        <span class="presence-bar">
            <svg viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label=format!("{label}: {words}")>
                <rect class="presence-none" width="100" height="8"/>
                {bars.into_iter().collect_view()}
            </svg>
            <span class="presence-bar-words">{words}</span>
        </span>
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more")]
fn share(number: u64, total: u64) -> f64 {
    if total == 0 { 0.0 } else { number as f64 * 100.0 / total as f64 }
}
