//! Reads the files of `/proc` that a sample is made of; pure.
#![cfg_attr(not(any(test, target_os = "linux")), expect(dead_code, reason = "only Linux has these files"))]

use super::{Traffic, is_loopback};
use entity::metric::{ProcessSample, TOP_PROCESSES_MAX};

/// What all processors have done since boot, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticks {
    /// Working.
    pub busy: u64,
    /// Waiting, for a disk or for work.
    pub idle: u64,
    /// How many processors there are.
    pub processors: u64,
}

impl Ticks {
    /// Reads `/proc/stat`.
    pub fn read(stat: &str) -> Option<Self> {
        let mut lines = stat.lines();
        // Columns: user, nice, system, idle, iowait, irq, softirq, steal; what guests take is in user already.
        let mut columns = numbers(lines.next()?.strip_prefix("cpu ")?);
        let mut next = || columns.next().unwrap_or(0);
        let mut busy = next() + next() + next();
        let idle = next() + next();
        busy += next() + next() + next();
        let processors = lines.take_while(|line| line.starts_with("cpu")).count() as u64;
        Some(Self { busy, idle, processors })
    }

    /// From one look to the next. A count that goes back a little, as that of waiting for disks does, counts nothing.
    pub const fn since(self, before: Self) -> Self {
        Self {
            busy: self.busy.saturating_sub(before.busy),
            idle: self.idle.saturating_sub(before.idle),
            processors: self.processors,
        }
    }

    /// Use of all processors together, 0–100.
    pub fn percent(self) -> Option<f32> {
        super::percent(self.busy, self.busy + self.idle)
    }

    /// What so many ticks of a process are, when those of one processor are 100.
    pub fn percent_of_one(self, ticks: u64) -> f32 {
        super::percent(ticks.saturating_mul(self.processors.max(1)), self.busy + self.idle).unwrap_or(0.0)
    }
}

fn numbers(text: &str) -> impl Iterator<Item = u64> {
    text.split_ascii_whitespace().map(|word| word.parse().unwrap_or(0))
}

/// Main memory and swap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Main memory.
    pub total_bytes: u64,
    /// Not available for anything new.
    pub used_bytes: u64,
    /// Swap in use.
    pub swap_used_bytes: u64,
}

impl Memory {
    /// Reads `/proc/meminfo`.
    pub fn read(meminfo: &str) -> Self {
        let value = |name: &str| {
            let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            numbers(line).next().map(|kibibytes| kibibytes.saturating_mul(1024))
        };
        let bytes = |name: &str| value(name).unwrap_or(0);
        let total_bytes = bytes("MemTotal");
        // Kernels before 3.14 leave the estimate to others.
        let available =
            value("MemAvailable").unwrap_or_else(|| bytes("MemFree") + bytes("Buffers") + bytes("Cached"));
        Self {
            total_bytes,
            used_bytes: total_bytes.saturating_sub(available),
            swap_used_bytes: bytes("SwapTotal").saturating_sub(bytes("SwapFree")),
        }
    }
}

/// Received and sent over all interfaces but loopback, as `/proc/net/dev` counts them; `None` without an interface.
pub fn traffic(table: &str) -> Option<Traffic> {
    let mut sum: Option<Traffic> = None;
    for (name, counts) in table.lines().filter_map(|line| line.split_once(':')) {
        if is_loopback(name.trim()) {
            continue;
        }
        // Columns: bytes, packets, and six more of what was received; then the same of what was sent.
        let mut counts = numbers(counts);
        let (received, sent) = (counts.next().unwrap_or(0), counts.nth(7).unwrap_or(0));
        let (so_far_received, so_far_sent) = sum.unwrap_or_default();
        sum = Some((so_far_received.saturating_add(received), so_far_sent.saturating_add(sent)));
    }
    sum
}

/// Reads `/proc/loadavg`.
pub fn load_average(text: &str) -> Option<[f32; 3]> {
    let mut words = text.split_ascii_whitespace().map(|word| word.parse().ok());
    Some([words.next()??, words.next()??, words.next()??])
}

/// Whole seconds since boot, of `/proc/uptime`.
pub fn uptime_seconds(text: &str) -> Option<u64> {
    text.split(['.', ' ']).next()?.parse().ok()
}

/// One process, of `/proc/<pid>/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process<'a> {
    /// Name of its program, as far as the kernel keeps it.
    pub name: &'a [u8],
    /// Processor time that it has taken.
    pub ticks: u64,
    /// When it began, in ticks since boot: tells it from another one with the same number.
    pub started: u64,
    /// Resident memory.
    pub pages: u64,
}

impl<'a> Process<'a> {
    /// Reads the one line. The name stands in brackets and may hold anything, brackets too.
    pub fn read(stat: &'a [u8]) -> Option<Self> {
        let from = stat.iter().position(|byte| *byte == b'(')? + 1;
        let to = stat.iter().rposition(|byte| *byte == b')')?;
        let mut columns = numbers(std::str::from_utf8(stat.get(to + 1..)?).ok()?);
        // Columns of proc(5): 14 utime, 15 stime, 22 starttime, 24 rss; the first here is 3.
        let ticks = columns.nth(11)?.saturating_add(columns.next()?);
        let started = columns.nth(6)?;
        let pages = columns.nth(1)?;
        Some(Self { name: stat.get(from..to)?, ticks, started, pages })
    }
}

