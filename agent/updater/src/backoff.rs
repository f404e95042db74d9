//! How long to wait before the agent is started again; pure.

use crate::exit;
use std::time::Duration;

/// The first wait.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(60);
/// An agent that lived this long was well: what came before no longer counts.
const WELL: Duration = Duration::from_secs(60);

/// How the agent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It could not even be started.
    NotStarted,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Start it again after this time.
    StartAfter(Duration),
    /// It ended in order: end too.
    End,
}

/// Remembers how often in a row the agent ended soon.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Decides what follows an ending after a life of this length.
    pub fn on(&mut self, ending: Ending, lived: Duration) -> Next {
        if ending == Ending::Code(i32::from(exit::CLEAN)) {
            return Next::End;
        }
        if lived >= WELL {
            self.failures = 0;
        }
        // It was asked to make room for another run; one that does so again and again is no better than a crash.
        if ending == Ending::Code(i32::from(exit::RESTART)) && lived >= SHORTEST {
            return Next::StartAfter(Duration::ZERO);
        }
        let wait = SHORTEST.saturating_mul(1 << self.failures.min(6)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        Next::StartAfter(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(next: Next) -> u64 {
        match next {
            Next::StartAfter(wait) => wait.as_secs(),
            Next::End => panic!("it was to be started again"),
        }
    }

    #[test]
    fn waits_double_up_to_a_minute_and_a_good_life_resets_them() {
        let mut backoff = Backoff::default();
        let moment = Duration::from_millis(5);
        let waits: Vec<u64> = (0..9).map(|_| seconds(backoff.on(Ending::Signal(9), moment))).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(seconds(backoff.on(Ending::Code(101), Duration::from_secs(59))), 60);
        assert_eq!(seconds(backoff.on(Ending::Code(101), Duration::from_secs(60))), 1);
        assert_eq!(seconds(backoff.on(Ending::NotStarted, Duration::ZERO)), 2);
    }

    #[test]
    fn a_restart_that_was_asked_for_follows_at_once_unless_it_is_asked_for_all_the_time() {
        let mut backoff = Backoff::default();
        let restart = Ending::Code(i32::from(exit::RESTART));
        for _ in 0..5 {
            assert_eq!(seconds(backoff.on(restart, Duration::from_secs(2))), 0);
        }
        let moment = Duration::from_millis(5);
        let waits: Vec<u64> = (0..4).map(|_| seconds(backoff.on(restart, moment))).collect();
        assert_eq!(waits, [1, 2, 4, 8]);
    }

    #[test]
    fn only_the_clean_code_ends_it() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.on(Ending::Code(0), Duration::ZERO), Next::End);
        for code in 1..256 {
            assert_ne!(backoff.on(Ending::Code(code), Duration::ZERO), Next::End);
        }
    }
}
