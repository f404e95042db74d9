//! The gate over minutes and days, second by second.

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

#[test]
fn what_was_spent_before_counts_and_what_was_shown_before_does_not() {
    let mut first = Trial::new();
    assert_eq!(first.go_on(9 * MINUTE), Verdict::Wait);
    first.gate.ended(Some("code 1"));
    let spent = first.gate.spent();
    assert_eq!((spent.exits, spent.hangs), (1, 0));
    assert!(spent.active_ms >= 8 * MINUTE && spent.total_ms >= spent.active_ms);
    let mut next = Trial::new();
    next.gate = next.gate.after(spent);
    assert_eq!(next.gate.spent(), spent);
    // Ten minutes of a process that lives are asked for again.
    assert_eq!(next.go_on(9 * MINUTE), Verdict::Wait);
    assert_eq!(next.go_on(2 * MINUTE), Verdict::Pass);
    // Time that ran out because the supervisor did not stay is not held against the build.
    let mut short = Trial::new();
    short.gate = short.gate.after(Spent { active_ms: 28 * MINUTE, ..spent });
    short.is_heard = false;
    assert!(matches!(short.go_on(5 * MINUTE), Verdict::Fail(Reason::TrialOverdue, _)));
    // And what it was forgiven is not forgiven twice.
    let mut last = Trial::new();
    last.gate = last.gate.after(Spent { exits: Terms::USUAL.exits_max, ..spent });
    last.gate.ended(Some("code 1"));
    assert!(matches!(last.gate.look(1), Verdict::Fail(Reason::Crashed, _)));
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
    assert_eq!(trial.go_on(MINUTE), Verdict::Wait, "the network may have come back just now");
    assert_eq!(trial.go_on(2 * MINUTE), Verdict::AskControl);
    trial.gate.control(Control::Reached);
    assert_eq!(reason(&trial.gate.look(trial.now)), Some(Reason::CannotReachServer));
}

#[test]
fn a_network_that_came_back_a_moment_ago_is_no_proof_against_the_new_build() {
    let mut trial = Trial::new();
    trial.is_heard = false;
    assert_eq!(trial.go_on(6 * MINUTE), Verdict::AskControl);
    trial.gate.control(Control::Reached);
    assert_eq!(trial.go_on(MINUTE), Verdict::Wait);
    trial.is_heard = true;
    assert_eq!(trial.go_on(20 * MINUTE), Verdict::Pass);
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
    [limit + 1, limit + 1, limit, limit + 1, limit + 1]
        .into_iter()
        .for_each(|bytes| trial.gate.memory(bytes));
    assert_eq!(trial.gate.look(0), Verdict::Wait);
    trial.gate.memory(limit + 1);
    assert_eq!(reason(&trial.gate.look(0)), Some(Reason::TooMuchMemory));
}
