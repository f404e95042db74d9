//! Takes samples: processors, memory, disks, load, network, processes.

pub mod disk;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;
mod proc;
#[cfg(not(target_os = "linux"))]
mod processor;

#[cfg(target_os = "linux")]
use linux as os;
#[cfg(not(target_os = "linux"))]
use other as os;

use chrono::{SubsecRound as _, Utc};
use entity::metric::{MetricSample, ProcessSample};

/// Bytes received and sent so far.
pub type Traffic = (u64, u64);

/// What the operating system says of one moment.
#[derive(Clone, Debug, Default)]
struct Reading {
    /// Since the last time, 0–100.
    cpu_percent: Option<f32>,
    /// 0 when it is not known.
    memory_total_bytes: u64,
    memory_used_bytes: u64,
    swap_used_bytes: Option<u64>,
    load_average: Option<[f32; 3]>,
    uptime_seconds: Option<u64>,
    traffic: Option<Traffic>,
    process_count: Option<u32>,
    /// Those that use most, in order.
    top_processes: Vec<ProcessSample>,
}

/// Takes samples; processor use and traffic are measured from one call to the next.
#[derive(Debug)]
pub struct Sampler {
    source: os::Source,
    traffic: Option<Traffic>,
}

impl Sampler {
    /// Starts measuring. `None` on a system that gives no numbers at all.
    #[must_use]
    pub fn start() -> Option<Self> {
        let mut source = os::Source::start()?;
        let traffic = source.traffic();
        Some(Self { source, traffic })
    }

    /// Takes a sample.
    pub fn sample(&mut self) -> MetricSample {
        let reading = self.source.read();
        let before = std::mem::replace(&mut self.traffic, reading.traffic);
        let traffic = traffic_between(before, reading.traffic);
        let (total, used) = (reading.memory_total_bytes, reading.memory_used_bytes);
        MetricSample {
            collected_at: Utc::now().trunc_subsecs(3),
            cpu_percent: reading.cpu_percent,
            memory_used_bytes: (total > 0).then_some(used),
            memory_percent: percent(used, total),
            swap_used_bytes: reading.swap_used_bytes,
            load_average: reading.load_average,
            uptime_seconds: reading.uptime_seconds,
            network_rx_bytes: traffic.map(|(received, _)| received),
            network_tx_bytes: traffic.map(|(_, sent)| sent),
            process_count: reading.process_count,
            disks: disk::all(),
            top_processes: reading.top_processes,
        }
        .bounded()
    }
}

/// True for the interface that leads nowhere.
#[must_use]
pub fn is_loopback(interface: &str) -> bool {
    interface == "lo" || interface == "lo0" || interface.starts_with("Loopback")
}

/// Bytes between two counts. A count that went back (an interface is gone, a counter began anew) measures nothing.
fn traffic_between(before: Option<Traffic>, now: Option<Traffic>) -> Option<Traffic> {
    let ((received_before, sent_before), (received, sent)) = (before?, now?);
    Some((received.checked_sub(received_before)?, sent.checked_sub(sent_before)?))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a percentage needs no more"
)]
fn percent(part: u64, whole: u64) -> Option<f32> {
    (whole > 0).then(|| (part as f64 * 100.0 / whole as f64) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::metric::TOP_PROCESSES_MAX;
    use std::time::{Duration, Instant};

    #[test]
    fn traffic_is_the_difference_or_nothing() {
        assert_eq!(traffic_between(Some((10, 20)), Some((15, 20))), Some((5, 0)));
        assert_eq!(traffic_between(Some((10, 20)), Some((9, 30))), None);
        assert_eq!(traffic_between(None, Some((9, 30))), None);
    }

    #[test]
    fn this_machine_has_values() {
        let mut sampler = Sampler::start().unwrap();
        // Somebody has to have worked.
        let until = Instant::now() + Duration::from_millis(250);
        while Instant::now() < until {
            std::hint::black_box(0);
        }
        let sample = sampler.sample();
        assert!(sample.cpu_percent.is_some_and(|percent| (0.0..=100.0).contains(&percent)));
        assert!(sample.memory_percent.is_some_and(|percent| percent > 0.0));
        assert!(sample.process_count.is_some_and(|count| count > 0));
        assert!(!sample.top_processes.is_empty() && sample.top_processes.len() <= TOP_PROCESSES_MAX);
        if cfg!(target_os = "linux") {
            let own = sample.top_processes.iter().find(|process| process.pid == std::process::id());
            assert!(own.is_some_and(|own| own.cpu_percent > 0.0 && own.memory_bytes > 0), "{sample:?}");
            assert!(sample.load_average.is_some() && sample.uptime_seconds.is_some());
        }
    }
}
