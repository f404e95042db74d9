//! Slows down guessing: tries counted per address and per (address, account), so that nobody can lock somebody else
//! out. A try counts as failed from its start, so that many at once are not all free.

use crate::{Error, Result};
use chrono::{DateTime, Duration, Utc};
use entity::id::SessionId;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

/// Failures are forgotten after this time.
const WINDOW: Duration = Duration::minutes(10);
/// Failures from one address for one account.
const PER_ACCOUNT_MAX: u32 = 10;
/// Failures from one address in all. Those who have signed in from it before are not held up by it.
const PER_ADDRESS_MAX: u32 = 60;
/// Most addresses and accounts remembered; beyond it the oldest half is forgotten, those
/// who have to wait last.
const REMEMBERED_MAX: usize = 100_000;

/// When the first failure was, and how many there were since.
type Failures = HashMap<String, (DateTime<Utc>, u32)>;

/// Failed tries by who made them.
#[derive(Default)]
pub(crate) struct Throttle(Mutex<Failures>);

impl Throttle {
    /// Begins a try.
    ///
    /// # Errors
    /// Too many, with the seconds to wait.
    pub(crate) fn enter(&self, now: DateTime<Utc>, source_ip: &str, account: &str) -> Result<Ticket<'_>> {
        self.enter_as(now, source_ip, account, false)
    }

    /// Begins a try of somebody who is signed in: counted for their session, so that nobody beside it is in the way.
    ///
    /// # Errors
    /// Too many, with the seconds to wait.
    pub(crate) fn enter_session(&self, now: DateTime<Utc>, session: SessionId) -> Result<Ticket<'_>> {
        self.enter_as(now, "session", &session.to_string(), true)
    }

    /// Begins a try. `is_known_here`: this account was signed in to from this address before.
    ///
    /// # Errors
    /// Too many, with the seconds to wait.
    pub(crate) fn enter_as(
        &self,
        now: DateTime<Utc>,
        source_ip: &str,
        account: &str,
        is_known_here: bool,
    ) -> Result<Ticket<'_>> {
        let source_ip = &network(source_ip);
        let pair = format!("{source_ip} {}", crate::secret::digest(account));
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= REMEMBERED_MAX {
            forget(&mut failures, now);
        }
        let over = |key: &str, max: u32| match failures.get(key) {
            Some((since, count)) if *count >= max => {
                u32::try_from((*since + WINDOW - now).num_seconds()).ok().filter(|seconds| *seconds > 0)
            }
            _ => None,
        };
        let by_address = if is_known_here { None } else { over(source_ip, PER_ADDRESS_MAX) };
        if let Some(seconds) = by_address.or_else(|| over(&pair, PER_ACCOUNT_MAX)) {
            return Err(Error::too_many(seconds));
        }
        let mut last = false;
        for (key, max) in [(source_ip.as_str(), PER_ADDRESS_MAX), (pair.as_str(), PER_ACCOUNT_MAX)] {
            let entry = failures.entry(key.to_owned()).or_insert((now, 0));
            if entry.0 + WINDOW <= now {
                *entry = (now, 0);
            }
            entry.1 += 1;
            last |= entry.1 == max;
        }
        Ok(Ticket { throttle: self, source_ip: source_ip.to_owned(), pair, last })
    }
}

/// One household has one network of IPv6, and in it as many addresses as it likes.
fn network(source_ip: &str) -> String {
    match source_ip.parse() {
        Ok(IpAddr::V6(address)) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).to_string(),
        _ => source_ip.to_owned(),
    }
}

fn forget(failures: &mut Failures, now: DateTime<Utc>) {
    failures.retain(|_, (since, _)| *since + WINDOW > now);
    if failures.len() >= REMEMBERED_MAX {
        let mut times: Vec<_> = failures.values().map(|(since, _)| *since).collect();
        times.sort_unstable();
        let middle = times[times.len() / 2];
        failures.retain(|_, (since, count)| *since > middle || *count >= PER_ACCOUNT_MAX);
        if failures.len() >= REMEMBERED_MAX {
            failures.retain(|_, (since, _)| *since > middle);
        }
    }
}

