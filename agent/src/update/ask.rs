//! When the server is asked for a newer version: soon after the start, at an interval, when a hint says so, and again
//! when that failed. The moments are spread by chance, so that a fleet does not ask together.

use std::time::Duration;
use tokio::time::Instant;

/// The first wait after a question that came to nothing; doubles each time.
const RETRY_FIRST: Duration = Duration::from_secs(60);
/// How often it doubles.
const DOUBLINGS_MAX: u32 = 6;

/// When the next question is due.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    next: Instant,
    interval: Duration,
    failures: u32,
    /// The moment came while the agent was busy with itself: the question is due as soon as it is idle.
    is_overdue: bool,
}

impl Plan {
    /// The first question comes by chance within `first` of now.
    #[must_use]
    pub fn new(now: Instant, first: Duration, interval: Duration, chance: f64) -> Self {
        Self { next: now + first.mul_f64(chance), interval, failures: 0, is_overdue: false }
    }

    /// When to look.
    #[must_use]
    pub const fn next(&self) -> Instant {
        self.next
    }

    /// A hint came: by chance within this time, unless a question is due before.
    pub fn hint(&mut self, now: Instant, within: Duration, chance: f64) {
        self.next = self.next.min(now + within.mul_f64(chance));
    }

    /// The moment has come, and nothing can begin: it is remembered. True for the first time.
    pub fn wait_for_idle(&mut self, now: Instant) -> bool {
        self.next = now + self.interval;
        !std::mem::replace(&mut self.is_overdue, true)
    }

    /// The agent is idle: is there something that had to wait?
    pub const fn take_overdue(&mut self) -> bool {
        std::mem::replace(&mut self.is_overdue, false)
    }

    /// The supervisor was asked what to ask; if nothing comes of it, the question is due again.
    pub fn begun(&mut self, now: Instant) {
        self.next = now + self.interval;
    }

    /// The server has answered.
    pub fn answered(&mut self, now: Instant, chance: f64) {
        self.failures = 0;
        self.next = now + self.interval.mul_f64(0.9 + 0.2 * chance);
    }

    /// It has not, and asks to come back no earlier than this.
    pub fn failed(&mut self, now: Instant, retry_after: Option<Duration>, chance: f64) {
        let wait = RETRY_FIRST * 2_u32.pow(self.failures.min(DOUBLINGS_MAX));
        self.failures += 1;
        let wait = wait.mul_f64(0.5 + 0.5 * chance).min(self.interval);
        let asked = retry_after.unwrap_or_default();
        self.next = now + wait.max(asked + asked.mul_f64(0.25 * chance));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn questions_are_spread_and_hints_bring_them_forward() {
        let now = Instant::now();
        let mut plan = Plan::new(now, Duration::from_secs(600), 4 * HOUR, 0.5);
        assert_eq!(plan.next(), now + Duration::from_secs(300));
        plan.hint(now, Duration::from_secs(900), 1.0);
        assert_eq!(plan.next(), now + Duration::from_secs(300), "a hint never puts it off");
        plan.hint(now, Duration::from_secs(900), 0.1);
        assert_eq!(plan.next(), now + Duration::from_secs(90));
        plan.answered(now, 0.5);
        assert_eq!(plan.next(), now + 4 * HOUR);
    }

    #[test]
    fn what_failed_is_tried_again_later_and_later_and_never_before_the_server_says() {
        let now = Instant::now();
        let mut plan = Plan::new(now, HOUR, 4 * HOUR, 0.0);
        let waits: Vec<u64> = (0..9)
            .map(|_| {
                plan.failed(now, None, 1.0);
                plan.next().duration_since(now).as_secs()
            })
            .collect();
        assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3840, 3840, 3840]);
        plan.failed(now, Some(24 * HOUR), 0.0);
        assert!(plan.next() >= now + 24 * HOUR);
    }

    #[test]
    fn a_moment_that_comes_at_a_bad_time_is_not_lost() {
        let now = Instant::now();
        let mut plan = Plan::new(now, HOUR, 4 * HOUR, 0.0);
        assert!(!plan.take_overdue());
        assert!(plan.wait_for_idle(now) && !plan.wait_for_idle(now));
        assert!(plan.take_overdue() && !plan.take_overdue());
    }
}
