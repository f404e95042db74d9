//! Slows down guessing: failures counted per address and per (address, account), so that nobody can lock
//! somebody else out.

use chrono::{DateTime, Duration, Utc};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Failures are forgotten after this time.
const WINDOW: Duration = Duration::minutes(10);
/// Failures from one address for one account.
const PER_ACCOUNT_MAX: u32 = 10;
/// Failures from one address in all.
const PER_ADDRESS_MAX: u32 = 60;
/// Most addresses and accounts remembered; beyond it the oldest window is cleared.
const REMEMBERED_MAX: usize = 20_000;

/// Failed tries by who made them.
#[derive(Default)]
pub(crate) struct Throttle(Mutex<HashMap<String, (DateTime<Utc>, u32)>>);

impl Throttle {
    /// Seconds to wait before another try, or `None` when one is free.
    pub(crate) fn wait_seconds(&self, now: DateTime<Utc>, source_ip: &str, account: &str) -> Option<u32> {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |key: &str, max: u32| match failures.get(key) {
            Some((since, count)) if *count >= max => {
                u32::try_from((*since + WINDOW - now).num_seconds()).ok().filter(|seconds| *seconds > 0)
            }
            _ => None,
        };
        over(source_ip, PER_ADDRESS_MAX).or_else(|| over(&pair(source_ip, account), PER_ACCOUNT_MAX))
    }

    /// Counts a failure.
    pub(crate) fn failed(&self, now: DateTime<Utc>, source_ip: &str, account: &str) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failures.retain(|_, (since, _)| *since + WINDOW > now);
        if failures.len() >= REMEMBERED_MAX {
            failures.clear();
        }
        for key in [source_ip.to_owned(), pair(source_ip, account)] {
            failures.entry(key).or_insert((now, 0)).1 += 1;
        }
    }

    /// Forgets the failures of one account from one address, after a success.
    pub(crate) fn succeeded(&self, source_ip: &str, account: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&pair(source_ip, account));
    }
}

fn pair(source_ip: &str, account: &str) -> String {
    format!("{source_ip} {}", crate::secret::digest(account))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_is_slowed_for_the_guesser_alone() {
        let throttle = Throttle::default();
        let now = DateTime::UNIX_EPOCH;
        for _ in 0..PER_ACCOUNT_MAX {
            assert_eq!(throttle.wait_seconds(now, "10.0.0.1", "ada"), None);
            throttle.failed(now, "10.0.0.1", "ada");
        }
        assert_eq!(throttle.wait_seconds(now, "10.0.0.1", "ada"), Some(600));
        assert_eq!(throttle.wait_seconds(now, "10.0.0.1", "bob"), None);
        assert_eq!(throttle.wait_seconds(now, "10.0.0.2", "ada"), None);
        assert_eq!(throttle.wait_seconds(now + WINDOW, "10.0.0.1", "ada"), None);
        throttle.succeeded("10.0.0.1", "ada");
        assert_eq!(throttle.wait_seconds(now, "10.0.0.1", "ada"), None);
    }
}
