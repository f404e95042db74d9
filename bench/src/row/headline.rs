//! Row 14: what the measured figures add up to for a hundred thousand agents.

use crate::{Bench, measure::grouped, report::Row};
use std::collections::BTreeMap;

/// Agents of the headline.
const AGENTS: f64 = 100_000.0;
/// What the kernel keeps for a TCP socket, bytes; it is in no process.
const KERNEL_BYTES: f64 = 4_300.0;
/// Memory of a server without agents, bytes, as targeted.
const IDLE_BYTES: f64 = 40e6;

/// Figures of one run that others are computed from.
#[derive(Default)]
pub struct Figures(BTreeMap<&'static str, Of>);

/// Those of one database.
#[derive(Clone, Copy, Default)]
struct Of {
    agent_bytes: Option<f64>,
    /// Percent of a core for a thousand agents.
    heartbeat_percent: Option<f64>,
    /// Processor seconds of a row that came alone.
    row_seconds: Option<f64>,
    bytes_per_row: Option<f64>,
}

impl Figures {
    fn of(&mut self, database: &'static str) -> &mut Of {
        self.0.entry(database).or_default()
    }

    /// Memory of a connected agent.
    pub fn agent_bytes(&mut self, database: &'static str, bytes: f64) {
        self.of(database).agent_bytes = Some(bytes);
    }

    /// Heartbeats of a thousand agents.
    pub fn heartbeat_percent(&mut self, database: &'static str, percent: f64) {
        self.of(database).heartbeat_percent = Some(percent);
    }

    /// A row, in posts of so many.
    pub fn ingested(&mut self, database: &'static str, samples: usize, seconds_per_row: f64) {
        if samples == 1 {
            self.of(database).row_seconds = Some(seconds_per_row);
        }
    }

    /// A sealed row.
    pub fn bytes_per_row(&mut self, database: &'static str, bytes: f64) {
        self.of(database).bytes_per_row = Some(bytes);
    }
}

/// Adds the headline of each database whose parts were measured.
pub fn measure(bench: &mut Bench) {
    let figures: Vec<_> = bench.figures.0.iter().map(|(name, of)| (*name, *of)).collect();
    for (database, of) in figures {
        let row =
            Row::new("14", "headline: 100,000 agents, heartbeat every 10 s, a sample a minute", database);
        let (Some(bytes), Some(percent), Some(row_seconds)) =
            (of.agent_bytes, of.heartbeat_percent, of.row_seconds)
        else {
            let missing = "rows 1, 5 and 6 were not all measured in this run";
            bench.report.add(row.found("not computed", "–").remark(missing));
            continue;
        };
        let heartbeats = percent / 100.0 * AGENTS / 1_000.0;
        let samples = AGENTS / 60.0 * row_seconds;
        let gib = (IDLE_BYTES + AGENTS * (bytes + KERNEL_BYTES)) / f64::from(1 << 30);
        let disk = of.bytes_per_row.map_or_else(String::new, |bytes| {
            format!(", {:.1} GB of samples a day", bytes * 1440.0 * AGENTS / 1e9)
        });
        bench.report.add(
            row.found(format!("{:.2} cores, {gib:.2} GiB{disk}", heartbeats + samples), "–")
                .and("≤ 2 cores", heartbeats + samples <= 2.0)
                .and("≤ 2.5 GiB", gib <= 2.5)
                .remark(format!(
                    "Computed, not measured: heartbeats {percent:.2} % of a core per 1,000 agents × 100 = {heartbeats:.2} cores; samples {}/s × \
                     {:.1} µs (posts of one row) = {samples:.2} cores; memory 40 MB + 100,000 × ({bytes:.0} B + 4,300 B that the kernel keeps for a \
                     socket).",
                    grouped(AGENTS / 60.0),
                    row_seconds * 1e6
                )),
        );
    }
}
