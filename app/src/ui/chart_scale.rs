//! Chart scale: where the lines of a chart go. Pure.

use super::quantity::Unit;
use chrono::{DateTime, TimeDelta, Timelike, Utc};
use entity::metric::Point;
use std::fmt::Write as _;

/// Width of the drawing that lines are put into; it is stretched to the width of the page.
pub const WIDTH: f64 = 1000.0;
/// Height of the plot in pixels.
pub const HEIGHT: f64 = 160.0;

/// The window of a chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Left edge.
    pub start: DateTime<Utc>,
    /// Right edge.
    pub end: DateTime<Utc>,
    /// Width of a point in seconds.
    pub interval_seconds: u32,
    /// Value at the upper edge.
    pub top: f64,
}

impl Scale {
    /// A window whose upper edge is a round number above every value.
    #[must_use]
    pub fn new(
        start: DateTime<Utc>,
        end: DateTime<Utc>,
        interval_seconds: u32,
        unit: Unit,
        highest: f64,
    ) -> Self {
        Self { start, end, interval_seconds, top: round_up(unit, highest) }
    }

    /// Where an instant is, as a share of the width.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a pixel is coarser")]
    pub fn share(&self, at: DateTime<Utc>) -> f64 {
        let whole = (self.end - self.start).num_milliseconds().max(1);
        (at - self.start).num_milliseconds() as f64 / whole as f64
    }

    /// The instant at a share of the width.
    #[must_use]
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a pixel is coarser")]
    pub fn instant(&self, share: f64) -> DateTime<Utc> {
        let whole = (self.end - self.start).num_milliseconds() as f64;
        self.start + TimeDelta::milliseconds((whole * share.clamp(0.0, 1.0)) as i64)
    }

    /// Where a value is, in pixels from the upper edge.
    #[must_use]
    pub fn y(&self, value: f64) -> f64 {
        HEIGHT - (value / self.top).clamp(0.0, 1.0) * HEIGHT
    }

    /// The middle of the interval that a point stands for.
    fn x(&self, point: &Point) -> f64 {
        let middle = point.at + TimeDelta::milliseconds(i64::from(self.interval_seconds) * 500);
        self.share(middle).clamp(0.0, 1.0) * WIDTH
    }

    /// The points without gaps between them, run by run. Samples drift within their interval, so that one can be
    /// empty without anything having been missed.
    fn runs<'a>(&self, points: &'a [Point]) -> impl Iterator<Item = &'a [Point]> {
        let limit = TimeDelta::milliseconds(i64::from(self.interval_seconds) * 2500);
        points.chunk_by(move |left, right| right.at - left.at <= limit)
    }

    /// One stroke for each run; a lone point becomes a dot. Nothing is drawn where nothing was measured.
    #[must_use]
    pub fn line(&self, points: &[Point]) -> String {
        let mut path = String::new();
        for run in self.runs(points) {
            for (index, point) in run.iter().enumerate() {
                let letter = if index == 0 { 'M' } else { 'L' };
                // Writing to a string cannot fail.
                let _ = write!(path, "{letter}{:.1} {:.1}", self.x(point), self.y(point.avg));
            }
            if run.len() == 1 {
                path.push_str("h.01");
            }
        }
        path
    }

    /// The area between smallest and largest, run by run; empty when they are the same.
    #[must_use]
    pub fn band(&self, points: &[Point]) -> String {
        let mut path = String::new();
        for run in self.runs(points).filter(|run| run.iter().any(|point| point.max > point.min)) {
            let upper = run.iter().map(|point| (self.x(point), self.y(point.max)));
            let lower = run.iter().rev().map(|point| (self.x(point), self.y(point.min)));
            for (index, (x, y)) in upper.chain(lower).enumerate() {
                let _ = write!(path, "{}{x:.1} {y:.1}", if index == 0 { 'M' } else { 'L' });
            }
            path.push('Z');
        }
        path
    }

    /// The point whose interval holds an instant.
    #[must_use]
    pub fn point_at<'a>(&self, points: &'a [Point], at: DateTime<Utc>) -> Option<&'a Point> {
        let index = points.partition_point(|point| point.at <= at).checked_sub(1)?;
        let point = &points[index];
        (at - point.at <= TimeDelta::milliseconds(i64::from(self.interval_seconds) * 1500)).then_some(point)
    }

    /// Round times inside the window, by the clock that is `offset_minutes` east of UTC.
    #[must_use]
    pub fn times(&self, offset_minutes: i64) -> Vec<DateTime<Utc>> {
        let whole = (self.end - self.start).num_seconds().max(1);
        let step = TIME_STEPS.into_iter().find(|step| whole / step <= TIMES_MAX).unwrap_or(whole);
        let offset = offset_minutes * 60;
        let first = (self.start.timestamp() + offset + step - 1).div_euclid(step) * step - offset;
        (0..=TIMES_MAX)
            .map(|index| first + index * step)
            .take_while(|second| *second <= self.end.timestamp())
            .filter_map(|second| DateTime::from_timestamp(second, 0))
            .collect()
    }

    /// Written under a round time: the day at midnight and over long windows, else the time of day.
    #[must_use]
    pub fn time_label(&self, wall: DateTime<Utc>) -> String {
        let is_long = self.end - self.start > TimeDelta::days(4);
        let is_midnight = wall.hour() == 0 && wall.minute() == 0;
        if is_long || is_midnight { super::format::day(wall) } else { super::format::time_of_day(wall) }
    }
}

