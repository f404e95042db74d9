//! What the kernel says about processes and about this machine.

use anyhow::{Context, Result};
use std::{collections::HashMap, fs, process::Command};

/// Ticks of a second in `/proc/<pid>/stat`; Linux has shown 100 to programs since 2.6.
const TICKS: f64 = 100.0;

/// The fields of `/proc/<pid>/stat` behind the name, which may hold anything.
fn stat(pid: u32) -> Option<Vec<f64>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect())
}

/// Processor seconds that a process has used, user and system; 0 when it is gone.
pub fn cpu_seconds(pid: u32) -> f64 {
    stat(pid).map_or(0.0, |fields| (fields[11] + fields[12]) / TICKS)
}

/// Processor seconds of a process, of the children that it has waited for, and of those that live.
pub fn family_cpu_seconds(pid: u32) -> f64 {
    let own = stat(pid).map_or(0.0, |fields| fields[11..15].iter().sum::<f64>() / TICKS);
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let children = pids.filter_map(|child| {
        let fields = stat(child)?;
        (fields[1] == f64::from(pid)).then_some((fields[11] + fields[12]) / TICKS)
    });
    own + children.sum::<f64>()
}

/// Processor seconds of the children that this process has waited for.
pub fn waited_cpu_seconds() -> f64 {
    stat(std::process::id()).map_or(0.0, |fields| (fields[13] + fields[14]) / TICKS)
}

/// Processor time of a process by the scheduler's own clock: finer than [`cpu_seconds`], whose ticks are longer than what
/// a quiet agent takes in a minute.
#[derive(Default)]
pub struct Threads(HashMap<String, u64>);

impl Threads {
    /// Looks again; to be called more often than threads come and go.
    pub fn look(&mut self, pid: u32) {
        for thread in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
            if let Some(time) = text.split_whitespace().next().and_then(|word| word.parse().ok()) {
                self.0.insert(thread.file_name().to_string_lossy().into_owned(), time);
            }
        }
    }

    /// Nanoseconds of all threads that were ever seen.
    pub fn nanoseconds(&self) -> u64 {
        self.0.values().sum()
    }
}

fn status(pid: u32, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// Resident memory in bytes.
pub fn rss_bytes(pid: u32) -> u64 {
    status(pid, "VmRSS")
}

/// Resident memory that belongs to no file, in bytes.
pub fn anonymous_bytes(pid: u32) -> u64 {
    status(pid, "RssAnon")
}

/// Resident memory with what is shared counted in parts, in bytes; `None` where the kernel does not say, or not to us.
pub fn pss_bytes(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// The processes that a process has started and that still run.
pub fn children(pid: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|child| stat(*child).is_some_and(|fields| fields[1] == f64::from(pid))).collect()
}

/// Lets this process have as many files open as the system allows: each simulated agent has one.
pub fn raise_file_limit() -> Result<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
        .context("cannot raise the limit of open files")?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

/// A sentence about this machine.
pub fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("an unnamed processor", |(_, name)| name.trim()).to_owned();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<f64>().ok());
    let gib = kilobytes.unwrap_or(0.0) / 1024.0 / 1024.0;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores of {model}, {gib:.0} GiB memory, Linux {}", kernel.trim())
}

/// The load of the last minute: other work on the machine makes every number worse.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}

/// What a short command prints; empty when it cannot.
pub fn says(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| String::new(), |out| String::from_utf8_lossy(&out.stdout).trim().to_owned())
}
