//! What a fleet measures: how long things took, how often, and what went wrong, shared by all agents of a process.

use crate::Trouble;
use entity::id::CommandId;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Longest time that is told apart from longer ones, in microseconds: ten minutes.
const LONGEST_MICROS: u64 = 600_000_000;

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Issuing a registration token over the REST API.
    Issue,
    /// Registering, from the request to the answer.
    Register,
    /// A token: challenge and answer.
    Token,
    /// Connection, TLS and upgrade of a socket.
    Connect,
    /// From the hello to the welcome.
    Welcome,
    /// From a message with samples to its acknowledgement.
    Ack,
    /// A heartbeat over HTTP.
    PollHeartbeat,
    /// Samples over HTTP.
    PollMetrics,
    /// An inventory over HTTP.
    Inventory,
    /// From the end of a link to the next welcome.
    Back,
    /// Asking for a command over the REST API.
    Ask,
    /// From the end of a command on its device to the acknowledgement of the result.
    Result,
    /// From asking for a command to the acknowledgement of its result.
    RoundTrip,
    /// Asking whether an update is due.
    CheckUpdate,
    /// From taking an update to its end.
    Update,
}

/// Times of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// How many.
    pub count: u64,
    /// Half were faster, in milliseconds.
    pub p50_ms: f64,
    /// 95 of 100 were faster.
    pub p95_ms: f64,
    /// 99 of 100 were faster.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

/// Where the commands of a fleet are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Commands {
    /// Asked for by this process.
    pub asked: u64,
    /// Done on a device, whoever asked for them.
    pub executed: u64,
    /// Of these, those whose result the server has.
    pub acknowledged: u64,
    /// Times that one was done again, which must not happen.
    pub executed_again: u64,
}

/// The way of one command.
#[derive(Clone, Copy, Debug, Default)]
struct Trip {
    executions: u32,
    asked: Option<Instant>,
    acknowledged: Option<Instant>,
}

impl Trip {
    fn took(&self) -> Option<Duration> {
        Some(self.acknowledged?.saturating_duration_since(self.asked?))
    }
}

/// Counts and times of a whole fleet.
#[derive(Debug, Default)]
pub struct Tally {
    times: Mutex<BTreeMap<(Kind, u16), Histogram<u64>>>,
    troubles: Mutex<BTreeMap<String, u64>>,
    sent: Mutex<BTreeMap<&'static str, u64>>,
    updates: Mutex<BTreeMap<&'static str, u64>>,
    trips: Mutex<BTreeMap<CommandId, Trip>>,
    unexpected: AtomicU64,
    connected: AtomicU64,
}

