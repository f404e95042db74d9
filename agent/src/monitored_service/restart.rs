//! When a crashed service may be restarted again; pure.

use chrono::{DateTime, TimeDelta, Utc};
use entity::monitored_service::RESTARTS_PER_HOUR_MAX;
use std::time::Duration;

/// The longest wait between two tries.
const LONGEST: Duration = Duration::from_secs(300);

/// What to do about a service that has crashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Restart it.
    Now,
    /// Not yet.
    Later,
    /// Not within this hour: it was tried too often.
    Exhausted,
}

/// Forgets the tries that are more than an hour old. A clock that was set back does not make any of them younger than
/// now.
pub fn forget_old(tries: &mut Vec<DateTime<Utc>>, now: DateTime<Utc>) {
    for at in tries.iter_mut() {
        *at = (*at).min(now);
    }
    tries.retain(|at| now - *at < TimeDelta::hours(1));
}

/// Decides from the tries of the last hour. Each wait is twice the one before it, from `first` on.
#[must_use]
pub fn turn(tries: &[DateTime<Utc>], first: Duration, now: DateTime<Utc>) -> Turn {
    if tries.len() >= RESTARTS_PER_HOUR_MAX {
        return Turn::Exhausted;
    }
    let Some(last) = tries.last() else { return Turn::Now };
    let doublings = u32::try_from(tries.len() - 1).unwrap_or(u32::MAX).min(16);
    let wait = first.saturating_mul(1 << doublings).min(LONGEST);
    let passed = (now - *last).to_std().unwrap_or_default();
    if passed >= wait { Turn::Now } else { Turn::Later }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn waits_double_and_an_hour_has_so_many_tries() {
        let first = Duration::from_secs(10);
        let (mut tries, mut times) = (Vec::new(), Vec::new());
        for second in 0..7_200 {
            forget_old(&mut tries, at(second));
            if turn(&tries, first, at(second)) == Turn::Now {
                tries.push(at(second));
                times.push(second);
            }
        }
        assert_eq!(times[..6], [0, 10, 30, 70, 150, 310]);
        assert_eq!(times[6], 3_600, "one more once the first is an hour old");
        assert_eq!(turn(&[at(0); 6], first, at(1)), Turn::Exhausted);
    }

    #[test]
    fn a_clock_that_is_set_gives_no_more_tries() {
        let mut tries = vec![at(86_400); RESTARTS_PER_HOUR_MAX];
        forget_old(&mut tries, at(0));
        assert_eq!(turn(&tries, Duration::from_secs(1), at(0)), Turn::Exhausted);
        forget_old(&mut tries, at(3_600));
        assert!(tries.is_empty(), "and none is lost for a day");
    }
}
