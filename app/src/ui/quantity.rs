//! Quantity: numbers typeset with their units smaller and lighter.

use super::format;
use entity::platform::Os;
use leptos::prelude::*;

/// What a number counts; decides how an axis and a readout write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// 0–100.
    Percent,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// Things.
    Count,
    /// A load average.
    Load,
    /// A length of time.
    Seconds,
}

impl Unit {
    /// The value in words.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "negative values do not occur"
    )]
    pub fn write(self, value: f64) -> String {
        match self {
            Self::Percent => format::percent(value).to_string(),
            Self::Bytes => format::bytes(value.round() as u64).to_string(),
            Self::BytesPerSecond => format::bytes_per_second(value).to_string(),
            Self::Count => format::count(value.round() as u64).to_string(),
            Self::Load => format::decimal(value).to_string(),
            Self::Seconds => format::duration(value.round() as u64),
        }
    }
}

#[component]
fn Typeset(quantity: format::Quantity) -> impl IntoView {
    let unit = (!quantity.unit.is_empty()).then(|| view! { " " <span class="unit">{quantity.unit}</span> });
    view! { <span class="quantity">{quantity.number} {unit}</span> }
}

/// A size.
#[component]
pub fn Bytes(
    /// In bytes.
    value: u64,
) -> impl IntoView {
    view! { <Typeset quantity=format::bytes(value)/> }
}

/// A rate.
#[component]
pub fn BytesPerSecond(
    /// In bytes per second.
    value: f64,
) -> impl IntoView {
    view! { <Typeset quantity=format::bytes_per_second(value)/> }
}

/// A share of 100.
#[component]
pub fn Percent(
    /// 0–100; absent when it is not known.
    value: Option<f32>,
) -> impl IntoView {
    match value {
        Some(value) => view! { <Typeset quantity=format::percent(f64::from(value))/> }.into_any(),
        None => view! { <Absent/> }.into_any(),
    }
}

/// How many.
#[component]
pub fn Count(
    /// The number.
    value: u64,
) -> impl IntoView {
    view! { <Typeset quantity=format::count(value)/> }
}

/// A length of time.
#[component]
pub fn Duration(
    /// In seconds.
    seconds: u64,
) -> impl IntoView {
    view! { <span class="quantity">{format::duration(seconds)}</span> }
}

/// Stands for what is not known.
#[component]
pub fn Absent() -> impl IntoView {
    view! { <span class="absent"><span aria-hidden="true">"–"</span><span class="visually-hidden">"not known"</span></span> }
}

/// An operating system: its name and version, or its family while they are not known.
#[component]
pub fn OsName(
    /// Family.
    os: Os,
    /// Name and version.
    version: Option<String>,
) -> impl IntoView {
    let name = version.unwrap_or_else(|| os.label().to_owned());
    let title = format!("{}, {name}", os.label());
    view! { <span class="os-name" title=title>{name}</span> }
}
