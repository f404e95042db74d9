//! Builds that are not to be tried: those that failed here, for a time that doubles, and those that were revoked, for good.

use crate::{fs::Fs, terms::Terms};
use chrono::{DateTime, Duration, Utc};
use entity::{id::UpdateId, release::Sha256Hex};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

const BYTES_MAX: u64 = 1024 * 1024;
/// Most builds that are remembered; the one that has failed the least often goes first.
const BUILDS_MAX: usize = 500;
/// A build is denied for at most so many times the first time.
const DOUBLINGS_MAX: u32 = 6;

/// How a build has done here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// How often it failed.
    pub tries: u32,
    /// It ran and had to be taken back.
    pub is_rolled_back: bool,
    /// Until when it is not to be tried, by trusted time.
    pub until: Option<DateTime<Utc>>,
    /// The update by which it failed last, so that one failure counts once.
    pub update_id: UpdateId,
}

/// What `state/denied.json` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    /// Those that failed.
    #[serde(default)]
    pub failed: BTreeMap<Sha256Hex, Failures>,
    /// Those that were revoked.
    #[serde(default)]
    pub revoked: BTreeSet<Sha256Hex>,
}

impl Denied {
    fn path(folder: &Path) -> PathBuf {
        folder.join("denied.json")
    }

    /// Reads the file. One that is damaged says nothing; the builds it named have to fail again.
    #[must_use]
    pub fn open(fs: &impl Fs, folder: &Path) -> Self {
        let read = fs.read(&Self::path(folder), BYTES_MAX).ok();
        read.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    pub fn write(&self, fs: &impl Fs, folder: &Path) -> io::Result<()> {
        let neighbour = folder.join("denied.json.new");
        fs.write_synced(&neighbour, &serde_json::to_vec(self).map_err(io::Error::other)?)?;
        fs.rename(&neighbour, &Self::path(folder))?;
        fs.sync_folder(folder)
    }

    /// A build failed. One that had to be taken back is denied at once, another one after some tries.
    pub fn fail(
        &mut self,
        sha256: &Sha256Hex,
        id: UpdateId,
        is_rolled_back: bool,
        now: DateTime<Utc>,
        terms: &Terms,
    ) {
        let failures = self.failed.entry(sha256.clone()).or_insert(Failures {
            tries: 0,
            is_rolled_back: false,
            until: None,
            update_id: id,
        });
        if failures.tries > 0 && failures.update_id == id && failures.is_rolled_back == is_rolled_back {
            return;
        }
        failures.update_id = id;
        failures.is_rolled_back |= is_rolled_back;
        failures.tries = failures.tries.saturating_add(1);
        if is_rolled_back {
            failures.tries = failures.tries.max(terms.tries_max);
        }
        if let Some(more) = failures.tries.checked_sub(terms.tries_max) {
            let factor = 1_u64 << more.min(DOUBLINGS_MAX);
            let span = i64::try_from(terms.deny_ms.saturating_mul(factor)).unwrap_or(i64::MAX);
            failures.until = Duration::try_milliseconds(span).and_then(|span| now.checked_add_signed(span));
        }
        if self.failed.len() > BUILDS_MAX {
            let others = self.failed.iter().filter(|(other, _)| *other != sha256);
            if let Some(least) =
                others.min_by_key(|(_, failures)| failures.tries).map(|(other, _)| other.clone())
            {
                self.failed.remove(&least);
            }
        }
    }

    /// Takes revoked builds over. True when there were new ones.
    pub fn revoke<'a>(&mut self, revoked: impl IntoIterator<Item = &'a Sha256Hex>) -> bool {
        let before = self.revoked.len();
        self.revoked.extend(revoked.into_iter().cloned());
        self.revoked.len() != before
    }

    /// True when a build is not to be tried now.
    #[must_use]
    pub fn is_denied(&self, sha256: &Sha256Hex, now: DateTime<Utc>) -> bool {
        let is_failed = |failures: &Failures| failures.until.is_some_and(|until| until > now);
        self.revoked.contains(sha256) || self.failed.get(sha256).is_some_and(is_failed)
    }

    /// True when a build should not even be gone back to.
    #[must_use]
    pub fn is_bad(&self, sha256: &Sha256Hex) -> bool {
        self.revoked.contains(sha256)
            || self.failed.get(sha256).is_some_and(|failures| failures.is_rolled_back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> UpdateId {
        format!("00000000-0000-7000-8000-{number:012}").parse().unwrap()
    }

    #[test]
    fn three_tries_then_a_time_that_doubles() {
        let (sha256, terms, mut denied) = (Sha256Hex::of(b"x"), Terms::USUAL, Denied::default());
        let start = DateTime::UNIX_EPOCH;
        let (mut now, mut tries) = (start, 0);
        while now < start + Duration::days(7) {
            if !denied.is_denied(&sha256, now) {
                tries += 1;
                denied.fail(&sha256, id(tries), false, now, &terms);
            }
            now += Duration::hours(1);
        }
        // Three at once, then after 1, 3 and 7 days.
        assert_eq!(tries, 5);
        assert!(!denied.is_bad(&sha256), "it never ran");
    }

    #[test]
    fn one_that_was_taken_back_is_denied_at_once_and_counts_once() {
        let (sha256, terms, mut denied) = (Sha256Hex::of(b"x"), Terms::USUAL, Denied::default());
        let now = DateTime::UNIX_EPOCH;
        denied.fail(&sha256, id(1), true, now, &terms);
        let once = denied.clone();
        denied.fail(&sha256, id(1), true, now, &terms);
        assert_eq!(denied, once);
        assert!(denied.is_denied(&sha256, now) && denied.is_bad(&sha256));
        assert!(!denied.is_denied(&sha256, now + Duration::hours(25)));
        assert!(!denied.is_denied(&Sha256Hex::of(b"y"), now));
        assert!(denied.revoke([&Sha256Hex::of(b"y")]));
        assert!(denied.is_denied(&Sha256Hex::of(b"y"), now + Duration::days(10_000)));
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let mut denied = Denied::default();
        for number in 0..2_000_u32 {
            let sha256 = Sha256Hex::of(&number.to_le_bytes());
            denied.fail(&sha256, id(number.into()), true, DateTime::UNIX_EPOCH, &Terms::USUAL);
        }
        assert_eq!(denied.failed.len(), BUILDS_MAX);
    }
}
