//! Whether a build on trial is well: pure, over what it says and does and over time that has passed. Time in which the
//! machine slept is not counted, and time in which no server could be reached counts neither for it nor against it.

use crate::{channel::Beat, slot::Build, terms::Terms};
use chrono::{DateTime, Utc};
use entity::{release::Reason, update::Running};
use serde::{Deserialize, Serialize};

/// A longer time between two looks was sleep, of the machine or of this process: it is not counted.
const SLEEP_MS: u64 = 5_000;
/// So many looks in a row find too much memory in use before that is believed.
const HEAVY_MAX: u32 = 3;
/// Twice as long as between two questions to the build before it is doubted, before that counts.
const DOUBT: u64 = 2;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet.
    Wait,
    /// Ask the build before whether it reaches the server, and say so by [`Gate::control`].
    AskControl,
    /// It hangs: end it, and start it again.
    End,
    /// It is well.
    Pass,
    /// It is not, for this reason and in these words.
    Fail(Reason, String),
}

/// What the build before found when it was asked whether it reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// It does: the new build should too.
    Reached,
    /// It does not either, or the server is busy.
    Away,
}

/// What a trial has had of its time, and what it was forgiven: this outlives a supervisor that is started anew, so that a
/// build gets no second term by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Of the time that it has in all.
    pub total_ms: u64,
    /// Of the time in which a server could be reached.
    pub active_ms: u64,
    /// So often the program ended.
    pub exits: u32,
    /// So often it was ended because it gave no sign of life.
    pub hangs: u32,
}

/// One run of the program.
#[derive(Clone, Debug, Default)]
struct Process {
    /// Since it began.
    age_ms: u64,
    /// Of that, the time in which a server could be reached.
    alive_ms: u64,
    is_known: bool,
    since_beat_ms: u64,
    beat: Option<Beat>,
    heavy: u32,
}

/// The trial of one build.
#[derive(Clone, Debug)]
pub struct Gate {
    terms: Terms,
    build: Build,
    looked_ms: Option<u64>,
    total_ms: u64,
    active_ms: u64,
    /// Of that, what supervisors before this one saw of it.
    inherited_ms: u64,
    process: Option<Process>,
    exits: u32,
    hangs: u32,
    receipts: u32,
    first_receipt: Option<DateTime<Utc>>,
    last_receipt: Option<DateTime<Utc>>,
    since_receipt_ms: u64,
    batches: u64,
    /// No server could be reached when it was asked last, so long ago.
    away_ms: Option<u64>,
    /// The build before reached the server while this one was not heard, so long ago.
    doubted_ms: Option<u64>,
    is_control_asked: bool,
    failed: Option<(Reason, String)>,
}

impl Gate {
    /// For a build that is about to be started.
    #[must_use]
    pub const fn new(terms: Terms, build: Build) -> Self {
        Self {
            terms,
            build,
            looked_ms: None,
            total_ms: 0,
            active_ms: 0,
            inherited_ms: 0,
            process: None,
            exits: 0,
            hangs: 0,
            receipts: 0,
            first_receipt: None,
            last_receipt: None,
            since_receipt_ms: 0,
            batches: 0,
            away_ms: None,
            doubted_ms: None,
            is_control_asked: false,
            failed: None,
        }
    }

    /// Goes on with what a supervisor before this one saw of it. What speaks for the build has to be shown again: the
    /// program that showed it has ended with that supervisor.
    #[must_use]
    pub const fn after(mut self, spent: Spent) -> Self {
        self.total_ms = spent.total_ms;
        self.active_ms = spent.active_ms;
        self.inherited_ms = spent.active_ms;
        self.exits = spent.exits;
        self.hangs = spent.hangs;
        self
    }

    /// What the trial has had so far.
    #[must_use]
    pub const fn spent(&self) -> Spent {
        Spent { total_ms: self.total_ms, active_ms: self.active_ms, exits: self.exits, hangs: self.hangs }
    }

    /// It was started.
    pub fn started(&mut self) {
        self.since_receipt_ms = 0;
        self.process = Some(Process::default());
    }

