//! The summary of a run, for people and for programs.

use serde::Serialize;
use sim::{Commands, Count, Kind, Latency, Tally};
use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

/// What came of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Agents that behaved.
    pub agents: usize,
    /// Agents that did not.
    pub hostile: usize,
    /// Seconds from the first connection to the end of the drain.
    pub seconds: f64,
    /// Links that were up at the end of the duration.
    pub connected: u64,
    /// Times by kind, in milliseconds.
    pub latencies: BTreeMap<Kind, Latency>,
    /// Times from samples to their acknowledgement by the number of the business, when there are several.
    pub ack_by_business: BTreeMap<u16, Latency>,
    /// Messages that were sent.
    pub messages: BTreeMap<&'static str, u64>,
    /// Messages a second.
    pub messages_per_second: f64,
    /// Samples acknowledged a second.
    pub samples_per_second: f64,
    /// What went wrong, and how often.
    pub errors: BTreeMap<String, u64>,
    /// How often something happened that must not happen to an agent that behaves.
    pub unexpected: u64,
    /// How many updates came into each state.
    pub updates: BTreeMap<&'static str, u64>,
    /// Where the commands are.
    pub commands: Commands,
    /// Where the samples are.
    pub conservation: Count,
    /// True when none is lost and none counted twice.
    pub conserved: bool,
}

impl Report {
    /// What a tally says after a run.
    #[expect(clippy::cast_precision_loss, reason = "counts of a run")]
    pub fn of(
        tally: &Tally,
        conservation: Count,
        agents: usize,
        hostile: usize,
        connected: u64,
        seconds: f64,
    ) -> Self {
        let messages = tally.messages();
        let all: u64 = messages.values().sum();
        let by_business = tally.by_business(Kind::Ack);
        Self {
            agents,
            hostile,
            seconds,
            connected,
            latencies: tally.latencies(),
            ack_by_business: if by_business.len() > 1 { by_business } else { BTreeMap::new() },
            messages,
            messages_per_second: all as f64 / seconds.max(0.001),
            samples_per_second: conservation.acked as f64 / seconds.max(0.001),
            errors: tally.troubles(),
            unexpected: tally.unexpected_count(),
            updates: tally.updates(),
            commands: tally.commands(),
            conservation,
            conserved: conservation.holds(),
        }
    }

    /// True when the run was as it should be.
    pub const fn is_good(&self) -> bool {
        self.conserved && self.unexpected == 0 && self.commands.executed_again == 0
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, latency: &Latency) -> fmt::Result {
    writeln!(
        f,
        "  {name:<16} {:>9} {:>10.1} {:>10.1} {:>10.1} {:>10.1}",
        latency.count, latency.p50_ms, latency.p95_ms, latency.p99_ms, latency.max_ms
    )
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} agents, {} of them connected at the end, {:.1} s",
            self.agents, self.connected, self.seconds
        )?;
        writeln!(f, "\n  in milliseconds       count        p50        p95        p99        max")?;
        for (kind, latency) in &self.latencies {
            let name = serde_json::to_string(kind).unwrap_or_default();
            line(f, name.trim_matches('"'), latency)?;
        }
        for (number, latency) in &self.ack_by_business {
            line(f, &format!("ack business {}", u32::from(*number) + 1), latency)?;
        }
        let mut sent = String::new();
        for (what, count) in &self.messages {
            write!(sent, "  {what} {count}")?;
        }
        writeln!(f, "\nsent:{sent}")?;
        writeln!(
            f,
            "{:.1} messages a second, {:.1} samples a second",
            self.messages_per_second, self.samples_per_second
        )?;
        for (what, count) in &self.errors {
            writeln!(f, "  {count:>8} × {what}")?;
        }
        let Count { produced, acked, spooled, dropped, dropped_and_reported } = self.conservation;
        writeln!(
            f,
            "\nsamples: {produced} produced = {acked} acknowledged + {spooled} still spooled + {dropped} dropped \
             ({dropped_and_reported} of them reported){}",
            if self.conserved { "" } else { ": this does not add up" }
        )?;
        if self.commands != Commands::default() {
            let Commands { asked, executed, acknowledged, executed_again } = self.commands;
            writeln!(
                f,
                "commands: {asked} asked for, {executed} done, {acknowledged} of them with a result that the server has, \
                 {executed_again} times one was done again"
            )?;
        }
        if !self.updates.is_empty() {
            let states: Vec<String> =
                self.updates.iter().map(|(state, count)| format!("{count} {state}")).collect();
            writeln!(f, "updates: {}", states.join(", "))?;
        }
        if self.unexpected > 0 {
            writeln!(f, "{} things happened that must not happen", self.unexpected)?;
        }
        Ok(())
    }
}
