//! Samples of machines that never were: a plausible walk of thirteen numbers, the same for the product and the rulers.

use chrono::{DateTime, SecondsFormat};
use std::fmt::Write as _;

/// Numbers of a sample: what a row of the rulers holds beside its key, and what the product stores.
pub const VALUES: usize = 13;

/// Columns of the rulers' tables, in the order of [`Sample::numbers`].
pub const COLUMNS: [&str; VALUES] = [
    "cpu_percent",
    "memory_used_bytes",
    "memory_percent",
    "swap_used_bytes",
    "disk_used_bytes",
    "disk_percent",
    "load_average_1m",
    "load_average_5m",
    "load_average_15m",
    "uptime_seconds",
    "network_rx_bytes",
    "network_tx_bytes",
    "process_count",
];

/// Is the column a whole number?
pub fn is_whole(column: &str) -> bool {
    column.ends_with("_bytes") || column.ends_with("_seconds") || column.ends_with("_count")
}

/// One sample.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Milliseconds since 1970.
    pub at: i64,
    pub cpu: f64,
    pub memory_used: i64,
    pub memory_total: i64,
    pub swap_used: i64,
    pub disk_used: i64,
    pub disk_total: i64,
    pub load: [f64; 3],
    pub uptime: i64,
    pub rx: i64,
    pub tx: i64,
    pub processes: i64,
}

impl Sample {
    /// The thirteen numbers, as the rulers store them; whole ones are exact.
    pub fn numbers(&self) -> [f64; VALUES] {
        let part = |used: i64, total: i64| used as f64 * 100.0 / total as f64;
        [
            self.cpu,
            self.memory_used as f64,
            part(self.memory_used, self.memory_total),
            self.swap_used as f64,
            self.disk_used as f64,
            part(self.disk_used, self.disk_total),
            self.load[0],
            self.load[1],
            self.load[2],
            self.uptime as f64,
            self.rx as f64,
            self.tx as f64,
            self.processes as f64,
        ]
    }

    /// The sample as the wire writes it: one disk and, as for all but the newest sample of a report, no processes.
    pub fn write_json(&self, out: &mut String) {
        let _ = write!(
            out,
            "{{\"collected_at\":\"{}\",\"cpu_percent\":{:.1},\"memory_used_bytes\":{},\"memory_percent\":{:.2},\
             \"swap_used_bytes\":{},\"load_average\":[{:.2},{:.2},{:.2}],\"uptime_seconds\":{},\
             \"network_rx_bytes\":{},\"network_tx_bytes\":{},\"process_count\":{},\"disks\":[{{\"mount\":\"/\",\
             \"device\":\"/dev/vda1\",\"file_system\":\"ext4\",\"total_bytes\":{},\"used_bytes\":{}}}]}}",
            moment(self.at),
            self.cpu,
            self.memory_used,
            self.memory_used as f64 * 100.0 / self.memory_total as f64,
            self.swap_used,
            self.load[0],
            self.load[1],
            self.load[2],
            self.uptime,
            self.rx,
            self.tx,
            self.processes,
            self.disk_total,
            self.disk_used
        );
    }
}

/// A time in the wire's form, always 24 letters long.
pub fn moment(milliseconds: i64) -> String {
    let at = DateTime::from_timestamp_millis(milliseconds).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A seeded walk: the same device has the same day in every run.
#[derive(Clone, Debug)]
pub struct Walk {
    state: u64,
    sample: Sample,
}

impl Walk {
    /// The machine of a number, whose first sample comes after `start` (milliseconds).
    pub fn new(machine: u64, start: i64) -> Self {
        let mut walk = Self { state: machine ^ 0x9E37_79B9_7F4A_7C15, sample: Sample::asleep(start) };
        let total = [8_i64, 16, 32][walk.below(3) as usize] << 30;
        walk.sample.memory_total = total;
        walk.sample.memory_used = (total / 5 + walk.below(total as u64 / 2) as i64) & !4095;
        walk.sample.disk_total = 500 << 30;
        walk.sample.disk_used = (walk.below(400 << 30) as i64) & !4095;
        walk.sample.uptime = walk.below(5_000_000) as i64;
        walk.sample.processes = 80 + walk.below(300) as i64;
        walk
    }

    /// The next sample, so many milliseconds later.
    pub fn next(&mut self, step: i64) -> Sample {
        let mut s = self.sample;
        s.at += step;
        s.uptime += step / 1000;
        s.cpu = tenths((s.cpu + self.around(6.0)).clamp(0.3, 100.0));
        let moved = self.around(4000.0) as i64 * 4096;
        s.memory_used = (s.memory_used + moved).clamp(1 << 29, s.memory_total - (1 << 28));
        if self.below(50) == 0 {
            s.swap_used = (s.swap_used + self.around(150.0) as i64 * 4096).max(0);
        }
        if self.below(3) == 0 {
            s.disk_used = (s.disk_used + self.around(2000.0) as i64 * 4096).clamp(1 << 30, s.disk_total);
        }
        for (index, minutes) in [1.0, 5.0, 15.0].into_iter().enumerate() {
            let next = (s.load[index] + self.around(0.2) / minutes).clamp(0.0, 16.0);
            s.load[index] = (next * 100.0).round() / 100.0;
        }
        s.rx = 500 + self.below(300_000) as i64;
        s.tx = 300 + self.below(100_000) as i64;
        s.processes = (s.processes + self.around(2.0).round() as i64).max(50);
        self.sample = s;
        s
    }

    /// xorshift64*: fast, and good enough for a load.
    fn random(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.random() >> 11) % limit
    }

    /// Between minus and plus `reach`.
    fn around(&mut self, reach: f64) -> f64 {
        ((self.random() >> 11) as f64 / (1_u64 << 53) as f64 * 2.0 - 1.0) * reach
    }
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

impl Sample {
    const fn asleep(at: i64) -> Self {
        Self {
            at,
            cpu: 5.0,
            memory_used: 0,
            memory_total: 1,
            swap_used: 0,
            disk_used: 0,
            disk_total: 1,
            load: [0.1; 3],
            uptime: 0,
            rx: 0,
            tx: 0,
            processes: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::metric::MetricSample;

    #[test]
    fn a_sample_is_what_the_wire_takes() {
        let mut walk = Walk::new(7, 1_760_000_000_000);
        let (sample, mut text) = (walk.next(60_000), String::new());
        sample.write_json(&mut text);
        let read: MetricSample = serde_json::from_str(&text).expect("reads");
        assert_eq!(read.collected_at.timestamp_millis(), 1_760_000_060_000);
        assert_eq!(read.process_count.map(i64::from), Some(sample.processes));
        assert_eq!(moment(sample.at).len(), 24);
    }

    #[test]
    fn the_same_machine_has_the_same_day() {
        let day = |machine| {
            let mut walk = Walk::new(machine, 0);
            (0..100).map(|_| walk.next(1000).memory_used).collect::<Vec<_>>()
        };
        assert_eq!(day(1), day(1));
        assert_ne!(day(1), day(2));
    }
}
