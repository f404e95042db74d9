//! Systems other than Linux: what sysinfo measures.

use super::{Reading, Traffic, is_loopback, processor::Processor};
use entity::metric::{ProcessSample, TOP_PROCESSES_MAX};
use sysinfo::{Networks, ProcessRefreshKind, ProcessesToUpdate, System};

/// What sysinfo remembers.
#[derive(Debug)]
pub struct Source {
    system: System,
    networks: Networks,
    processor: Processor,
}

impl Source {
    /// Starts measuring.
    pub fn start() -> Option<Self> {
        let mut system = System::new().ok()?;
        let processor = Processor::start(&mut system);
        refresh_processes(&mut system);
        Some(Self { system, networks: Networks::new().ok()?, processor })
    }

    /// Measures since the last time.
    pub fn read(&mut self) -> Reading {
        let cpu_percent = self.processor.busy(&mut self.system);
        self.system.refresh_memory();
        refresh_processes(&mut self.system);
        let memory_total_bytes = self.system.total_memory();
        Reading {
            cpu_percent,
            memory_total_bytes,
            memory_used_bytes: memory_total_bytes.saturating_sub(self.system.available_memory()),
            swap_used_bytes: Some(self.system.used_swap()),
            load_average: load_average(),
            uptime_seconds: System::uptime().ok(),
            traffic: self.traffic(),
            process_count: u32::try_from(self.system.processes().len()).ok(),
            top_processes: self.top_processes(),
        }
    }

    /// Received and sent so far.
    pub fn traffic(&mut self) -> Option<Traffic> {
        self.networks.refresh(true);
        let real: Vec<_> =
            self.networks.iter().filter(|(name, _)| !is_loopback(&name.to_string_lossy())).collect();
        let sum = |(received, sent): Traffic, data: &sysinfo::NetworkData| {
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

fn load_average() -> Option<[f32; 3]> {
    if cfg!(windows) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a load needs no more")]
    System::load_average().ok().map(|load| [load.one as f32, load.five as f32, load.fifteen as f32])
}
