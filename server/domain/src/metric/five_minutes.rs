//! Five minutes in one row: how many samples, when the last was taken, and of each metric how many values, their mean,
//! the smallest and the largest. Traffic is kept as bytes per second.

use super::{
    aggregate::{Aggregate, Figure, Interval, Kept},
    sample::{COLUMNS, METRICS, Measure, Row, Tier, Unit, measure},
    walk::Visitor as _,
};
use chunk::{Chunk, Column, DecodeError};
use entity::metric::Metric;
use std::ops::Range;

/// Columns of a metric: count, mean, mean less smallest, largest less mean.
const COLUMNS_OF_METRIC: usize = 4;
/// Columns before those of the metrics: samples, and milliseconds from the start to the last of them.
const COLUMNS_BEFORE: usize = 2;
/// Columns of a row.
pub(super) const COLUMNS_KEPT: usize = COLUMNS_BEFORE + COLUMNS_OF_METRIC * COLUMNS;
/// One row.
pub(super) type KeptRow = chunk::Row<COLUMNS_KEPT>;
/// Five minutes in milliseconds.
pub(super) const WIDTH: i64 = 5 * 60 * 1000;

/// Rows of five minutes from samples in order; `previous` is when the sample before them was taken.
pub(super) fn rows(samples: &[Row], previous: Option<i64>) -> Vec<KeptRow> {
    let measures = METRICS.map(measure);
    let mut aggregate = Aggregate::new(WIDTH, &measures, previous);
    for sample in samples {
        aggregate.sample(sample.at, &measures.map(|measure| sample.get(measure.field as usize)));
    }
    aggregate.finish().iter().map(|interval| row(interval, &measures)).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "the casts hold at the ends of the range")]
fn row(interval: &Interval, measures: &[Measure]) -> KeptRow {
    let mut row = KeptRow::new(interval.start);
    row.set(0, i64::try_from(interval.samples).ok());
    row.set(1, Some(interval.last_at - interval.start));
    for (measure, figure) in measures.iter().zip(&interval.figures).filter(|(_, figure)| figure.count > 0) {
        let scale = if measure.unit == Unit::Rate { 100.0 } else { 1.0 };
        let [mean, min, max] =
            [figure.mean(), figure.min, figure.max].map(|value| (value * scale).round() as i64);
        let begin = COLUMNS_BEFORE + COLUMNS_OF_METRIC * measure.place;
        row.set(begin, i64::try_from(figure.count).ok());
        row.set(begin + 1, Some(mean));
        row.set(begin + 2, Some(mean.wrapping_sub(min)));
        row.set(begin + 3, Some(max.wrapping_sub(mean)));
    }
    row
}

/// Adds the rows of a chunk that begin within a range.
#[expect(clippy::cast_precision_loss, reason = "a chart needs no more")]
pub(super) fn add(
    payload: &[u8],
    metrics: &[Metric],
    range: &Range<i64>,
    aggregate: &mut Aggregate<'_>,
) -> Result<(), DecodeError> {
    let chunk = Chunk::open(Tier::FiveMinutes.number(), payload)?;
    let mut times = Vec::new();
    chunk.times(&mut times)?;
    let read = |index: usize| -> Result<Column, DecodeError> {
        let mut column = Column::default();
        chunk.column(index, &mut column)?;
        Ok(column)
    };
    let (samples, last) = (read(0)?, read(1)?);
    let mut columns = Vec::with_capacity(metrics.len());
    for metric in metrics {
        let begin = COLUMNS_BEFORE + COLUMNS_OF_METRIC * measure(*metric).place;
        columns.push([read(begin)?, read(begin + 1)?, read(begin + 2)?, read(begin + 3)?]);
    }
    for (row, start) in times.iter().enumerate().filter(|(_, at)| range.contains(at)) {
        let figures: Vec<_> = metrics
            .iter()
            .zip(&columns)
            .map(|(metric, [count, mean, below, above])| {
                let (count, mean) = (count.get(row)?.unsigned_abs(), mean.get(row)?);
                let scale = if measure(*metric).unit == Unit::Rate { 100.0 } else { 1.0 };
                Some(Figure {
                    count,
                    sum: mean as f64 / scale * count as f64,
                    min: mean.wrapping_sub(below.get(row)?) as f64 / scale,
                    max: mean.wrapping_add(above.get(row)?) as f64 / scale,
                })
            })
            .collect();
        aggregate.kept(&Kept {
            start: *start,
            samples: samples.get(row).unwrap_or_default().unsigned_abs(),
            last_at: start + last.get(row).unwrap_or_default(),
            figures: &figures,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::sample::Field;

    #[test]
    fn five_minutes_say_what_their_samples_said() {
        let samples: Vec<Row> = (0..20)
            .map(|minute| {
                let mut row = Row::new(minute * 60_000 + 500);
                row.set(Field::CpuPercent as usize, Some(100 * minute));
                row.set(Field::NetworkRxBytes as usize, (minute != 7).then_some(6_000));
                row
            })
            .collect();
        let kept = rows(&samples, None);
        assert_eq!(kept.iter().map(|row| row.at).collect::<Vec<_>>(), [0, WIDTH, 2 * WIDTH, 3 * WIDTH]);
        assert!(kept.iter().all(|row| row.get(0) == Some(5)));
        let payload = chunk::encode(Tier::FiveMinutes.number(), &kept).expect("writes");
        let metrics = [Metric::CpuPercent, Metric::NetworkRxBytesPerSecond, Metric::SwapUsedBytes];
        let measures = metrics.map(measure);
        // At a width of their own, and of ten minutes: as if made from the samples.
        for width in [WIDTH, 2 * WIDTH] {
            let mut from_kept = Aggregate::new(width, &measures, None);
            add(&payload, &metrics, &(0..i64::MAX), &mut from_kept).expect("reads");
            let mut from_samples = Aggregate::new(width, &measures, None);
            for sample in &samples {
                from_samples.sample(sample.at, &measures.map(|m| sample.get(m.field as usize)));
            }
            assert_eq!(from_kept.finish(), from_samples.finish());
        }
    }
}
