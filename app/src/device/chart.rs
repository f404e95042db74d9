//! Which charts a device has, and what each of them shows.

use crate::ui::{ChartSeries, EmptyState, LineChart, Unit};
use chrono::{DateTime, Utc};
use entity::{
    metric::{History, Metric, Series},
    overview::DISK_ATTENTION_PERCENT,
};
use leptos::prelude::*;

/// The metrics of all charts, asked for at once so that all charts show the same instant.
pub(super) const SHOWN: [Metric; 8] = [
    Metric::CpuPercent,
    Metric::MemoryPercent,
    Metric::DiskPercent,
    Metric::LoadAverage1m,
    Metric::LoadAverage5m,
    Metric::LoadAverage15m,
    Metric::NetworkRxBytesPerSecond,
    Metric::NetworkTxBytesPerSecond,
];

/// Told the stretch of time that was dragged out in a chart.
pub(super) type Select = Callback<(DateTime<Utc>, DateTime<Utc>)>;

/// All charts of a device.
#[component]
pub(super) fn Charts(history: History, threads: Option<u32>, select: Select) -> impl IntoView {
    if history.series.iter().all(|series| series.points.is_empty()) {
        return view! {
            <EmptyState title="No samples in this range">
                "The agent sends a sample every minute while it runs, also those that it took while it was not connected."
            </EmptyState>
        }
        .into_any();
    }
    let disk_limit = Some(f64::from(DISK_ATTENTION_PERCENT));
    let history = StoredValue::new(history);
    let chart = move |title: &'static str, metrics: &[(Metric, &'static str)], unit, max, threshold| {
        history.with_value(|history| {
            let series: Vec<ChartSeries> =
                metrics.iter().map(|(metric, label)| series_of(history, *metric, label)).collect();
            view! {
                <LineChart
                    title
                    series
                    start=history.start
                    end=history.end
                    interval_seconds=history.interval_seconds
                    unit
                    max
                    threshold
                    on_range=select
                />
            }
        })
    };
    view! {
        <div class="chart-grid">
            {chart("CPU", &[(Metric::CpuPercent, "CPU")], Unit::Percent, Some(100.0), None)}
            {chart("Memory", &[(Metric::MemoryPercent, "Memory")], Unit::Percent, Some(100.0), None)}
            {chart("Fullest disk", &[(Metric::DiskPercent, "In use")], Unit::Percent, Some(100.0), disk_limit)}
            {chart(
                "Load",
                &[
                    (Metric::LoadAverage1m, "1 min"),
                    (Metric::LoadAverage5m, "5 min"),
                    (Metric::LoadAverage15m, "15 min"),
                ],
                Unit::Load,
                None,
                threads.map(f64::from),
            )}
            {chart(
                "Network",
                &[
                    (Metric::NetworkRxBytesPerSecond, "Received"),
                    (Metric::NetworkTxBytesPerSecond, "Sent"),
                ],
                Unit::BytesPerSecond,
                None,
                None,
            )}
        </div>
    }
    .into_any()
}

fn series_of(history: &History, metric: Metric, label: &str) -> ChartSeries {
    let found: Option<&Series> = history.series.iter().find(|series| series.metric == metric);
    ChartSeries {
        label: label.to_owned(),
        points: found.map(|series| series.points.clone()).unwrap_or_default(),
    }
}
