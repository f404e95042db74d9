//! The process itself, as the system sees it. Elsewhere than on Linux nothing is seen.

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};
use std::{
    fs,
    sync::atomic::{AtomicI64, AtomicU64},
};

/// Under the names that every dashboard knows.
#[derive(Default)]
pub(super) struct Process {
    resident: Gauge,
    cpu: Counter<f64, AtomicU64>,
    open: Gauge,
    open_max: Gauge,
    started: Gauge<i64, AtomicI64>,
}

/// One look.
#[derive(Debug, PartialEq)]
struct Look {
    resident_bytes: i64,
    cpu_seconds: f64,
    open_files: i64,
    open_files_max: i64,
    /// Seconds since 1970.
    started_at: i64,
}

impl Process {
    pub(super) fn register(&self, registry: &mut Registry) {
        let ours = registry.sub_registry_with_prefix("process");
        ours.register("resident_memory_bytes", "Resident memory", self.resident.clone());
        ours.register("cpu_seconds", "Time of processors, user and system", self.cpu.clone());
        ours.register("open_fds", "Open file descriptors", self.open.clone());
        ours.register("max_fds", "Most file descriptors that may be open", self.open_max.clone());
        ours.register("start_time_seconds", "When the process started", self.started.clone());
    }

    /// Looks anew.
    pub(super) fn look(&self) {
        let Some(look) = look() else { return };
        self.resident.set(look.resident_bytes);
        self.cpu.inc_by((look.cpu_seconds - self.cpu.get()).max(0.0));
        self.open.set(look.open_files);
        self.open_max.set(look.open_files_max);
        self.started.set(look.started_at);
    }
}

#[cfg(not(target_os = "linux"))]
fn look() -> Option<Look> {
    None
}

#[cfg(target_os = "linux")]
fn look() -> Option<Look> {
    let page = i64::try_from(rustix::param::page_size()).ok()?;
    let ticks = f64::from(u32::try_from(rustix::param::clock_ticks_per_second()).ok()?);
    let memory = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: i64 = memory.split(' ').nth(1)?.parse().ok()?;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program stands in parentheses and may hold anything; the third field follows it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3).and_then(|text| text.parse::<f64>().ok());
    let boot = fs::read_to_string("/proc/stat").ok()?;
    let boot: f64 = boot.lines().find_map(|line| line.strip_prefix("btime "))?.parse().ok()?;
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let open_max = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let open_max = open_max.and_then(|line| line.split_whitespace().next()?.parse().ok());
    Some(Look {
        resident_bytes: pages * page,
        cpu_seconds: (number(14)? + number(15)?) / ticks,
        open_files: i64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()?,
        open_files_max: open_max.unwrap_or(i64::MAX),
        started_at: (boot + number(22)? / ticks).round() as i64,
    })
}
