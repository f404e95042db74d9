//! Whether a build on trial is well: pure, over what it says and does and over time that has passed. Time in which the
//! machine slept is not counted, and time in which no server could be reached counts neither for it nor against it.

use crate::{channel::Beat, slot::Build, terms::Terms};
use chrono::{DateTime, Utc};
use entity::{release::Reason, update::Running};

/// A longer time between two looks was sleep, of the machine or of this process: it is not counted.
const SLEEP_MS: u64 = 5_000;
/// So many looks in a row find too much memory in use before that is believed.
const HEAVY_MAX: u32 = 3;

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
            process: None,
            exits: 0,
            hangs: 0,
            receipts: 0,
            first_receipt: None,
            last_receipt: None,
            since_receipt_ms: 0,
            batches: 0,
            away_ms: None,
            is_control_asked: false,
            failed: None,
        }
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
        self.away_ms = None;
    }

    /// The build before was asked whether it reaches the server.
    pub fn control(&mut self, found: Control) {
        if !std::mem::take(&mut self.is_control_asked) {
            return;
        }
        match (found, self.away_ms) {
            (Control::Away, _) => self.away_ms = Some(0),
            // The network has just come back: the new build has as long as before to find that out.
            (Control::Reached, Some(_)) => {
                self.away_ms = None;
                self.since_receipt_ms = 0;
            }
            (Control::Reached, None) if self.since_receipt_ms >= self.terms.reach_ms => {
                self.fail(Reason::CannotReachServer, "the version before reaches the server".to_owned());
            }
            (Control::Reached, None) => {}
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
            return Verdict::Fail(Reason::TrialOverdue, "it could not be confirmed in all this time".to_owned());
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
        let is_time = self.away_ms.map_or(self.since_receipt_ms >= self.terms.reach_ms, |away| {
            away >= self.terms.control_every_ms
        });
        if is_time && !self.is_control_asked {
            self.is_control_asked = true;
            return Verdict::AskControl;
        }
        Verdict::Wait
    }

    fn pass_time(&mut self, passed: u64) -> Option<Verdict> {
        let is_busy = |process: &Process| process.beat.as_ref().is_some_and(|beat| beat.is_server_busy);
        let is_paused =
            self.away_ms.is_some() || self.is_control_asked || self.process.as_ref().is_some_and(is_busy);
        if let Some(away) = &mut self.away_ms {
            *away += passed;
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
        if !self.has_receipts() {
            return (Reason::CannotReachServer, format!("{} receipts of the server", self.receipts));
        }
        if let Some(beat) = beat {
            if !beat.silent_collectors.is_empty() {
                return (Reason::CollectsNothing, format!("not a sample of {}", beat.silent_collectors.join(", ")));
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
mod tests {
    use super::*;
    use entity::release::Sha256Hex;

    const SECOND: u64 = 1_000;
    const MINUTE: u64 = 60 * SECOND;

    struct Trial {
        gate: Gate,
        now: u64,
        is_heard: bool,
        is_beating: bool,
        beat: Beat,
    }

    fn running(seq: u64) -> Running {
        Running {
            version: "2.0.0".to_owned(),
            seq,
            build_id: "b".to_owned(),
            sha256: None,
            libc: None,
            is_supervised: true,
        }
    }

    impl Trial {
        fn new() -> Self {
            let build = Build {
                seq: 2,
                version: "2.0.0".to_owned(),
                build_id: "b".to_owned(),
                size_bytes: 1,
                sha256: Sha256Hex::of(b""),
                config_schema: 1,
                spool_schema: 1,
            };
            let mut gate = Gate::new(Terms::USUAL, build);
            gate.started();
            gate.hello(&running(2));
            let beat = Beat { samples: 1, batches_acked: 1, is_spool_good: true, ..Beat::default() };
            Self { gate, now: 0, is_heard: true, is_beating: true, beat }
        }

        /// Until something is to be done, at most so long.
        fn go_on(&mut self, longest: u64) -> Verdict {
            let until = self.now + longest;
            while self.now < until {
                self.now += SECOND;
                if self.is_beating {
                    self.gate.beat(self.beat.clone());
                }
                if self.is_heard && self.now.is_multiple_of(MINUTE) {
                    let at = i64::try_from(self.now / SECOND).expect("fits");
                    self.gate.receipt(DateTime::from_timestamp(at, 0).expect("is a time"));
                }
                match self.gate.look(self.now) {
                    Verdict::Wait => {}
                    verdict => return verdict,
                }
            }
            Verdict::Wait
        }

        fn again(&mut self) {
            self.gate.started();
            self.gate.hello(&running(2));
        }
    }

    fn reason(verdict: &Verdict) -> Option<Reason> {
        if let Verdict::Fail(reason, _) = verdict { Some(*reason) } else { None }
    }

    #[test]
    fn ten_good_minutes_pass_and_not_a_second_less() {
        let mut trial = Trial::new();
        assert_eq!(trial.go_on(10 * MINUTE), Verdict::Wait);
        assert_eq!(trial.go_on(2 * SECOND), Verdict::Pass);
    }

    #[test]
    fn two_ends_are_forgiven_and_the_time_begins_anew() {
        let mut trial = Trial::new();
        for _ in 0..2 {
            assert_eq!(trial.go_on(599 * SECOND), Verdict::Wait);
            trial.gate.ended(Some("code 1"));
            trial.again();
        }
        assert_eq!(trial.go_on(599 * SECOND), Verdict::Wait);
        let mut lucky = trial.gate.clone();
        assert_eq!(lucky.look(trial.now + 3 * SECOND), Verdict::Pass);
        trial.gate.ended(Some("code 1"));
        assert_eq!(reason(&trial.gate.look(trial.now)), Some(Reason::Crashed));
    }

    #[test]
    fn what_is_missing_at_the_end_is_named() {
        type Change = fn(&mut Trial);
        let cases: [(Change, Reason); 4] = [
            (|trial| trial.beat.silent_collectors.push("cpu".to_owned()), Reason::CollectsNothing),
            (|trial| trial.beat.is_spool_good = false, Reason::CollectsNothing),
            (|trial| trial.beat.batches_acked = 0, Reason::CollectsNothing),
            (|trial| trial.gate.terms.receipts_min = 1_000, Reason::CannotReachServer),
        ];
        for (change, expected) in cases {
            let mut trial = Trial::new();
            change(&mut trial);
            assert_eq!(trial.go_on(29 * MINUTE), Verdict::Wait);
            assert_eq!(reason(&trial.go_on(2 * MINUTE)), Some(expected));
        }
    }

    #[test]
    fn a_build_that_says_something_else_or_nothing_fails_at_once() {
        let mut trial = Trial::new();
        trial.gate.hello(&running(3));
        assert_eq!(reason(&trial.gate.look(0)), Some(Reason::HelloMismatch));
        let mut silent = Trial::new();
        silent.gate.started();
        assert_eq!(silent.go_on(30 * SECOND), Verdict::Wait);
        assert_eq!(reason(&silent.go_on(2 * SECOND)), Some(Reason::HelloMissing));
    }

    #[test]
    fn it_may_hang_once() {
        let mut trial = Trial::new();
        trial.is_beating = false;
        assert_eq!(trial.go_on(MINUTE), Verdict::End);
        trial.gate.ended(Some("signal 9"));
        trial.again();
        assert_eq!(reason(&trial.go_on(MINUTE)), Some(Reason::Hung));
    }

    #[test]
    fn no_receipt_is_its_fault_only_when_the_one_before_gets_one() {
        let mut trial = Trial::new();
        trial.is_heard = false;
        assert_eq!(trial.go_on(4 * MINUTE), Verdict::Wait);
        assert_eq!(trial.go_on(2 * MINUTE), Verdict::AskControl);
        assert_eq!(trial.go_on(MINUTE), Verdict::Wait, "while it is being asked nothing happens");
        trial.gate.control(Control::Reached);
        assert_eq!(reason(&trial.gate.look(trial.now)), Some(Reason::CannotReachServer));
    }

    #[test]
    fn a_network_that_is_away_stops_the_clock_for_a_day_at_most() {
        let mut trial = Trial::new();
        trial.is_heard = false;
        let mut asked = 0;
        loop {
            match trial.go_on(MINUTE * 10) {
                Verdict::AskControl => {
                    asked += 1;
                    trial.gate.control(Control::Away);
                }
                Verdict::Wait => panic!("it is asked every minute"),
                verdict => {
                    assert_eq!(reason(&verdict), Some(Reason::TrialOverdue));
                    break;
                }
            }
            assert!(trial.gate.active_ms <= 5 * MINUTE + SECOND);
        }
        assert!(asked > 1_000, "{asked}");
    }

    #[test]
    fn a_network_that_comes_back_gives_the_new_build_its_time() {
        let mut trial = Trial::new();
        trial.is_heard = false;
        assert_eq!(trial.go_on(10 * MINUTE), Verdict::AskControl);
        trial.gate.control(Control::Away);
        assert_eq!(trial.go_on(2 * MINUTE), Verdict::AskControl);
        trial.gate.control(Control::Reached);
        assert_eq!(trial.go_on(MINUTE), Verdict::Wait, "not blamed at once");
        trial.is_heard = true;
        assert_eq!(trial.go_on(20 * MINUTE), Verdict::Pass);
    }

    #[test]
    fn a_busy_server_and_sleep_are_nobodys_fault() {
        let mut trial = Trial::new();
        (trial.is_heard, trial.beat.is_server_busy) = (false, true);
        assert_eq!(trial.go_on(60 * MINUTE), Verdict::Wait);
        (trial.is_heard, trial.beat.is_server_busy) = (true, false);
        // The machine sleeps for an hour: neither a hang nor an hour of life.
        trial.now += 60 * MINUTE;
        let alive = trial.gate.process.as_ref().map(|process| process.alive_ms);
        assert_eq!(trial.gate.look(trial.now), Verdict::Wait);
        assert_eq!(trial.gate.process.as_ref().map(|process| process.alive_ms), alive);
        assert_eq!(trial.go_on(11 * MINUTE), Verdict::Pass);
    }

    #[test]
    fn memory_is_judged_when_it_stays_high() {
        let mut trial = Trial::new();
        let limit = Terms::USUAL.memory_max_bytes;
        [limit + 1, limit + 1, limit, limit + 1, limit + 1].into_iter().for_each(|bytes| trial.gate.memory(bytes));
        assert_eq!(trial.gate.look(0), Verdict::Wait);
        trial.gate.memory(limit + 1);
        assert_eq!(reason(&trial.gate.look(0)), Some(Reason::TooMuchMemory));
    }
}
