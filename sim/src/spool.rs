//! The samples of one agent that the server has not acknowledged yet, and the count of all others.

use chrono::{DateTime, Utc};
use std::{collections::VecDeque, ops::AddAssign};

/// Where samples have gone. In order: `produced = acked + spooled + dropped`, and of the dropped so many were told to
/// the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Count {
    /// Samples that were taken.
    pub produced: u64,
    /// Samples that the server has acknowledged.
    pub acked: u64,
    /// Samples that still wait.
    pub spooled: u64,
    /// Samples that were given up because the spool was full.
    pub dropped: u64,
    /// Of these, those that the server knows of.
    pub dropped_and_reported: u64,
}

impl Count {
    /// True when nothing is lost and nothing counted twice.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.produced == self.acked + self.spooled + self.dropped && self.dropped_and_reported <= self.dropped
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.produced += other.produced;
        self.acked += other.acked;
        self.spooled += other.spooled;
        self.dropped += other.dropped;
        self.dropped_and_reported += other.dropped_and_reported;
    }
}

/// Samples on their way, by their times: what was measured follows from the seed and the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Spool position of the last one.
    pub position: u64,
    /// All samples that were ever given up.
    pub dropped_total: u64,
    /// When they were taken.
    pub times: Vec<DateTime<Utc>>,
}

/// A bounded queue of samples. Times in milliseconds, eight bytes each.
#[derive(Clone, Debug)]
pub struct Spool {
    waiting: VecDeque<i64>,
    /// Position of the newest sample that left the front.
    behind: u64,
    most: usize,
    count: Count,
}

impl Spool {
    /// An empty spool that holds at most so many samples.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            behind: 0,
            most,
            count: Count { produced: 0, acked: 0, spooled: 0, dropped: 0, dropped_and_reported: 0 },
        }
    }

    /// Takes a sample; the oldest goes when there is no room.
    pub fn push(&mut self, at: DateTime<Utc>) {
        self.count.produced += 1;
        self.waiting.push_back(at.timestamp_millis());
        if self.waiting.len() > self.most {
            self.waiting.pop_front();
            self.behind += 1;
            self.count.dropped += 1;
        }
    }

    /// The oldest samples that wait, at most so many.
    #[must_use]
    pub fn batch(&self, most: usize) -> Option<Batch> {
        let times: Vec<_> =
            self.waiting.iter().take(most).filter_map(|at| DateTime::from_timestamp_millis(*at)).collect();
        if times.is_empty() {
            return None;
        }
        let position = self.behind + times.len() as u64;
        Some(Batch { position, dropped_total: self.count.dropped, times })
    }

    /// The server has everything up to `position`, and knows of so many dropped ones.
    pub fn acknowledge(&mut self, position: u64, dropped_total: u64) {
        while self.behind < position && self.waiting.pop_front().is_some() {
            self.behind += 1;
            self.count.acked += 1;
        }
        if self.waiting.is_empty() {
            self.waiting.shrink_to(8);
        }
        self.count.dropped_and_reported =
            self.count.dropped_and_reported.max(dropped_total.min(self.count.dropped));
    }

    /// Nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Where all samples are.
    #[must_use]
    pub fn count(&self) -> Count {
        Count { spooled: self.waiting.len() as u64, ..self.count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).expect("a time")
    }

    #[test]
    fn every_sample_is_somewhere() {
        let mut spool = Spool::new(5);
        (0..8).for_each(|second| spool.push(at(second)));
        let batch = spool.batch(3).expect("samples");
        assert_eq!((batch.position, batch.dropped_total, batch.times[0]), (6, 3, at(3)));
        spool.push(at(8));
        // What was dropped while it was on its way is not acknowledged too.
        spool.acknowledge(batch.position, batch.dropped_total);
        let count = spool.count();
        assert!(count.holds(), "{count:?}");
        assert_eq!((count.acked, count.spooled, count.dropped, count.dropped_and_reported), (2, 3, 4, 3));
        spool.acknowledge(100, 4);
        assert!(spool.is_empty() && spool.count().holds());
    }
}
