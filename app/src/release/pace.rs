//! How fast something goes and how long it still takes, from how far it had come at a few moments. Pure.

use std::collections::VecDeque;

/// What is looked back at, in milliseconds: long enough to be calm, short enough to follow a line that slows down.
const WINDOW_MS: f64 = 5_000.0;
/// Less time than this says nothing.
const LEAST_MS: f64 = 250.0;

/// What was seen of something under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    seen: VecDeque<(f64, u64)>,
}

impl Pace {
    /// At this moment so many bytes had gone.
    pub(super) fn see(&mut self, at_ms: f64, bytes: u64) {
        self.seen.push_back((at_ms, bytes));
        // One from before the window stays, so that there is always something to compare with.
        while self.seen.get(1).is_some_and(|(at, _)| at_ms - at >= WINDOW_MS) {
            self.seen.pop_front();
        }
    }

    /// Bytes a second; nothing while there is too little to tell.
    pub(super) fn bytes_per_second(&self) -> Option<f64> {
        let ((from, first), (to, last)) = (self.seen.front()?, self.seen.back()?);
        let took = to - from;
        if took < LEAST_MS || last <= first {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no more")]
        Some((last - first) as f64 * 1000.0 / took)
    }

    /// Seconds until all has gone; nothing while there is too little to tell.
    pub(super) fn seconds_left(&self, total: u64) -> Option<u64> {
        let left = total.saturating_sub(self.seen.back()?.1);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a guess needs no more"
        )]
        Some((left as f64 / self.bytes_per_second()?).ceil() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_too_early() {
        let mut pace = Pace::default();
        assert_eq!(pace.bytes_per_second(), None);
        pace.see(0.0, 0);
        pace.see(100.0, 50);
        assert_eq!((pace.bytes_per_second(), pace.seconds_left(100)), (None, None));
        pace.see(1_000.0, 0);
        assert_eq!(pace.bytes_per_second(), None, "nothing has gone");
    }

    #[test]
    fn what_is_long_ago_does_not_count() {
        let mut pace = Pace::default();
        for second in 0_u32..=10 {
            pace.see(f64::from(second) * 1000.0, u64::from(second) * 1_000);
        }
        assert_eq!(pace.bytes_per_second(), Some(1_000.0));
        assert_eq!(pace.seconds_left(12_500), Some(3));
        for second in 11_u32..=20 {
            pace.see(f64::from(second) * 1000.0, 10_000 + u64::from(second - 10) * 100);
        }
        assert_eq!(pace.bytes_per_second(), Some(100.0));
        assert!(pace.seen.len() < 10, "what is kept is bounded by time");
        assert_eq!(pace.seconds_left(11_000), Some(0));
    }
}
