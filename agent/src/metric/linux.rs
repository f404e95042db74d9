//! Linux: the files of `/proc`, each opened once a sample.

use super::{
    Reading, Traffic,
    proc::{self, Memory, Process, Ticks, Top},
};
use std::{
    fs::{self, File},
    io::Read as _,
};

/// Most bytes read of a file; a machine of a thousand processors has fewer.
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// A line about a process is shorter.
const PROCESS_BYTES_MAX: usize = 1024;

/// A process as it was at the last look.
#[derive(Clone, Copy, Debug)]
struct Seen {
    pid: u32,
    started: u64,
    ticks: u64,
}

/// What was found at the last look.
#[derive(Debug)]
pub struct Source {
    ticks: Ticks,
    /// By number.
    processes: Vec<Seen>,
}

impl Source {
    /// Starts measuring.
    pub fn start() -> Option<Self> {
        let ticks = Ticks::read(&read("stat"))?;
        let mut source = Self { ticks, processes: Vec::new() };
        source.look(Ticks::default());
        Some(source)
    }

    /// Measures since the last time.
    pub fn read(&mut self) -> Reading {
        let now = Ticks::read(&read("stat")).unwrap_or(self.ticks);
        let passed = now.since(self.ticks);
        self.ticks = now;
        let memory = Memory::read(&read("meminfo"));
        let top = self.look(passed);
        Reading {
            cpu_percent: passed.percent(),
            memory_total_bytes: memory.total_bytes,
            memory_used_bytes: memory.used_bytes,
            swap_used_bytes: Some(memory.swap_used_bytes),
            load_average: proc::load_average(&read("loadavg")),
            uptime_seconds: proc::uptime_seconds(&read("uptime")),
            traffic: self.traffic(),
            process_count: u32::try_from(self.processes.len()).ok(),
            top_processes: top.into_samples(),
        }
    }

    /// Received and sent so far.
    #[expect(clippy::unused_self, reason = "other systems have to remember something")]
    pub fn traffic(&mut self) -> Option<Traffic> {
        proc::traffic(&read("net/dev"))
    }

    /// Looks at every process; only numbers are kept of them.
    fn look(&mut self, passed: Ticks) -> Top {
        let mut seen = Vec::with_capacity(self.processes.len() + 8);
        let mut top = Top::default();
        let page_bytes = rustix::param::page_size() as u64;
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            let mut line = [0; PROCESS_BYTES_MAX];
            // Whoever has ended meanwhile is no process any more.
            let Ok(bytes) = File::open(entry.path().join("stat")).and_then(|mut file| file.read(&mut line))
            else {
                continue;
            };
            let Some(process) = Process::read(&line[..bytes]) else { continue };
            let ticks = process.ticks.saturating_sub(self.ticks_before(pid, process.started));
            seen.push(Seen { pid, started: process.started, ticks: process.ticks });
            let memory_bytes = process.pages.saturating_mul(page_bytes);
            top.offer(pid, &process, ticks, memory_bytes, passed.percent_of_one(ticks));
        }
        seen.sort_unstable_by_key(|process| process.pid);
        self.processes = seen;
        top
    }

    /// What a process had taken at the last look; nothing when it began since.
    fn ticks_before(&self, pid: u32, started: u64) -> u64 {
        let found = self.processes.binary_search_by_key(&pid, |process| process.pid);
        let before = found.ok().map(|place| self.processes[place]).filter(|before| before.started == started);
        before.map_or(0, |before| before.ticks)
    }
}

fn read(name: &str) -> String {
    let mut bytes = Vec::with_capacity(4096);
    // What cannot be read is absent from the sample.
    let _ = File::open(format!("/proc/{name}"))
        .and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}
