//! How many lines a source may send: so many at once, then so many a second. What is left out is counted and said.

use chrono::{DateTime, Utc};
use entity::log_entry::{LogEntry, LogLevel};
use std::collections::HashMap;

/// Lines that a source may send at once.
const BURST: f64 = 1_000.0;
/// Lines a second that a source may send for long.
const PER_SECOND: f64 = 10.0;
/// Sources that are counted one by one; the others share one count.
const SOURCES_MAX: usize = 256;
/// The name of the others.
const OTHERS: &str = "other sources";

#[derive(Debug)]
struct Bucket {
    room: f64,
    at: DateTime<Utc>,
    left_out: u64,
    worst: LogLevel,
}

/// The counts of all sources.
#[derive(Debug, Default)]
pub struct Limiter(HashMap<String, Bucket>);

impl Limiter {
    /// May this source send one more line? If not, the line is counted.
    pub fn takes(&mut self, source: &str, level: LogLevel, now: DateTime<Utc>) -> bool {
        if self.0.len() >= SOURCES_MAX && !self.0.contains_key(source) {
            // Whoever has all of its room has nothing to remember.
            self.0.retain(|_, bucket| {
                bucket.refill(now);
                bucket.room < BURST || bucket.left_out > 0
            });
        }
        let is_known = self.0.len() < SOURCES_MAX || self.0.contains_key(source);
        let name = if is_known { source } else { OTHERS };
        if !self.0.contains_key(name) {
            self.0
                .insert(name.to_owned(), Bucket { room: BURST, at: now, left_out: 0, worst: LogLevel::Warn });
        }
        let Some(bucket) = self.0.get_mut(name) else { return false };
        bucket.refill(now);
        if bucket.room >= 1.0 {
            bucket.room -= 1.0;
            return true;
        }
        bucket.left_out += 1;
        bucket.worst = bucket.worst.min(level);
        false
    }

    /// What was left out since the last time, as entries that say so, and how much in all.
    pub fn left_out(&mut self, now: DateTime<Utc>) -> (Vec<LogEntry>, u64) {
        let mut total = 0;
        let mut entries = Vec::new();
        for (source, bucket) in &mut self.0 {
            let lines = std::mem::take(&mut bucket.left_out);
            if lines == 0 {
                continue;
            }
            total += lines;
            let level = std::mem::replace(&mut bucket.worst, LogLevel::Warn);
            let noun = if lines == 1 { "line was" } else { "lines were" };
            let message = format!(
                "{lines} more {noun} left out here: this source wrote more than {PER_SECOND} a second"
            );
            entries.push(LogEntry { at: now, level, source: source.clone(), message });
        }
        entries.sort_by(|one, other| one.source.cmp(&other.source));
        (entries, total)
    }
}

impl Bucket {
    fn refill(&mut self, now: DateTime<Utc>) {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds between two looks")]
        let seconds = (now - self.at).num_milliseconds().max(0) as f64 / 1_000.0;
        // A clock that was set back begins anew.
        self.at = now;
        self.room = (self.room + seconds * PER_SECOND).min(BURST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;

    #[test]
    fn every_line_is_sent_or_counted_and_one_source_takes_no_room_of_another() {
        let mut limiter = Limiter::default();
        let start = DateTime::UNIX_EPOCH;
        let mut sent: u64 = 0;
        let mut told: u64 = 0;
        // A hundred lines a second for ten minutes, looked at every fifteen seconds.
        for look in 0..40 {
            let now = start + Duration::seconds(15 * look);
            for line in 0..1_500 {
                let level = if line == 700 { LogLevel::Error } else { LogLevel::Warn };
                sent += u64::from(limiter.takes("loud", level, now));
            }
            assert!(limiter.takes("quiet", LogLevel::Error, now));
            let (entries, total) = limiter.left_out(now);
            told += total;
            assert!(entries.len() <= 1);
            for entry in entries {
                assert!(entry.message.starts_with(&total.to_string()), "{}", entry.message);
                assert_eq!(entry.source, "loud");
            }
        }
        assert_eq!(sent + told, 40 * 1_500);
        assert_eq!(sent, 1_000 + 39 * 150);
    }

    #[test]
    fn sources_beyond_the_bound_share_and_are_counted_too() {
        let mut limiter = Limiter::default();
        let now = DateTime::UNIX_EPOCH;
        let mut sent = 0;
        for source in 0..5_000 {
            sent += u64::from(limiter.takes(&source.to_string(), LogLevel::Warn, now));
        }
        assert!(limiter.0.len() <= SOURCES_MAX + 1);
        assert_eq!(sent + limiter.left_out(now).1, 5_000);
    }
}
