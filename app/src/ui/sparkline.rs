//! Sparkline: the last hour of one value, 80 × 20. Gaps stay gaps.

use leptos::prelude::*;
use std::fmt::Write as _;

const WIDTH: f32 = 80.0;
const HEIGHT: f32 = 20.0;
/// Keeps the line inside the drawing.
const INSET: f32 = 1.5;

/// A small line without axes.
#[component]
pub fn Sparkline(
    /// Oldest first; what was not measured is absent.
    points: Vec<Option<f32>>,
    /// What is shown, for those who cannot see it.
    #[prop(into)]
    label: String,
    /// The value at the upper edge.
    #[prop(default = 100.0)]
    max: f32,
) -> impl IntoView {
    let path = path(&points, max);
    let latest = points.iter().rev().flatten().next();
    let words = latest.map_or_else(
        || format!("{label}: no values"),
        |value| {
            format!(
                "{label}: latest {value:.0}, highest {:.0}",
                points.iter().flatten().fold(0.0_f32, |a, b| a.max(*b))
            )
        },
    );
    view! {
        <svg class="sparkline" viewBox="0 0 80 20" width="80" height="20" role="img" aria-label=words>
            <path class="sparkline-base" d="M0 19.5h80"/>
            <path class="sparkline-line" d=path/>
        </svg>
    }
}

/// One stroke for each run of values; a lone value becomes a dot.
#[expect(clippy::cast_precision_loss, reason = "there are a few dozen points")]
fn path(points: &[Option<f32>], max: f32) -> String {
    let step = (WIDTH - 2.0 * INSET) / points.len().saturating_sub(1).max(1) as f32;
    let mut path = String::new();
    let mut is_drawing = false;
    for (index, point) in points.iter().enumerate() {
        let Some(value) = point else {
            is_drawing = false;
            continue;
        };
        let x = INSET + index as f32 * step;
        let y = HEIGHT - INSET - (value / max).clamp(0.0, 1.0) * (HEIGHT - 2.0 * INSET);
        let is_lone = !is_drawing && !matches!(points.get(index + 1), Some(Some(_)));
        let letter = if is_drawing { 'L' } else { 'M' };
        // Writing to a string cannot fail.
        let _ = write!(path, "{letter}{x:.1} {y:.1}{}", if is_lone { "h.01" } else { "" });
        is_drawing = true;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn a_gap_is_never_bridged() {
        let path = path(&[Some(0.0), Some(50.0), None, Some(100.0), None], 100.0);
        assert_eq!(path, "M1.5 18.5L20.8 10.0M59.2 1.5h.01");
    }

    #[test]
    fn no_values_are_no_line() {
        assert_eq!(path(&[None, None], 100.0), "");
        assert_eq!(path(&[], 100.0), "");
    }
}
