//! Samples to points: mean, smallest and largest of each interval. Pure.

use super::{
    sample::{Measure, Unit},
    walk::Visitor,
};

/// What one metric was in one interval, in its column's own numbers; bytes per second for a rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figure {
    pub(super) count: u64,
    pub(super) sum: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Figure {
    const NONE: Self = Self { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };

    fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    #[expect(clippy::cast_precision_loss, reason = "nobody counts so many samples")]
    pub(super) fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }
}

/// One interval that has samples.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Interval {
    /// Its start, in milliseconds.
    pub(super) start: i64,
    pub(super) samples: u64,
    /// Time of its last sample.
    pub(super) last_at: i64,
    /// One for each measure; those without a value have a count of zero.
    pub(super) figures: Vec<Figure>,
}

/// Five minutes as they are kept.
pub(super) struct Kept<'a> {
    pub(super) start: i64,
    pub(super) samples: u64,
    pub(super) last_at: i64,
    /// One for each measure.
    pub(super) figures: &'a [Option<Figure>],
}

/// Makes intervals of a width from samples in order of time.
pub(super) struct Aggregate<'a> {
    width: i64,
    measures: &'a [Measure],
    /// Time of the sample before.
    previous: Option<i64>,
    intervals: Vec<Interval>,
}

impl<'a> Aggregate<'a> {
    /// `previous`: when the sample before the first was taken, if that is known.
    pub(super) const fn new(width: i64, measures: &'a [Measure], previous: Option<i64>) -> Self {
        Self { width, measures, previous, intervals: Vec::new() }
    }

    pub(super) fn finish(self) -> Vec<Interval> {
        self.intervals
    }

    /// The interval that a moment is in.
    fn interval(&mut self, at: i64) -> &mut Interval {
        let width = self.width;
        let is_new = self.intervals.last().is_none_or(|last| at >= last.start + width);
        if is_new {
            self.intervals.push(Interval {
                start: at.div_euclid(width) * width,
                samples: 0,
                last_at: at,
                figures: vec![Figure::NONE; self.measures.len()],
            });
        }
        let last = self.intervals.len() - 1;
        &mut self.intervals[last]
    }

    /// Five minutes that were made from samples before.
    pub(super) fn kept(&mut self, kept: &Kept<'_>) {
        let interval = self.interval(kept.start);
        interval.samples += kept.samples;
        interval.last_at = kept.last_at;
        for (figure, kept) in interval.figures.iter_mut().zip(kept.figures) {
            let Some(kept) = kept else { continue };
            figure.count += kept.count;
            figure.sum += kept.sum;
            figure.min = figure.min.min(kept.min);
            figure.max = figure.max.max(kept.max);
        }
        self.previous = Some(kept.last_at);
    }
}

impl Visitor for Aggregate<'_> {
    #[expect(clippy::cast_precision_loss, reason = "a chart needs no more")]
    fn sample(&mut self, at: i64, values: &[Option<i64>]) {
        let (measures, previous) = (self.measures, self.previous.replace(at));
        let interval = self.interval(at);
        interval.samples += 1;
        interval.last_at = at;
        for ((measure, value), figure) in measures.iter().zip(values).zip(&mut interval.figures) {
            let Some(value) = *value else { continue };
            match (measure.unit, previous) {
                (Unit::Rate, Some(previous)) if at > previous => {
                    figure.add(value as f64 * 1000.0 / (at - previous) as f64);
                }
                // Without a sample before it is not known in which time it came.
                (Unit::Rate, _) => {}
                _ => figure.add(value as f64),
            }
        }
    }
}