/// Most times under a chart; more would touch each other on a phone.
const TIMES_MAX: i64 = 6;
/// Steps between the times, in seconds: a minute to half a month.
const TIME_STEPS: [i64; 16] = [
    60, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 14_400, 21_600, 43_200, 86_400, 172_800, 432_000,
    604_800, 1_296_000,
];

/// A round number at or above a value, so that half of it is round too.
fn round_up(unit: Unit, value: f64) -> f64 {
    const ROUND: [f64; 10] = [1.0, 2.0, 4.0, 5.0, 10.0, 20.0, 40.0, 50.0, 100.0, 200.0];
    let value = if value.is_finite() { value.max(0.0) } else { 0.0 };
    match unit {
        Unit::Percent => 100.0,
        Unit::Bytes | Unit::BytesPerSecond => {
            let mut base = 1.0;
            while value / base > 512.0 {
                base *= 1024.0;
            }
            let rounded = ROUND.into_iter().find(|round| round * base >= value).unwrap_or(512.0);
            (rounded * base).max(1024.0)
        }
        Unit::Count | Unit::Load | Unit::Seconds => {
            let mut base = 1.0;
            while value / base > 200.0 {
                base *= 100.0;
            }
            ROUND.into_iter().find(|round| round * base >= value).unwrap_or(200.0) * base
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(second: i64, avg: f64) -> Point {
        let at = DateTime::from_timestamp(second, 0).expect("in range");
        Point { at, avg, min: avg - 1.0, max: avg + 1.0 }
    }

    fn scale(seconds: i64) -> Scale {
        let start = DateTime::UNIX_EPOCH;
        Scale::new(start, start + TimeDelta::seconds(seconds), 10, Unit::Percent, 0.0)
    }

    #[test]
    fn a_gap_is_never_bridged() {
        let line = scale(100).line(&[point(0, 0.0), point(10, 100.0), point(40, 50.0)]);
        assert_eq!(line, "M50.0 160.0L150.0 0.0M450.0 80.0h.01");
        assert_eq!(scale(100).band(&[point(0, 50.0), point(40, 50.0)]).matches('Z').count(), 2);
    }

    #[test]
    fn a_readout_is_of_the_interval_under_the_pointer() {
        let points = [point(0, 1.0), point(10, 2.0), point(40, 3.0)];
        let read = |second| {
            let at = DateTime::from_timestamp(second, 0).expect("in range");
            scale(100).point_at(&points, at).map(|point| point.avg)
        };
        assert_eq!([read(0), read(15), read(30), read(45)], [Some(1.0), Some(2.0), None, Some(3.0)]);
    }

    #[test]
    fn edges_are_round_and_above_every_value() {
        assert_eq!(round_up(Unit::Load, 0.3), 1.0);
        assert_eq!(round_up(Unit::Count, 350.0), 400.0);
        assert_eq!(round_up(Unit::Bytes, 3.0e9), 4.0 * 1024.0 * 1024.0 * 1024.0);
        assert_eq!(round_up(Unit::BytesPerSecond, 0.0), 1024.0);
        assert_eq!(round_up(Unit::Percent, 7.0), 100.0);
    }

    #[test]
    fn times_are_round_on_the_wall() {
        let start = DateTime::from_timestamp(1_000_000, 0).expect("in range");
        let scale = Scale::new(start, start + TimeDelta::hours(24), 360, Unit::Percent, 0.0);
        for offset in [0, 60, -210, 345] {
            let times = scale.times(offset);
            assert!((3..=7).contains(&times.len()), "{times:?}");
            assert!(times.iter().all(|at| (at.timestamp() + offset * 60) % 14_400 == 0));
        }
    }
}
