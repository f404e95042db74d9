//! A sample as a row of whole numbers. Percentages and loads are kept in hundredths, rounded when they come in; bytes,
//! seconds and counts are kept exactly. The order of the columns is what chunks on disk have: new ones go to the end.

use chrono::Duration;
use entity::metric::{Metric, MetricSample};
use std::ops::Range;

/// Columns of a sample.
pub(super) const COLUMNS: usize = 13;
/// One sample; its time is in milliseconds.
pub(super) type Row = chunk::Row<COLUMNS>;

/// What a chunk holds, and which tier it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tier {
    /// Samples as they were taken.
    Raw,
    /// Five minutes in a row: how many samples, and of each metric the mean, the smallest and the largest.
    FiveMinutes,
}

impl Tier {
    /// The number in the database, and at the front of a chunk.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Raw => 0,
            Self::FiveMinutes => 1,
        }
    }

    /// The word for its partitions.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::FiveMinutes => "five_minutes",
        }
    }
}

/// An hour in milliseconds.
pub(super) const HOUR: i64 = 60 * 60 * 1000;
/// A day in milliseconds.
pub(super) const DAY: i64 = 24 * HOUR;

/// The hour or the day that a moment is in.
pub(super) const fn around(at: i64, length: i64) -> Range<i64> {
    let start = at.div_euclid(length) * length;
    start..start + length
}

/// A number of days in milliseconds.
pub(super) fn days(count: u32) -> i64 {
    Duration::days(i64::from(count)).num_milliseconds()
}

/// Columns of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    CpuPercent = 0,
    MemoryUsedBytes = 1,
    MemoryPercent = 2,
    SwapUsedBytes = 3,
    DiskUsedBytes = 4,
    DiskPercent = 5,
    LoadAverage1m = 6,
    LoadAverage5m = 7,
    LoadAverage15m = 8,
    UptimeSeconds = 9,
    NetworkRxBytes = 10,
    NetworkTxBytes = 11,
    ProcessCount = 12,
}

/// The columns of `agent_metrics` in the same order, and whether they are real numbers.
pub(super) const ROW_COLUMNS: [(&str, bool); COLUMNS] = [
    ("cpu_percent", true),
    ("memory_used_bytes", false),
    ("memory_percent", true),
    ("swap_used_bytes", false),
    ("disk_used_bytes", false),
    ("disk_percent", true),
    ("load_average_1m", true),
    ("load_average_5m", true),
    ("load_average_15m", true),
    ("uptime_seconds", false),
    ("network_rx_bytes", false),
    ("network_tx_bytes", false),
    ("process_count", false),
];

/// What a metric is made of, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measure {
    /// Its column.
    pub(super) field: Field,
    pub(super) unit: Unit,
    /// Its place in a row of five minutes.
    pub(super) place: usize,
}

/// What a number in a column stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Hundredths,
    Whole,
    /// Bytes since the sample before; the metric is bytes per second. Kept in hundredths where it is kept as a rate.
    Rate,
}

impl Unit {
    /// What one of the number is worth in the metric's own unit.
    pub(super) const fn divisor(self) -> f64 {
        match self {
            Self::Hundredths => 100.0,
            Self::Whole | Self::Rate => 1.0,
        }
    }
}

/// Every metric, in the order of a row of five minutes.
pub(super) const METRICS: [Metric; COLUMNS] = [
    Metric::CpuPercent,
    Metric::MemoryPercent,
    Metric::MemoryUsedBytes,
    Metric::SwapUsedBytes,
    Metric::DiskPercent,
    Metric::DiskUsedBytes,
    Metric::LoadAverage1m,
    Metric::LoadAverage5m,
    Metric::LoadAverage15m,
    Metric::NetworkRxBytesPerSecond,
    Metric::NetworkTxBytesPerSecond,
    Metric::ProcessCount,
    Metric::UptimeSeconds,
];

/// What a metric is made of.
pub(super) const fn measure(metric: Metric) -> Measure {
    let (place, field, unit) = match metric {
        Metric::CpuPercent => (0, Field::CpuPercent, Unit::Hundredths),
        Metric::MemoryPercent => (1, Field::MemoryPercent, Unit::Hundredths),
        Metric::MemoryUsedBytes => (2, Field::MemoryUsedBytes, Unit::Whole),
        Metric::SwapUsedBytes => (3, Field::SwapUsedBytes, Unit::Whole),
        Metric::DiskPercent => (4, Field::DiskPercent, Unit::Hundredths),
        Metric::DiskUsedBytes => (5, Field::DiskUsedBytes, Unit::Whole),
        Metric::LoadAverage1m => (6, Field::LoadAverage1m, Unit::Hundredths),
        Metric::LoadAverage5m => (7, Field::LoadAverage5m, Unit::Hundredths),
        Metric::LoadAverage15m => (8, Field::LoadAverage15m, Unit::Hundredths),
        Metric::NetworkRxBytesPerSecond => (9, Field::NetworkRxBytes, Unit::Rate),
        Metric::NetworkTxBytesPerSecond => (10, Field::NetworkTxBytes, Unit::Rate),
        Metric::ProcessCount => (11, Field::ProcessCount, Unit::Whole),
        Metric::UptimeSeconds => (12, Field::UptimeSeconds, Unit::Whole),
    };
    Measure { field, unit, place }
}

/// A real number in hundredths.
#[expect(clippy::cast_possible_truncation, reason = "the cast holds at the ends of the range")]
pub(super) fn hundredths(value: f64) -> i64 {
    (value * 100.0).round() as i64
}

/// A bounded sample as a row.
pub(super) fn row(sample: &MetricSample) -> Row {
    let mut row = Row::new(sample.collected_at.timestamp_millis());
    let mut set = |field: Field, value: Option<i64>| row.set(field as usize, value);
    let real = |value: Option<f32>| value.map(|value| hundredths(f64::from(value)));
    let whole = |value: Option<u64>| value.and_then(|value| i64::try_from(value).ok());
    let load = |index: usize| real(sample.load_average.map(|load| load[index]));
    set(Field::CpuPercent, real(sample.cpu_percent));
    set(Field::MemoryUsedBytes, whole(sample.memory_used_bytes));
    set(Field::MemoryPercent, real(sample.memory_percent));
    set(Field::SwapUsedBytes, whole(sample.swap_used_bytes));
    set(Field::DiskUsedBytes, whole(sample.disk_used_bytes()));
    set(Field::DiskPercent, real(sample.disk_percent()));
    set(Field::LoadAverage1m, load(0));
    set(Field::LoadAverage5m, load(1));
    set(Field::LoadAverage15m, load(2));
    set(Field::UptimeSeconds, whole(sample.uptime_seconds));
    set(Field::NetworkRxBytes, whole(sample.network_rx_bytes));
    set(Field::NetworkTxBytes, whole(sample.network_tx_bytes));
    set(Field::ProcessCount, sample.process_count.map(i64::from));
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_its_place() {
        assert_eq!(METRICS.len(), Metric::ALL.len());
        for (place, metric) in METRICS.into_iter().enumerate() {
            assert_eq!(measure(metric).place, place);
        }
    }

    #[test]
    fn hours_and_days_begin_where_they_do() {
        assert_eq!(around(HOUR + 5, HOUR), HOUR..2 * HOUR);
        assert_eq!(around(DAY, DAY), DAY..2 * DAY);
        assert_eq!(around(-1, DAY), -DAY..0);
    }

    #[test]
    fn real_numbers_are_rounded_and_bounded() {
        assert_eq!((hundredths(12.345), hundredths(0.004), hundredths(f64::MAX)), (1235, 0, i64::MAX));
    }
}
