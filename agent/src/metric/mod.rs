//! Takes samples: processors, memory, disks, load, network, processes.

pub mod disk;

use chrono::{SubsecRound as _, Utc};
use entity::metric::{MetricSample, ProcessSample, TOP_PROCESSES_MAX};
use sysinfo::{Networks, ProcessRefreshKind, ProcessesToUpdate, System};

/// Takes samples; processor use and traffic are measured from one call to the next.
#[derive(Debug)]
pub struct Sampler {
    system: System,
    networks: Networks,
    /// Received and sent so far.
    traffic: Option<(u64, u64)>,
}

impl Sampler {
    /// Starts measuring. `None` on a system that gives no numbers at all.
    #[must_use]
    pub fn start() -> Option<Self> {
        let mut system = System::new().ok()?;
        system.refresh_cpu_usage();
        refresh_processes(&mut system);
        let networks = Networks::new().ok()?;
        let mut sampler = Self { system, networks, traffic: None };
        sampler.traffic = sampler.traffic_so_far();
        Some(sampler)
    }

    /// Takes a sample.
    pub fn sample(&mut self) -> MetricSample {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        refresh_processes(&mut self.system);
        let total = self.system.total_memory();
        let used = total.saturating_sub(self.system.available_memory());
        let before = self.traffic;
        self.traffic = self.traffic_so_far();
        let traffic = traffic_between(before, self.traffic);
        MetricSample {
            collected_at: Utc::now().trunc_subsecs(3),
            cpu_percent: Some(self.system.global_cpu_usage()),
            memory_used_bytes: (total > 0).then_some(used),
            memory_percent: percent(used, total),
            swap_used_bytes: Some(self.system.used_swap()),
            load_average: load_average(),
            uptime_seconds: System::uptime().ok(),
            network_rx_bytes: traffic.map(|(received, _)| received),
            network_tx_bytes: traffic.map(|(_, sent)| sent),
            process_count: u32::try_from(self.system.processes().len()).ok(),
            disks: disk::all(),
            top_processes: self.top_processes(),
        }
        .bounded()
    }

    fn traffic_so_far(&mut self) -> Option<(u64, u64)> {
        self.networks.refresh(true);
        let real: Vec<_> =
            self.networks.iter().filter(|(name, _)| !is_loopback(&name.to_string_lossy())).collect();
        let sum = |(received, sent): (u64, u64), data: &sysinfo::NetworkData| {
            (received.saturating_add(data.total_received()), sent.saturating_add(data.total_transmitted()))
        };
        (!real.is_empty()).then(|| real.iter().fold((0, 0), |so_far, (_, data)| sum(so_far, data)))
    }

    fn top_processes(&self) -> Vec<ProcessSample> {
        let mut all: Vec<_> = self.system.processes().values().collect();
        all.sort_by(|a, b| b.cpu_usage().total_cmp(&a.cpu_usage()).then(b.memory().cmp(&a.memory())));
        all.into_iter()
            .take(TOP_PROCESSES_MAX)
            .map(|process| ProcessSample {
                pid: process.pid().as_u32(),
                name: process.name().to_string_lossy().into_owned(),
                cpu_percent: process.cpu_usage(),
                memory_bytes: process.memory(),
            })
            .collect()
    }
}

/// Only what a sample shows: reading arguments, environments and threads would cost more than all the rest.
fn refresh_processes(system: &mut System) {
    let kind = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
}

/// True for the interface that leads nowhere.
#[must_use]
pub fn is_loopback(interface: &str) -> bool {
    interface == "lo" || interface == "lo0" || interface.starts_with("Loopback")
}

/// Bytes between two counts. A count that went back (an interface is gone, a counter began anew) measures nothing.
fn traffic_between(before: Option<(u64, u64)>, now: Option<(u64, u64)>) -> Option<(u64, u64)> {
    let ((received_before, sent_before), (received, sent)) = (before?, now?);
    Some((received.checked_sub(received_before)?, sent.checked_sub(sent_before)?))
}

fn load_average() -> Option<[f32; 3]> {
    if cfg!(windows) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a load needs no more")]
    System::load_average().ok().map(|load| [load.one as f32, load.five as f32, load.fifteen as f32])
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

    #[test]
    fn traffic_is_the_difference_or_nothing() {
        assert_eq!(traffic_between(Some((10, 20)), Some((15, 20))), Some((5, 0)));
        assert_eq!(traffic_between(Some((10, 20)), Some((9, 30))), None);
        assert_eq!(traffic_between(None, Some((9, 30))), None);
    }

    #[test]
    fn this_machine_has_values() {
        let mut sampler = Sampler::start().unwrap();
        std::thread::sleep(sysinfo::MINIMUM_CPU_UPDATE_INTERVAL);
        let sample = sampler.sample();
        assert!(sample.cpu_percent.is_some_and(|percent| (0.0..=100.0).contains(&percent)));
        assert!(sample.memory_percent.is_some_and(|percent| percent > 0.0));
        assert!(sample.process_count.is_some_and(|count| count > 0));
        assert!(!sample.top_processes.is_empty() && sample.top_processes.len() <= TOP_PROCESSES_MAX);
    }
}
