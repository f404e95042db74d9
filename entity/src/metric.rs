//! Metrics: one sample of a machine, and the history made of many.

use crate::{input::clip, platform::words};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One sample, as the agent took it. Every field ends in its unit; what could not be measured is absent.
/// The latest is kept as it is; in the history percentages and loads are rounded to hundredths, everything else is exact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MetricSample {
    /// When it was taken, by the device's clock; with the device it is the key, so repeats are harmless.
    pub collected_at: DateTime<Utc>,
    /// Use of all processors together since the previous sample, 0–100.
    #[serde(default, deserialize_with = "finite::number")]
    pub cpu_percent: Option<f32>,
    /// Memory in use.
    pub memory_used_bytes: Option<u64>,
    /// Memory in use, 0–100.
    #[serde(default, deserialize_with = "finite::number")]
    pub memory_percent: Option<f32>,
    /// Swap in use.
    pub swap_used_bytes: Option<u64>,
    /// Load averages over 1, 5 and 15 minutes; absent on systems without them.
    #[serde(default, deserialize_with = "finite::three")]
    pub load_average: Option<[f32; 3]>,
    /// Seconds since boot.
    pub uptime_seconds: Option<u64>,
    /// Received over all interfaces but loopback since the previous sample; absent in the first.
    pub network_rx_bytes: Option<u64>,
    /// Sent over all interfaces but loopback since the previous sample; absent in the first.
    pub network_tx_bytes: Option<u64>,
    /// Processes that exist.
    pub process_count: Option<u32>,
    /// Every local disk.
    #[serde(default)]
    pub disks: Vec<DiskSample>,
    /// The processes that use most, at most [`TOP_PROCESSES_MAX`].
    #[serde(default)]
    pub top_processes: Vec<ProcessSample>,
}

/// Most disks of one sample.
pub const DISKS_MAX: usize = 64;
/// Most processes of one sample.
pub const TOP_PROCESSES_MAX: usize = 10;

/// One local disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DiskSample {
    /// Where it is mounted, or its drive letter.
    pub mount: String,
    /// Device behind it.
    pub device: String,
    /// Kind of file system.
    pub file_system: String,
    /// Size.
    pub total_bytes: u64,
    /// In use.
    pub used_bytes: u64,
}

impl DiskSample {
    /// How full it is, 0–100.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a percentage needs no more"
    )]
    pub fn used_percent(&self) -> f32 {
        if self.total_bytes == 0 {
            return 0.0;
        }
        (self.used_bytes.min(self.total_bytes) as f64 * 100.0 / self.total_bytes as f64) as f32
    }
}

/// One process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProcessSample {
    /// Process id.
    pub pid: u32,
    /// Name of the program, without arguments: those can hold secrets.
    pub name: String,
    /// Use of one processor = 100.
    #[serde(deserialize_with = "finite::one")]
    pub cpu_percent: f32,
    /// Resident memory.
    pub memory_bytes: u64,
}

/// JSON has numbers that are larger than any of 32 bits: they are read as the largest, not as infinity, which could not be
/// written again.
mod finite {
    use serde::{Deserialize as _, Deserializer};

    const fn bound(value: f32) -> f32 {
        value.clamp(f32::MIN, f32::MAX)
    }

    pub(super) fn one<'de, D: Deserializer<'de>>(from: D) -> Result<f32, D::Error> {
        f32::deserialize(from).map(bound)
    }

    pub(super) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f32>, D::Error> {
        Ok(Option::<f32>::deserialize(from)?.map(bound))
    }

    pub(super) fn three<'de, D: Deserializer<'de>>(from: D) -> Result<Option<[f32; 3]>, D::Error> {
        Ok(Option::<[f32; 3]>::deserialize(from)?.map(|three| three.map(bound)))
    }
}

impl MetricSample {
    /// The fullest disk, 0–100: the number that decides whether somebody must act.
    #[must_use]
    pub fn disk_percent(&self) -> Option<f32> {
        self.disks.iter().map(DiskSample::used_percent).max_by(f32::total_cmp)
    }

    /// In use on all disks together.
    #[must_use]
    pub fn disk_used_bytes(&self) -> Option<u64> {
        if self.disks.is_empty() { None } else { Some(self.disks.iter().map(|disk| disk.used_bytes).sum()) }
    }

    /// Bounds everything an agent sent: percentages into 0–100, no infinities, lists and texts cut.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let percent = |value: Option<f32>| value.filter(|v| v.is_finite()).map(|v| v.clamp(0.0, 100.0));
        self.cpu_percent = percent(self.cpu_percent);
        self.memory_percent = percent(self.memory_percent);
        self.load_average = self.load_average.filter(|load| load.iter().all(|v| v.is_finite() && *v >= 0.0));
        // Integers are stored as signed 64 bit.
        let whole = |value: Option<u64>| value.map(|v| v.min(i64::MAX.unsigned_abs()));
        self.memory_used_bytes = whole(self.memory_used_bytes);
        self.swap_used_bytes = whole(self.swap_used_bytes);
        self.uptime_seconds = whole(self.uptime_seconds);
        self.network_rx_bytes = whole(self.network_rx_bytes);
        self.network_tx_bytes = whole(self.network_tx_bytes);
        self.disks.truncate(DISKS_MAX);
        for disk in &mut self.disks {
            disk.mount = clip(&disk.mount, 200);
            disk.device = clip(&disk.device, 200);
            disk.file_system = clip(&disk.file_system, 40);
            disk.total_bytes = disk.total_bytes.min(1 << 56);
            disk.used_bytes = disk.used_bytes.min(disk.total_bytes);
        }
        self.top_processes.truncate(TOP_PROCESSES_MAX);
        for process in &mut self.top_processes {
            process.name = clip(&process.name, 100);
            if !process.cpu_percent.is_finite() {
                process.cpu_percent = 0.0;
            }
        }
        self
    }
}

