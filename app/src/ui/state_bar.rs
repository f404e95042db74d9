//! State bar: how many of all are in which state, in one honest bar. Every one has its place; what went wrong is seen at
//! once.

use super::status::StatusKind;
use leptos::prelude::*;

/// From what is done to what waits, whatever order the numbers come in.
const ORDER: [StatusKind; 5] =
    [StatusKind::Ok, StatusKind::Bad, StatusKind::Warn, StatusKind::Info, StatusKind::Off];

/// A bar of numbers.
#[component]
pub fn StateBar(
    /// How many mean what.
    counts: Vec<(StatusKind, u64)>,
    /// The same in words.
    #[prop(into)]
    label: String,
) -> impl IntoView {
    let parts = spans(&counts).map(|(kind, x, width)| {
        let class = format!("state-bar-part {}", kind.class());
        view! { <rect class=class x=format!("{x:.2}") width=format!("{width:.2}") height="8"/> }
    });
    view! {
        <svg class="state-bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label=label>
            <rect class="presence-none" width="100" height="8"/>
            {parts.collect_view()}
        </svg>
    }
}

/// Where each part begins and how long it is, in hundredths of the bar.
fn spans(counts: &[(StatusKind, u64)]) -> impl Iterator<Item = (StatusKind, f64, f64)> {
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    let mut start = 0.0;
    let spans = ORDER.map(|kind| {
        let count = counts.iter().filter(|(other, _)| *other == kind).map(|(_, count)| count).sum();
        let width = share(count, total);
        let x = start;
        start += width;
        // A hairline of paper between the parts, so that they differ without colour.
        let shown = (width - if start < 99.99 { 0.3 } else { 0.0 }).max(0.0);
        (kind, x, shown)
    });
    spans.into_iter().filter(|(.., width)| *width > 0.0)
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more")]
fn share(number: u64, total: u64) -> f64 {
    if total == 0 { 0.0 } else { number as f64 * 100.0 / total as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_one_has_its_place() {
        let counts = [(StatusKind::Off, 2), (StatusKind::Ok, 1), (StatusKind::Bad, 0), (StatusKind::Ok, 1)];
        let found: Vec<_> = spans(&counts).collect();
        assert_eq!(found, [(StatusKind::Ok, 0.0, 49.7), (StatusKind::Off, 50.0, 50.0)]);
        assert_eq!(spans(&[]).count(), 0);
    }
}