fn open<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tally {
    /// Something took so long, for a device of the business with this number.
    pub fn took(&self, kind: Kind, business: u16, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(LONGEST_MICROS).clamp(1, LONGEST_MICROS);
        let mut times = open(&self.times);
        if let Some(histogram) = times.get_mut(&(kind, business)) {
            histogram.saturating_record(micros);
        } else if let Ok(mut histogram) = Histogram::new_with_bounds(1, LONGEST_MICROS, 2) {
            histogram.saturating_record(micros);
            times.insert((kind, business), histogram);
        }
    }

    /// A message of this type was sent.
    pub fn sent(&self, what: &'static str) {
        *open(&self.sent).entry(what).or_default() += 1;
    }

    /// An update came into this state.
    pub fn updated(&self, state: &'static str) {
        *open(&self.updates).entry(state).or_default() += 1;
    }

    /// How many updates came into each state.
    #[must_use]
    pub fn updates(&self) -> BTreeMap<&'static str, u64> {
        open(&self.updates).clone()
    }

    /// A command was asked for at this moment, for a device of the business with this number.
    pub fn asked(&self, id: CommandId, business: u16, at: Instant) {
        self.travelled(id, business, |trip| trip.asked = Some(at));
    }

    /// A device did what a command asked for.
    pub fn executed(&self, id: CommandId) {
        open(&self.trips).entry(id).or_default().executions += 1;
    }

    /// The server has the result of a command.
    pub fn acknowledged(&self, id: CommandId, business: u16) {
        let now = Instant::now();
        self.travelled(id, business, |trip| trip.acknowledged = Some(now));
    }

    /// Who asked may learn of the id after the device has answered.
    fn travelled(&self, id: CommandId, business: u16, step: impl FnOnce(&mut Trip)) {
        let took = {
            let mut trips = open(&self.trips);
            let trip = trips.entry(id).or_default();
            let was_over = trip.took().is_some();
            step(trip);
            trip.took().filter(|_| !was_over)
        };
        if let Some(took) = took {
            self.took(Kind::RoundTrip, business, took);
        }
    }

    /// How often each command was done.
    #[must_use]
    pub fn executions(&self) -> BTreeMap<CommandId, u32> {
        open(&self.trips).iter().map(|(id, trip)| (*id, trip.executions)).collect()
    }

    /// Where all commands are.
    #[must_use]
    pub fn commands(&self) -> Commands {
        let mut sum = Commands::default();
        for trip in open(&self.trips).values() {
            sum.asked += u64::from(trip.asked.is_some());
            sum.executed += u64::from(trip.executions > 0);
            sum.acknowledged += u64::from(trip.acknowledged.is_some());
            sum.executed_again += u64::from(trip.executions.saturating_sub(1));
        }
        sum
    }

    /// Something did not work while an agent did `what`.
    pub fn trouble(&self, what: &str, trouble: &Trouble) {
        self.note(&format!("{what}: {}", trouble.name()));
        if trouble.is_unexpected() {
            self.unexpected(&format!("{what}: {trouble}"));
        }
    }

    /// Something happened that a well-behaved agent expects to happen.
    pub fn note(&self, what: &str) {
        *open(&self.troubles).entry(what.to_owned()).or_default() += 1;
    }

    /// Something happened that must not happen to a well-behaved agent.
    pub fn unexpected(&self, what: &str) {
        self.unexpected.fetch_add(1, Ordering::Relaxed);
        let mut troubles = open(&self.troubles);
        // Each in its own words, but not for ever.
        if troubles.len() < 200 {
            *troubles.entry(format!("unexpected, {what}")).or_default() += 1;
        }
    }

    /// A link is up.
    pub fn up(&self) {
        self.connected.fetch_add(1, Ordering::Relaxed);
    }

    /// A link that was up is not any more.
    pub fn down(&self) {
        self.connected.fetch_sub(1, Ordering::Relaxed);
    }

    /// Links that are up.
    #[must_use]
    pub fn connected(&self) -> u64 {
        self.connected.load(Ordering::Relaxed)
    }

    /// How often something happened that must not happen.
    #[must_use]
    pub fn unexpected_count(&self) -> u64 {
        self.unexpected.load(Ordering::Relaxed)
    }

    /// What went wrong, and how often.
    #[must_use]
    pub fn troubles(&self) -> BTreeMap<String, u64> {
        open(&self.troubles).clone()
    }

    /// Messages that were sent, by type.
    #[must_use]
    pub fn messages(&self) -> BTreeMap<&'static str, u64> {
        open(&self.sent).clone()
    }

    /// The times of a kind, of all businesses.
    #[must_use]
    pub fn latency(&self, kind: Kind) -> Option<Latency> {
        let times = open(&self.times);
        let mut of_kind = times.iter().filter(|((k, _), _)| *k == kind).map(|(_, histogram)| histogram);
        let mut all = of_kind.next()?.clone();
        for histogram in of_kind {
            // Made with the same bounds, so that they fit.
            all.add(histogram).ok()?;
        }
        Some(latency(&all))
    }

    /// The times of everything, by kind.
    #[must_use]
    pub fn latencies(&self) -> BTreeMap<Kind, Latency> {
        let kinds: Vec<Kind> = open(&self.times).keys().map(|(kind, _)| *kind).collect();
        kinds.into_iter().filter_map(|kind| Some((kind, self.latency(kind)?))).collect()
    }

    /// The times of a kind, by the number of the business.
    #[must_use]
    pub fn by_business(&self, kind: Kind) -> BTreeMap<u16, Latency> {
        let times = open(&self.times);
        times.iter().filter(|((k, _), _)| *k == kind).map(|((_, number), h)| (*number, latency(h))).collect()
    }

    /// Begins to measure anew.
    pub fn forget_times(&self) {
        open(&self.times).clear();
    }
}

#[expect(clippy::cast_precision_loss, reason = "minutes in microseconds")]
fn latency(histogram: &Histogram<u64>) -> Latency {
    let ms = |micros: u64| micros as f64 / 1_000.0;
    let at = |quantile| ms(histogram.value_at_quantile(quantile));
    Latency {
        count: histogram.len(),
        p50_ms: at(0.5),
        p95_ms: at(0.95),
        p99_ms: at(0.99),
        max_ms: ms(histogram.max()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_is_timed_once_whoever_hears_of_the_command_first() {
        for is_told_late in [false, true] {
            let id: CommandId = "01980000-0000-7000-8000-000000000001".parse().expect("an id");
            let (tally, at) = (Tally::default(), Instant::now());
            if !is_told_late {
                tally.asked(id, 0, at);
            }
            tally.executed(id);
            tally.acknowledged(id, 0);
            tally.asked(id, 0, at);
            tally.acknowledged(id, 0);
            assert_eq!(tally.latency(Kind::RoundTrip).map(|times| times.count), Some(1));
            let all = Commands { asked: 1, executed: 1, acknowledged: 1, executed_again: 0 };
            assert_eq!(tally.commands(), all);
        }
    }
}
