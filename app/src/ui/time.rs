//! Time: when something was, as people say it, with the exact time at hand.

use super::{
    clock::{use_now, use_zone},
    format,
};
use chrono::{DateTime, SecondsFormat, Utc};
use leptos::prelude::*;

/// How long ago; the exact time shows when the pointer rests on it.
#[component]
pub fn Time(
    /// The instant.
    at: DateTime<Utc>,
) -> impl IntoView {
    let now = use_now();
    let text = Memo::new(move |_| format::relative(at, now.get()));
    let exact = use_exact(at);
    view! { <time class="time" datetime=machine(at) title=move || exact.get()>{move || text.get()}</time> }
}

/// How long ago, or a word when it never was.
#[component]
pub fn OptionTime(
    /// The instant.
    at: Option<DateTime<Utc>>,
    /// The word.
    #[prop(default = "never")]
    none: &'static str,
) -> impl IntoView {
    match at {
        Some(at) => view! { <Time at/> }.into_any(),
        None => view! { <span class="absent">{none}</span> }.into_any(),
    }
}

/// The exact date and time; how long ago shows when the pointer rests on it.
#[component]
pub fn Exact(
    /// The instant.
    at: DateTime<Utc>,
) -> impl IntoView {
    let now = use_now();
    let text = Memo::new(move |_| format::relative(at, now.get()));
    let exact = use_exact(at);
    view! { <time class="time" datetime=machine(at) title=move || text.get()>{move || exact.get()}</time> }
}

fn use_exact(at: DateTime<Utc>) -> Memo<String> {
    let zone = use_zone();
    Memo::new(move |_| format!("{} {}", format::date_time(zone.wall(at)), zone.name(at)))
}

fn machine(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