    /// It ended, or could not be started; how, when that speaks against it.
    pub fn ended(&mut self, how: Option<&str>) {
        self.process = None;
        let Some(how) = how else { return };
        self.exits += 1;
        if self.exits > self.terms.exits_max {
            self.fail(Reason::Crashed, format!("it ended {} times, at last: {how}", self.exits));
        }
    }

    /// It said what it is.
    pub fn hello(&mut self, running: &Running) {
        if self.build.is(running) {
            if let Some(process) = &mut self.process {
                (process.is_known, process.since_beat_ms) = (true, 0);
            }
        } else {
            let (build, said) = (&self.build, running);
            let detail = format!(
                "released as {} (sequence {}, build {}), says {} (sequence {}, build {})",
                build.version, build.seq, build.build_id, said.version, said.seq, said.build_id
            );
            self.fail(Reason::HelloMismatch, detail);
        }
    }

    /// A sign of life.
    pub fn beat(&mut self, beat: Beat) {
        self.batches = self.batches.max(beat.batches_acked);
        if let Some(process) = &mut self.process {
            process.since_beat_ms = 0;
            process.beat = Some(beat);
        }
    }

    /// A signed receipt for this process and build.
    pub fn receipt(&mut self, signed_time: DateTime<Utc>) {
        self.receipts = self.receipts.saturating_add(1);
        self.first_receipt = Some(self.first_receipt.map_or(signed_time, |first| first.min(signed_time)));
        self.last_receipt = Some(self.last_receipt.map_or(signed_time, |last| last.max(signed_time)));
        self.since_receipt_ms = 0;
        (self.away_ms, self.doubted_ms) = (None, None);
    }

    /// The build before was asked whether it reaches the server.
    pub fn control(&mut self, found: Control) {
        if !std::mem::take(&mut self.is_control_asked) {
            return;
        }
        match (found, self.away_ms, self.doubted_ms) {
            (Control::Away, ..) => (self.away_ms, self.doubted_ms) = (Some(0), None),
            // The network has just come back: the new build has as long as before to find that out.
            (Control::Reached, Some(_), _) => {
                self.away_ms = None;
                self.since_receipt_ms = 0;
            }
            // It may have been away until a moment ago: one answer is no proof against the new build.
            (Control::Reached, None, None) if self.since_receipt_ms >= self.terms.reach_ms => {
                self.doubted_ms = Some(0);
            }
            (Control::Reached, None, Some(_)) => {
                self.fail(Reason::CannotReachServer, "the version before reaches the server".to_owned());
            }
            (Control::Reached, None, None) => {}
        }
    }

    /// Is it time to ask the build before whether it reaches the server?
    fn is_time_for_control(&self) -> bool {
        match (self.away_ms, self.doubted_ms) {
            (Some(away), _) => away >= self.terms.control_every_ms,
            (None, Some(doubted)) => doubted >= self.terms.control_every_ms.saturating_mul(DOUBT),
            (None, None) => self.since_receipt_ms >= self.terms.reach_ms,
        }
    }

    /// So many bytes of memory are in use.
    pub fn memory(&mut self, bytes: u64) {
        let Some(process) = &mut self.process else { return };
        process.heavy = if bytes > self.terms.memory_max_bytes { process.heavy + 1 } else { 0 };
        if process.heavy >= HEAVY_MAX {
            self.fail(Reason::TooMuchMemory, format!("{bytes} bytes in use"));
        }
    }

    /// Looks, at this moment of a clock that only goes forward.
    pub fn look(&mut self, now_ms: u64) -> Verdict {
        let passed = now_ms.saturating_sub(self.looked_ms.unwrap_or(now_ms));
        self.looked_ms = Some(now_ms);
        if let Some((reason, detail)) = &self.failed {
            return Verdict::Fail(*reason, detail.clone());
        }
        let passed = if passed > SLEEP_MS { 0 } else { passed };
        self.total_ms += passed;
        if self.total_ms > self.terms.trial_max_ms {
            return Verdict::Fail(
                Reason::TrialOverdue,
                "it could not be confirmed in all this time".to_owned(),
            );
        }
        if let Some(verdict) = self.pass_time(passed) {
            return verdict;
        }
        if self.is_well() {
            return Verdict::Pass;
        }
        if self.active_ms >= self.terms.active_max_ms {
            let (reason, detail) = self.lacking();
            return Verdict::Fail(reason, detail);
        }
        if self.is_time_for_control() && !self.is_control_asked {
            self.is_control_asked = true;
            return Verdict::AskControl;
        }
        Verdict::Wait
    }

