//! How long to wait before the next try; pure.

use std::time::Duration;

/// Nobody has to wait longer, whoever asks for it.
const ASKED_MAX: Duration = Duration::from_secs(3_600);

/// Doubles from try to try, up to a cap; every wait is a random part of that (full jitter), so that a fleet that lost
/// its server together does not come back together.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// Starts with waits of at most `first`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// Another failure: the wait before the next try. `chance` is from 0 to 1.
    pub fn next(&mut self, chance: f64) -> Duration {
        let cap = self.cap();
        self.failures = self.failures.saturating_add(1);
        // Never none at all: two tries at once are one too many.
        (self.first / 10).max(cap.mul_f64(chance.clamp(0.0, 1.0)))
    }

    /// The wait that the server asked for, plus up to half of it, or more the oftener it asked: those whom it sent away
    /// together do not come back together.
    pub fn directed(&mut self, asked: Duration, chance: f64) -> Duration {
        let asked = asked.min(ASKED_MAX);
        let cap = self.cap();
        self.failures = self.failures.saturating_add(1);
        asked + (asked / 2).max(cap).mul_f64(chance.clamp(0.0, 1.0))
    }

    fn cap(&self) -> Duration {
        self.first.saturating_mul(1 << self.failures.min(16)).min(self.longest)
    }

    /// The link was well.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration as D;

    #[test]
    fn waits_grow_to_the_cap_and_start_anew() {
        let mut backoff = Backoff::new(D::from_secs(1), D::from_secs(60));
        let longest: Vec<u64> = (0..9).map(|_| backoff.next(1.0).as_secs()).collect();
        assert_eq!(longest, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(backoff.next(0.0), D::from_millis(100));
        assert_eq!(backoff.next(0.5), D::from_secs(30));
        backoff.reset();
        assert_eq!(backoff.next(1.0), D::from_secs(1));
    }

    #[test]
    fn the_servers_wait_is_honoured_and_spread() {
        let mut backoff = Backoff::new(D::from_secs(1), D::from_secs(60));
        assert_eq!(backoff.directed(D::from_secs(20), 0.0), D::from_secs(20));
        assert_eq!(backoff.directed(D::from_secs(20), 1.0), D::from_secs(30));
        backoff.reset();
        let asked_again: Vec<u64> =
            (0..8).map(|_| backoff.directed(D::from_secs(1), 1.0).as_secs()).collect();
        assert_eq!(asked_again, [2, 3, 5, 9, 17, 33, 61, 61]);
        assert_eq!(backoff.directed(D::from_secs(u64::MAX / 4), 0.0), D::from_secs(3_600));
    }
}