/// The processes that use most, and no others: their names are all that is kept of a whole list.
#[derive(Debug, Default)]
pub struct Top(Vec<(u64, ProcessSample)>);

impl Top {
    /// Looks at one more, which took so many ticks since the last look.
    pub fn offer(
        &mut self,
        pid: u32,
        process: &Process<'_>,
        ticks: u64,
        memory_bytes: u64,
        cpu_percent: f32,
    ) {
        let is_before =
            |(other, sample): &(u64, ProcessSample)| (*other, sample.memory_bytes) >= (ticks, memory_bytes);
        let place = self.0.partition_point(is_before);
        if place >= TOP_PROCESSES_MAX {
            return;
        }
        self.0.truncate(TOP_PROCESSES_MAX - 1);
        let name = String::from_utf8_lossy(process.name).into_owned();
        self.0.insert(place, (ticks, ProcessSample { pid, name, cpu_percent, memory_bytes }));
    }

    /// Them, whoever uses most first.
    pub fn into_samples(self) -> Vec<ProcessSample> {
        self.0.into_iter().map(|(_, sample)| sample).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  100 10 40 800 50 5 15 20 7 0\ncpu0 50 5 20 400 25 2 8 10 3 0\ncpu1 50 5 20 400 25 3 7 10 4 0\nintr 1 2\n";

    #[test]
    fn processors_are_busy_or_idle() {
        let before = Ticks::read(STAT).unwrap();
        assert_eq!(before, Ticks { busy: 190, idle: 850, processors: 2 });
        let after = Ticks { busy: 240, idle: 1000, processors: 2 };
        assert_eq!(after.since(before).percent(), Some(25.0));
        assert_eq!(after.since(before).percent_of_one(50), 50.0);
        assert_eq!(before.since(before).percent(), None, "no time has passed");
        assert_eq!(Ticks { idle: 849, ..before }.since(before).idle, 0);
        assert!(Ticks::read("").is_none() && Ticks::read("intr 1\n").is_none());
    }

    #[test]
    fn memory_is_what_is_not_available() {
        let new =
            "MemTotal:  1000 kB\nMemFree: 100 kB\nMemAvailable:  600 kB\nSwapTotal: 50 kB\nSwapFree: 20 kB\n";
        let expected = Memory { total_bytes: 1_024_000, used_bytes: 409_600, swap_used_bytes: 30_720 };
        assert_eq!(Memory::read(new), expected);
        let old = "MemTotal:  1000 kB\nMemFree: 100 kB\nBuffers: 100 kB\nCached: 400 kB\nSwapCached: 9 kB\n";
        assert_eq!(Memory::read(old), Memory { swap_used_bytes: 0, ..expected });
        assert_eq!(Memory::read(""), Memory::default());
    }

    #[test]
    fn traffic_leaves_out_what_leads_nowhere() {
        let head = "Inter-|   Receive  |  Transmit\n face |bytes    packets errs|bytes    packets\n";
        let rows = "    lo: 999 9 0 0 0 0 0 0 999 9 0 0 0 0 0 0\n  eth0: 10 1 0 0 0 0 0 0 20 2 0 0 0 0 0 0\n wg0:5 1 0 0 0 0 0 0 6 2 0 0 0 0 0 0\n";
        assert_eq!(traffic(&format!("{head}{rows}")), Some((15, 26)));
        assert_eq!(traffic(head), None);
    }

    #[test]
    fn load_and_uptime() {
        assert_eq!(load_average("0.10 1.25 3.00 1/234 5678\n"), Some([0.1, 1.25, 3.0]));
        assert_eq!((load_average("0.10 x"), load_average("")), (None, None));
        assert_eq!((uptime_seconds("1234.56 99.00\n"), uptime_seconds("")), (Some(1234), None));
    }

    fn line(name: &str) -> String {
        format!("77 ({name}) S 1 77 77 0 -1 4194560 9 0 0 0 30 12 5 5 20 0 1 0 4242 1000000 250 184467 1 1\n")
    }

    #[test]
    fn a_name_may_hold_anything() {
        for name in ["sh", "a) R 1 (b", "tmux: server", ""] {
            let line = line(name);
            let process = Process::read(line.as_bytes()).unwrap();
            assert_eq!(process, Process { name: name.as_bytes(), ticks: 42, started: 4242, pages: 250 });
        }
        assert_eq!(Process::read(b"1 (x"), None);
        assert_eq!(Process::read(b"1 (x) S 1"), None);
    }

    #[test]
    fn only_those_that_use_most_are_kept() {
        let line = line("p");
        let process = Process::read(line.as_bytes()).unwrap();
        let mut top = Top::default();
        for pid in 0..100_u32 {
            // Of those that use the same, the larger ones count.
            top.offer(pid, &process, u64::from(pid / 50), u64::from(pid), 0.0);
        }
        let pids: Vec<u32> = top.into_samples().iter().map(|sample| sample.pid).collect();
        assert_eq!(pids, (90..100).rev().collect::<Vec<_>>());
    }
}
