//! Line chart: values over time, drawn on the server. In the browser the pointer reads all series at one instant, and
//! dragging chooses a window. Gaps stay gaps.

use super::{
    chart_scale::{HEIGHT, Scale, WIDTH},
    chart_table::DataTable,
    clock::use_zone,
    format,
    quantity::Unit,
};
use chrono::{DateTime, Utc};
use entity::metric::Point;
use leptos::{ev::MouseEvent, prelude::*};
use wasm_bindgen::JsCast;

/// Height of the drawing: the plot and the times under it.
const HEIGHT_WITH_TIMES: f64 = HEIGHT + 22.0;
/// A drag shorter than this share of the width is a click.
const DRAG_MIN: f64 = 0.01;

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartSeries {
    /// What it shows.
    pub label: String,
    /// In order of time; intervals without data are absent.
    pub points: Vec<Point>,
}

/// A window that was chosen by dragging.
type OnRange = Callback<(DateTime<Utc>, DateTime<Utc>)>;

/// Up to three lines over the same time.
#[component]
pub fn LineChart(
    /// What it shows.
    #[prop(into)]
    title: String,
    /// The lines; the first also has its smallest and largest values as a band.
    series: Vec<ChartSeries>,
    /// Left edge.
    start: DateTime<Utc>,
    /// Right edge.
    end: DateTime<Utc>,
    /// Width of a point in seconds.
    interval_seconds: u32,
    /// What the values count.
    unit: Unit,
    /// Value at the upper edge; a round number above all values when absent.
    #[prop(optional_no_strip)]
    max: Option<f64>,
    /// From here on a person should look.
    #[prop(optional_no_strip)]
    threshold: Option<f64>,
    /// Told the window that was chosen by dragging.
    #[prop(optional, into)]
    on_range: Option<OnRange>,
) -> impl IntoView {
    let points = || series.iter().flat_map(|series| series.points.iter());
    let highest = points().map(|point| point.max).chain(threshold).fold(0.0, f64::max);
    let scale = Scale::new(start, end, interval_seconds, unit, max.unwrap_or(highest));
    let has_points = points().next().is_some();
    let label = summary(&title, &series, unit);
    let series = StoredValue::new(series);
    let pointer = RwSignal::new(None::<f64>);
    view! {
        <figure class="chart">
            <figcaption class="chart-head">
                <span class="chart-title">{title.clone()}</span>
                <Legend series scale unit pointer/>
            </figcaption>
            <div class="chart-plot">
                <Plot label series scale unit threshold pointer on_range/>
                {(!has_points).then(|| view! { <p class="chart-empty">"No data in this window"</p> })}
            </div>
            {has_points.then(|| view! { <DataTable title series scale unit/> })}
        </figure>
    }
}

/// The name of each line with its value under the pointer, or its latest.
#[component]
fn Legend(
    series: StoredValue<Vec<ChartSeries>>,
    scale: Scale,
    unit: Unit,
    pointer: RwSignal<Option<f64>>,
) -> impl IntoView {
    let zone = use_zone();
    let at = move || pointer.get().map(|share| scale.instant(share));
    let value = move |index: usize| {
        series.with_value(|series| {
            let points = &series[index].points;
            let point = match at() {
                Some(at) => scale.point_at(points, at),
                None => points.last(),
            };
            point.map_or_else(|| "–".to_owned(), |point| unit.write(point.avg))
        })
    };
    let labels = series.with_value(|series| series.iter().map(|s| s.label.clone()).collect::<Vec<_>>());
    let items = labels.into_iter().enumerate().map(|(index, label)| {
        view! {
            <span class="chart-series">
                <svg class="chart-key" viewBox="0 0 14 4" width="14" height="4" aria-hidden="true">
                    <path class=line_class(index) d="M0 2h14"/>
                </svg>
                {label} " " <b>{move || value(index)}</b>
            </span>
        }
    });
    view! {
        <span class="chart-legend">
            <span class="chart-instant">
                {move || at().map(|at| format!("{}, {}", format::day(zone.wall(at)), format::time_of_day(zone.wall(at))))}
            </span>
            {items.collect_view()}
        </span>
    }
}

const fn line_class(index: usize) -> &'static str {
    match index {
        0 => "chart-line chart-line-1",
        1 => "chart-line chart-line-2",
        _ => "chart-line chart-line-3",
    }
}