    fn pass_time(&mut self, passed: u64) -> Option<Verdict> {
        let is_busy = |process: &Process| process.beat.as_ref().is_some_and(|beat| beat.is_server_busy);
        let is_paused =
            self.away_ms.is_some() || self.is_control_asked || self.process.as_ref().is_some_and(is_busy);
        for since in [&mut self.away_ms, &mut self.doubted_ms].into_iter().flatten() {
            *since += passed;
        }
        if !is_paused {
            self.active_ms += passed;
        }
        let process = self.process.as_mut()?;
        // Only a program that is there can be heard by the server.
        if !is_paused && process.is_known {
            self.since_receipt_ms += passed;
        }
        process.age_ms += passed;
        process.since_beat_ms += passed;
        if !is_paused {
            process.alive_ms += passed;
        }
        if !process.is_known && process.age_ms > self.terms.hello_ms {
            let detail = format!("nothing within {} s", self.terms.hello_ms / 1000);
            return Some(Verdict::Fail(Reason::HelloMissing, detail));
        }
        let longest = self.terms.beat_ms.saturating_mul(u64::from(self.terms.beats_missed_max) + 1);
        if process.is_known && process.since_beat_ms > longest {
            self.process = None;
            self.hangs += 1;
            if self.hangs > self.terms.hangs_max {
                let detail = format!("no sign of life for {} s, {} times", longest / 1000, self.hangs);
                return Some(Verdict::Fail(Reason::Hung, detail));
            }
            return Some(Verdict::End);
        }
        None
    }

    fn is_well(&self) -> bool {
        let Some(process) = &self.process else { return false };
        let Some(beat) = &process.beat else { return false };
        process.is_known
            && process.alive_ms >= self.terms.alive_ms
            && beat.silent_collectors.is_empty()
            && beat.is_spool_good
            && self.batches >= self.terms.batches_min
            && process.heavy == 0
            && self.has_receipts()
    }

    fn has_receipts(&self) -> bool {
        let span = match (self.first_receipt, self.last_receipt) {
            (Some(first), Some(last)) => last.signed_duration_since(first).num_milliseconds(),
            _ => return false,
        };
        self.receipts >= self.terms.receipts_min
            && span >= i64::try_from(self.terms.receipt_every_ms).unwrap_or(i64::MAX)
    }

    /// What is missing when the time is over.
    fn lacking(&self) -> (Reason, String) {
        let beat = self.process.as_ref().and_then(|process| process.beat.as_ref());
        // Under this supervisor it had less time than a trial takes, and nothing can be said against it.
        if self.inherited_ms > 0 && self.active_ms - self.inherited_ms < self.terms.alive_ms {
            return (Reason::TrialOverdue, "its supervisor was started anew too often".to_owned());
        }
        if !self.has_receipts() {
            return (Reason::CannotReachServer, format!("{} receipts of the server", self.receipts));
        }
        if let Some(beat) = beat {
            if !beat.silent_collectors.is_empty() {
                return (
                    Reason::CollectsNothing,
                    format!("not a sample of {}", beat.silent_collectors.join(", ")),
                );
            }
            if !beat.is_spool_good {
                return (Reason::CollectsNothing, "the spool could not be written and read".to_owned());
            }
        }
        if self.batches < self.terms.batches_min {
            return (Reason::CollectsNothing, format!("{} batches handed in", self.batches));
        }
        (Reason::TrialOverdue, "it did not stay up long enough".to_owned())
    }

    fn fail(&mut self, reason: Reason, detail: String) {
        if self.failed.is_none() {
            self.failed = Some((reason, detail));
        }
    }
}

#[cfg(test)]
mod tests;
