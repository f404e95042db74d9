//! Chart table: what a line chart draws, as a table of at most two dozen rows.

use super::{
    chart_scale::Scale,
    clock::{Zone, use_zone},
    format,
    line_chart::ChartSeries,
    quantity::Unit,
};
use chrono::{DateTime, Utc};
use entity::metric::Point;
use leptos::prelude::*;

/// Most rows.
const ROWS_MAX: usize = 24;

/// The same in a table, for those who cannot see a line.
#[component]
pub(super) fn DataTable(
    title: String,
    series: StoredValue<Vec<ChartSeries>>,
    scale: Scale,
    unit: Unit,
) -> impl IntoView {
    let zone = use_zone();
    let head = series.with_value(|series| {
        series.iter().map(|s| view! { <th scope="col" class="num">{s.label.clone()}</th> }).collect_view()
    });
    let row = move |(from, to): (DateTime<Utc>, DateTime<Utc>)| {
        let cells = series.with_value(|series| {
            let cells = series.iter().map(|series| {
                let inside = series.points.iter().filter(|point| point.at >= from && point.at < to);
                view! { <td class="num">{in_words(inside, unit)}</td> }
            });
            cells.collect_view()
        });
        view! {
            <tr><th scope="row">{move || when(zone, from)}</th>{cells}</tr>
        }
    };
    view! {
        <details class="chart-table">
            <summary>"As a table"</summary>
            <table>
                <caption class="visually-hidden">{title}</caption>
                <thead><tr><th scope="col">"From"</th>{head}</tr></thead>
                <tbody>{rows(scale).into_iter().map(row).collect_view()}</tbody>
            </table>
        </details>
    }
}

fn when(zone: Zone, at: DateTime<Utc>) -> String {
    format!("{}, {}", format::day(zone.wall(at)), format::time_of_day(zone.wall(at)))
}

/// The window cut into at most [`ROWS_MAX`] equal parts.
fn rows(scale: Scale) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    #[expect(clippy::cast_precision_loss, reason = "there are a few dozen rows")]
    let edge = |index: usize| scale.instant(index as f64 / ROWS_MAX as f64);
    (0..ROWS_MAX).map(|index| (edge(index), edge(index + 1))).collect()
}

#[expect(clippy::cast_precision_loss, reason = "there are a few hundred points")]
fn in_words<'a>(points: impl Iterator<Item = &'a Point>, unit: Unit) -> String {
    let (mut sum, mut number, mut low, mut high) = (0.0, 0_usize, f64::INFINITY, f64::NEG_INFINITY);
    for point in points {
        sum += point.avg;
        number += 1;
        low = low.min(point.min);
        high = high.max(point.max);
    }
    if number == 0 {
        return "no data".to_owned();
    }
    format!("{} ({} to {})", unit.write(sum / number as f64), unit.write(low), unit.write(high))
}
