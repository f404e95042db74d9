//! Values to show the parts with.

use crate::ui::ChartSeries;
use chrono::{DateTime, TimeDelta, Utc};
use entity::metric::Point;

/// Seconds between the points of the gallery's charts.
pub(super) const INTERVAL_SECONDS: u32 = 360;

/// A fixed instant, so that the gallery looks the same every time.
pub(super) fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_763_600_000, 0).unwrap_or_default()
}

/// A day of values with a gap of two hours.
pub(super) fn series(label: &str, base: f64, swing: f64) -> ChartSeries {
    let points = (0..240).filter(|index| !(120..140).contains(index)).map(|index| {
        let angle = f64::from(index) / 19.0;
        let avg = base + swing * (angle.sin() + (angle * 3.7).cos() / 3.0);
        let at = start() + TimeDelta::seconds(i64::from(index) * i64::from(INTERVAL_SECONDS));
        Point { at, avg, min: avg - swing / 4.0, max: avg + swing / 3.0 }
    });
    ChartSeries { label: label.to_owned(), points: points.collect() }
}

/// An hour of values with a gap.
pub(super) fn sparkline() -> Vec<Option<f32>> {
    let value = |index: u8| 35.0 + 30.0 * (f32::from(index) / 3.0).sin();
    (0..30).map(|index| (!(12..16).contains(&index)).then(|| value(index))).collect()
}
