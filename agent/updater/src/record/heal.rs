//! Which programs do not come up any more, though they passed their trial or came with the package.

use crate::terms::Terms;
use chrono::{DateTime, Duration, Utc};
use entity::release::Sha256Hex;
use serde::{Deserialize, Serialize};

/// Each start counts for at least this long: a service manager waits about so long before it starts a supervisor anew, and
/// time in which there was no supervisor is seen by none.
const START_LEAST_MS: u64 = 5_000;
/// Times double at most so often.
const DOUBLINGS_MAX: u32 = 6;
/// Most programs that are remembered; a machine keeps two or three.
const STALLED_MAX: usize = 8;

/// A program that did not come up, so that another one stands in for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stalled {
    /// Which program.
    pub sha256: Sha256Hex,
    /// What people call it.
    pub version: String,
    /// How it went.
    pub detail: String,
    /// How often it had to give way.
    pub times: u32,
    /// Until when others go before it, by trusted time.
    pub until: DateTime<Utc>,
    /// An agent that came up was told of it.
    #[serde(default)]
    pub is_told: bool,
}

/// What `state/heal` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heal {
    /// The program whose starts are counted; none for one that could not be read.
    #[serde(default)]
    pub of: Option<Sha256Hex>,
    /// So often in a row it was started and ended before it came up.
    #[serde(default)]
    pub starts: u32,
    /// So long that has been going on.
    #[serde(default)]
    pub tried_ms: u64,
    /// So often one stood in for another since a program came up last: the patience with each doubles.
    #[serde(default)]
    pub rounds: u32,
    /// Those that had to give way, the latest last.
    #[serde(default)]
    pub stalled: Vec<Stalled>,
}

impl Heal {
    /// A program ended before it came up, so long after the end before. True: it was tried often and long enough.
    pub fn ended(&mut self, sha256: Option<Sha256Hex>, passed_ms: u64, terms: &Terms) -> bool {
        if self.of != sha256 {
            (self.of, self.starts, self.tried_ms) = (sha256, 0, 0);
        }
        // Sleep may be in it, so that one start is never all that was tried.
        let passed_ms = passed_ms.max(START_LEAST_MS).min(terms.heal_ms);
        self.starts = self.starts.saturating_add(1);
        self.tried_ms = self.tried_ms.saturating_add(passed_ms);
        let patience_ms = terms.heal_ms.saturating_mul(1_u64 << self.rounds.min(DOUBLINGS_MAX));
        self.starts >= terms.heal_starts && self.tried_ms >= patience_ms
    }

    /// Another one stands in for it.
    pub fn stall(
        &mut self,
        sha256: &Sha256Hex,
        version: &str,
        detail: &str,
        now: DateTime<Utc>,
        terms: &Terms,
    ) {
        let before = self.stalled.iter().position(|one| one.sha256 == *sha256);
        let times = before.map_or(0, |at| self.stalled.remove(at).times).saturating_add(1);
        let span = terms.deny_ms.saturating_mul(1_u64 << (times - 1).min(DOUBLINGS_MAX));
        let span = i64::try_from(span).ok().and_then(Duration::try_milliseconds);
        let until = span.and_then(|span| now.checked_add_signed(span)).unwrap_or(now);
        if self.stalled.len() >= STALLED_MAX {
            self.stalled.remove(0);
        }
        let (version, detail) = (version.to_owned(), detail.to_owned());
        self.stalled.push(Stalled { sha256: sha256.clone(), version, detail, times, until, is_told: false });
    }

    /// The count begins anew, for the program that stands in.
    pub fn next_round(&mut self) {
        (self.of, self.starts, self.tried_ms) = (None, 0, 0);
        self.rounds = self.rounds.saturating_add(1);
    }

    /// Others no longer go before those that had to give way. True when that changed something.
    pub fn give_all_a_try(&mut self, now: DateTime<Utc>) -> bool {
        let mut is_changed = false;
        for one in self.stalled.iter_mut().filter(|one| one.until > now) {
            (one.until, is_changed) = (now, true);
        }
        is_changed
    }

    /// A program came up: nothing is held against it, and patience is as ever.
    pub fn came_up(&mut self, sha256: Option<&Sha256Hex>) {
        (self.of, self.starts, self.tried_ms, self.rounds) = (None, 0, 0, 0);
        self.stalled.retain(|one| Some(&one.sha256) != sha256);
    }

    /// True while others go before this program.
    #[must_use]
    pub fn is_stalled(&self, sha256: &Sha256Hex, now: DateTime<Utc>) -> bool {
        self.stalled.iter().any(|one| one.sha256 == *sha256 && one.until > now)
    }

    /// True when this program once had to give way and may be tried again.
    #[must_use]
    pub fn has_waited(&self, sha256: &Sha256Hex, now: DateTime<Utc>) -> bool {
        self.stalled.iter().any(|one| one.sha256 == *sha256 && one.until <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    #[test]
    fn it_takes_starts_and_time_and_more_time_with_each_round() {
        let (terms, mut heal, one) = (Terms::USUAL, Heal::default(), Some(Sha256Hex::of(b"one")));
        // Many starts in no time, then few starts that take long.
        assert!((0..100).all(|_| !heal.ended(one.clone(), 0, &terms)));
        heal.came_up(None);
        assert!((0..4).all(|_| !heal.ended(one.clone(), 100 * MINUTE, &terms)));
        assert!(heal.ended(one.clone(), 0, &terms));
        assert!(!heal.ended(Some(Sha256Hex::of(b"other")), 0, &terms), "each program is counted for itself");
        let needed = |rounds: u32| {
            let mut heal = Heal { rounds, ..Heal::default() };
            (1..).find(|_| heal.ended(None, MINUTE, &terms)).unwrap_or(0)
        };
        assert_eq!([0, 1, 2, 6, 60].map(needed), [10, 20, 40, 640, 640]);
    }

    #[test]
    fn who_gave_way_waits_a_day_then_twice_as_long() {
        let (terms, mut heal, one) = (Terms::USUAL, Heal::default(), Sha256Hex::of(b"one"));
        let start = DateTime::UNIX_EPOCH;
        heal.stall(&one, "1.0.0", "", start, &terms);
        assert!(heal.is_stalled(&one, start + Duration::hours(23)) && !heal.has_waited(&one, start));
        assert!(heal.has_waited(&one, start + Duration::hours(24)));
        heal.stall(&one, "1.0.0", "", start, &terms);
        assert_eq!(heal.stalled.len(), 1);
        assert!(heal.is_stalled(&one, start + Duration::hours(47)));
        assert!(heal.give_all_a_try(start) && !heal.is_stalled(&one, start) && !heal.give_all_a_try(start));
        heal.came_up(Some(&Sha256Hex::of(b"other")));
        assert!(heal.has_waited(&one, start), "that another one came up says nothing of this one");
        heal.came_up(Some(&one));
        assert_eq!(heal, Heal::default());
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let mut heal = Heal::default();
        for number in 0..100_u32 {
            let sha256 = Sha256Hex::of(&number.to_le_bytes());
            heal.stall(&sha256, "", "", DateTime::UNIX_EPOCH, &Terms::USUAL);
        }
        assert_eq!(heal.stalled.len(), STALLED_MAX);
    }
}