/// The drawing, with what the pointer does to it.
#[component]
fn Plot(
    label: String,
    series: StoredValue<Vec<ChartSeries>>,
    scale: Scale,
    unit: Unit,
    threshold: Option<f64>,
    pointer: RwSignal<Option<f64>>,
    on_range: Option<OnRange>,
) -> impl IntoView {
    let drag = RwSignal::new(None::<f64>);
    let press = move |event: MouseEvent| {
        if on_range.is_some() && event.button() == 0 {
            event.prevent_default();
            drag.set(share_of(&event));
        }
    };
    let release = move |event: MouseEvent| {
        let from = drag.get_untracked();
        drag.set(None);
        if let (Some(from), Some(to), Some(on_range)) = (from, share_of(&event), on_range)
            && (to - from).abs() > DRAG_MIN
        {
            on_range.run((scale.instant(from.min(to)), scale.instant(from.max(to))));
        }
    };
    let leave = move |_| {
        pointer.set(None);
        drag.set(None);
    };
    view! {
        <svg
            class="chart-svg"
            class:chart-can-drag=on_range.is_some()
            width="100%"
            height=HEIGHT_WITH_TIMES
            role="img"
            aria-label=label
            on:mousemove=move |event| pointer.set(share_of(&event))
            on:mouseleave=leave
            on:mousedown=press
            on:mouseup=release
        >
            <Grid scale/>
            <Times scale/>
            <Lines series scale threshold/>
            <Values scale unit/>
            {move || selection(drag.get(), pointer.get())}
            {move || pointer.get().map(|share| {
                let x = percent(share);
                view! { <line class="chart-pointer" x1=x.clone() x2=x y1="0" y2=HEIGHT/> }
            })}
        </svg>
    }
}

/// The lines in a drawing of their own, because it is stretched to the width of the page.
#[component]
fn Lines(series: StoredValue<Vec<ChartSeries>>, scale: Scale, threshold: Option<f64>) -> impl IntoView {
    let band = series.with_value(|series| series.first().map(|first| scale.band(&first.points)));
    let lines = series.with_value(|series| {
        let paths = series.iter().enumerate().map(|(index, series)| {
            view! { <path class=line_class(index) d=scale.line(&series.points)/> }
        });
        paths.collect_view()
    });
    view! {
        <svg
            width="100%"
            height=HEIGHT
            viewBox=format!("0 0 {WIDTH} {HEIGHT}")
            preserveAspectRatio="none"
            overflow="visible"
        >
            <path class="chart-band" d=band/>
            {threshold.map(|threshold| {
                view! { <path class="chart-threshold" d=format!("M0 {:.1}H{WIDTH}", scale.y(threshold))/> }
            })}
            {lines}
        </svg>
    }
}

/// Three lines across: nothing, half, all.
#[component]
fn Grid(scale: Scale) -> impl IntoView {
    let lines = [scale.top, scale.top / 2.0, 0.0].map(|value| {
        let y = scale.y(value).clamp(0.5, HEIGHT - 0.5);
        view! { <line class="chart-grid" x1="0" x2="100%" y1=y y2=y/> }
    });
    lines.into_iter().collect_view()
}

/// What the upper lines stand for, above everything that is drawn.
#[component]
fn Values(scale: Scale, unit: Unit) -> impl IntoView {
    let labels = [scale.top, scale.top / 2.0].map(|value| {
        view! { <text class="chart-label" x="0" y=scale.y(value) + 13.0>{unit.write(value)}</text> }
    });
    labels.into_iter().collect_view()
}

/// Round times under the plot.
#[component]
fn Times(scale: Scale) -> impl IntoView {
    let zone = use_zone();
    move || {
        let times = scale.times(zone.offset_minutes(scale.end)).into_iter().map(|at| {
            let share = scale.share(at);
            let anchor = if share < 0.04 {
                "start"
            } else if share > 0.96 {
                "end"
            } else {
                "middle"
            };
            let x = percent(share);
            view! {
                <line class="chart-tick" x1=x.clone() x2=x.clone() y1=HEIGHT y2=HEIGHT + 4.0/>
                <text class="chart-label" x=x y=HEIGHT + 17.0 text-anchor=anchor>
                    {scale.time_label(zone.wall(at))}
                </text>
            }
        });
        times.collect_view()
    }
}

/// The window while it is being dragged.
fn selection(from: Option<f64>, to: Option<f64>) -> Option<impl IntoView> {
    let (from, to) = from.zip(to)?;
    let (x, width) = (percent(from.min(to)), percent((to - from).abs()));
    Some(view! { <rect class="chart-selection" x=x width=width y="0" height=HEIGHT/> })
}

/// What the drawing says, in a sentence.
fn summary(title: &str, series: &[ChartSeries], unit: Unit) -> String {
    let parts = series.iter().map(|series| {
        let values = series.points.last().map_or_else(
            || "no data".to_owned(),
            |last| {
                let highest = series.points.iter().map(|point| point.max).fold(0.0, f64::max);
                format!("latest {}, highest {}", unit.write(last.avg), unit.write(highest))
            },
        );
        format!("{}: {values}", series.label)
    });
    format!("{title}. {}", parts.collect::<Vec<_>>().join("; "))
}

fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

/// Where the pointer is, as a share of the drawing's width.
fn share_of(event: &MouseEvent) -> Option<f64> {
    let element = event.current_target()?.dyn_into::<web_sys::Element>().ok()?;
    let frame = element.get_bounding_client_rect();
    (frame.width() > 0.0)
        .then(|| ((f64::from(event.client_x()) - frame.left()) / frame.width()).clamp(0.0, 1.0))
}
