//! When the server is to sign that it has heard this build: every so often while the supervisor wants that.

use std::time::Duration;
use tokio::time::Instant;

/// When the next receipt is due, if any is wanted.
#[derive(Debug, Default)]
pub struct Receipts {
    every: Option<Duration>,
    next: Option<Instant>,
    /// For the receipts of this process.
    nonce: String,
}

impl Receipts {
    /// The supervisor wants one every so many seconds, or none.
    pub fn want(&mut self, now: Instant, every_seconds: Option<u32>) {
        let every = every_seconds.map(|seconds| Duration::from_secs(u64::from(seconds.max(1))));
        if every == self.every {
            return;
        }
        self.every = every;
        self.next = every.map(|_| now);
    }

    /// What they are to answer.
    pub fn answer(&mut self, nonce: String) {
        self.nonce = nonce;
    }

    /// What they are to answer.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// When the next is due; `None` while one is on its way.
    #[must_use]
    pub const fn next(&self) -> Option<Instant> {
        self.next
    }

    /// It is asked for.
    pub const fn asked(&mut self) {
        self.next = None;
    }

    /// It has come, or has not; the server may want to be asked later.
    pub fn came(&mut self, now: Instant, retry_after: Option<Duration>) {
        self.next = self.every.map(|every| now + every.max(retry_after.unwrap_or_default()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_come_while_they_are_wanted() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let mut receipts = Receipts::default();
        assert_eq!(receipts.next(), None);
        receipts.want(now, Some(5));
        assert_eq!(receipts.next(), Some(now), "the first at once");
        receipts.asked();
        receipts.want(now, Some(5));
        assert_eq!(receipts.next(), None, "the same wish changes nothing");
        receipts.came(now, None);
        assert_eq!(receipts.next(), Some(now + 5 * second));
        receipts.came(now, Some(60 * second));
        assert_eq!(receipts.next(), Some(now + 60 * second));
        receipts.want(now, None);
        receipts.came(now, None);
        assert_eq!(receipts.next(), None);
    }
}