/// A try that counts as failed until it says otherwise.
pub(crate) struct Ticket<'a> {
    throttle: &'a Throttle,
    source_ip: String,
    pair: String,
    last: bool,
}

impl Ticket<'_> {
    /// True when no further try is free after this one.
    pub(crate) const fn is_last(&self) -> bool {
        self.last
    }

    /// It was them after all: the failures of this account from this address are forgotten.
    pub(crate) fn succeeded(self) {
        let mut failures = self.throttle.0.lock().unwrap_or_else(PoisonError::into_inner);
        failures.remove(&self.pair);
        if let Some((_, count)) = failures.get_mut(&self.source_ip) {
            *count = count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::problem::Problem;

    fn wait(throttle: &Throttle, now: DateTime<Utc>, ip: &str, account: &str) -> Option<u32> {
        throttle.enter(now, ip, account).err().and_then(|error| Problem::from(error).retry_after_seconds)
    }

    #[test]
    fn guessing_is_slowed_for_the_guesser_alone() {
        let throttle = Throttle::default();
        let now = DateTime::UNIX_EPOCH;
        for round in 1..=PER_ACCOUNT_MAX {
            let ticket = throttle.enter(now, "10.0.0.1", "ada").expect("free");
            assert_eq!(ticket.is_last(), round == PER_ACCOUNT_MAX);
        }
        assert_eq!(wait(&throttle, now, "10.0.0.1", "ada"), Some(600));
        assert_eq!(wait(&throttle, now, "10.0.0.1", "bob"), None);
        assert_eq!(wait(&throttle, now, "10.0.0.2", "ada"), None);
        throttle.enter(now + WINDOW, "10.0.0.1", "ada").expect("free again").succeeded();
        assert_eq!(wait(&throttle, now + WINDOW, "10.0.0.1", "ada"), None);
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let throttle = Throttle::default();
        let now = DateTime::UNIX_EPOCH;
        for host in 1..=PER_ACCOUNT_MAX {
            throttle.enter(now, &format!("2001:db8:1:2::{host:x}"), "ada").expect("free");
        }
        assert_eq!(wait(&throttle, now, "2001:db8:1:2:ffff::1", "ada"), Some(600));
        assert_eq!(wait(&throttle, now, "2001:db8:1:3::1", "ada"), None);
    }

    #[test]
    fn an_address_is_slowed_but_not_those_who_are_at_home_there() {
        let throttle = Throttle::default();
        let now = DateTime::UNIX_EPOCH;
        for account in 0..PER_ADDRESS_MAX {
            throttle.enter(now, "10.0.0.1", &account.to_string()).expect("free");
        }
        assert_eq!(wait(&throttle, now, "10.0.0.1", "ada"), Some(600));
        throttle.enter_as(now, "10.0.0.1", "ada", true).expect("at home").succeeded();
        assert_eq!(wait(&throttle, now, "10.0.0.2", "ada"), None);
    }

    #[test]
    fn a_flood_of_accounts_does_not_make_the_newest_forgotten() {
        let throttle = Throttle::default();
        let start = DateTime::UNIX_EPOCH;
        for n in 0..40_000_i64 {
            let now = start + Duration::milliseconds(n);
            drop(throttle.enter_as(now, &format!("ip{n}"), "x", true));
        }
        let now = start + Duration::seconds(60);
        for _ in 0..PER_ACCOUNT_MAX {
            throttle.enter(now, "10.0.0.1", "ada").expect("free");
        }
        for n in 0..40_000_i64 {
            let now = now + Duration::milliseconds(n);
            drop(throttle.enter_as(now, &format!("other{n}"), "x", true));
        }
        assert!(wait(&throttle, now + Duration::seconds(50), "10.0.0.1", "ada").is_some());
        assert!(throttle.0.lock().expect("whole").len() <= REMEMBERED_MAX + 1);
    }
}