words! {
    /// A metric that has a history.
    Metric {
        /// Use of all processors, 0–100.
        CpuPercent = "cpu_percent",
        /// Memory in use, 0–100.
        MemoryPercent = "memory_percent",
        /// Memory in use, bytes.
        MemoryUsedBytes = "memory_used_bytes",
        /// Swap in use, bytes.
        SwapUsedBytes = "swap_used_bytes",
        /// The fullest disk, 0–100.
        DiskPercent = "disk_percent",
        /// In use on all disks, bytes.
        DiskUsedBytes = "disk_used_bytes",
        /// Load average over one minute.
        LoadAverage1m = "load_average_1m",
        /// Load average over five minutes.
        LoadAverage5m = "load_average_5m",
        /// Load average over fifteen minutes.
        LoadAverage15m = "load_average_15m",
        /// Received, bytes per second.
        NetworkRxBytesPerSecond = "network_rx_bytes_per_second",
        /// Sent, bytes per second.
        NetworkTxBytesPerSecond = "network_tx_bytes_per_second",
        /// Processes that exist.
        ProcessCount = "process_count",
        /// Seconds since boot.
        UptimeSeconds = "uptime_seconds",
    }
}

/// What is asked of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryQuery {
    /// Which metrics; at most [`HISTORY_METRICS_MAX`].
    pub metrics: Vec<Metric>,
    /// From when, inclusive.
    pub start: DateTime<Utc>,
    /// Until when, exclusive.
    pub end: DateTime<Utc>,
    /// Width of a point in seconds; chosen so that about [`HISTORY_POINTS`] fit when absent.
    pub interval_seconds: Option<u32>,
}

/// Most metrics of one question.
pub const HISTORY_METRICS_MAX: usize = 8;
/// Points that a chart gets when it does not say how wide one is.
pub const HISTORY_POINTS: u32 = 240;
/// Most points of one answer.
pub const HISTORY_POINTS_MAX: i64 = 5_000;

/// The history of some metrics of one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct History {
    /// From when.
    pub start: DateTime<Utc>,
    /// Until when.
    pub end: DateTime<Utc>,
    /// Width of a point.
    pub interval_seconds: u32,
    /// One for each metric asked for, in that order.
    pub series: Vec<Series>,
}

/// One metric over time. Intervals without data have no point: a gap stays a gap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Series {
    /// Which metric.
    pub metric: Metric,
    /// In order of time.
    pub points: Vec<Point>,
}

/// The values of one interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Point {
    /// Start of the interval.
    pub at: DateTime<Utc>,
    /// Mean.
    pub avg: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_beyond_all_bounds_is_written_again_as_it_was_read() {
        let text = r#"{"collected_at":"2026-11-20T08:15:00Z","cpu_percent":5e39,"load_average":[1e300,-1e300,0.5],
            "disks":[],"top_processes":[{"pid":1,"name":"x","cpu_percent":-5e39,"memory_bytes":0}]}"#;
        // As a message with a type is read: first as it stands, with 64 bits.
        let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let sample: MetricSample = serde_json::from_value(value).expect("reads");
        assert_eq!(sample.load_average, Some([f32::MAX, f32::MIN, 0.5]));
        let written = serde_json::to_string(&sample).expect("writes");
        assert_eq!(serde_json::from_str::<MetricSample>(&written).expect("reads again"), sample);
        let bounded = sample.bounded();
        assert_eq!((bounded.cpu_percent, bounded.load_average), (Some(100.0), None));
    }

    #[test]
    fn hostile_samples_are_bounded() {
        let sample = MetricSample {
            collected_at: DateTime::UNIX_EPOCH,
            cpu_percent: Some(f32::INFINITY),
            memory_used_bytes: Some(u64::MAX),
            memory_percent: Some(1e9),
            swap_used_bytes: None,
            load_average: Some([f32::NAN, 0.0, 0.0]),
            uptime_seconds: Some(1),
            network_rx_bytes: None,
            network_tx_bytes: None,
            process_count: None,
            disks: vec![
                DiskSample {
                    mount: "/\u{0}".repeat(500),
                    device: String::new(),
                    file_system: String::new(),
                    total_bytes: 10,
                    used_bytes: 99,
                };
                500
            ],
            top_processes: vec![],
        }
        .bounded();
        assert_eq!(sample.cpu_percent, None);
        assert_eq!(sample.memory_percent, Some(100.0));
        assert_eq!(sample.load_average, None);
        assert_eq!(sample.disks.len(), DISKS_MAX);
        assert_eq!(sample.disk_percent(), Some(100.0));
        assert_eq!(sample.disks[0].mount.len(), 200);
    }
}
