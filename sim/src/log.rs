//! What a simulated machine logs, until the server has it: entries that follow from the seed, in a short queue.

use crate::{
    rhythm::{mix, share},
    spool::Count,
};
use chrono::{DateTime, Utc};
use entity::{
    log_entry::{LogEntry, LogLevel},
    wire::{Logs, SpooledEntry},
};
use std::collections::VecDeque;

/// Entries of one message, small enough for a socket.
const PER_MESSAGE_MAX: usize = 50;

const LINES: [(LogLevel, &str, &str); 5] = [
    (LogLevel::Warn, "nginx.service", "upstream server temporarily disabled while connecting to upstream"),
    (LogLevel::Error, "postgresql.service", "could not write to the log file: no space left on device"),
    (LogLevel::Warn, "kernel", "nfs: server backup not responding, still trying"),
    (LogLevel::Error, "/var/log/app/app.log", "connection to the database was refused, trying again in 5 s"),
    (LogLevel::Critical, "kernel", "Out of memory: Killed process 4711 (java)"),
];

/// Where the lines of an agent have gone: lines taken = `suppressed` + `entries.produced`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogCount {
    /// Those that became entries, and where these are.
    pub entries: Count,
    /// Those that were left out because there were too many.
    pub suppressed: u64,
}

/// Entries that wait.
#[derive(Clone, Debug)]
pub(crate) struct LogQueue {
    waiting: VecDeque<SpooledEntry>,
    /// The oldest of more go for newer ones.
    most: usize,
    count: LogCount,
    /// Lines that are left out with each that is not, on average.
    left_out: f64,
    /// Position of the newest entry.
    last: u64,
    /// What is left over of entries that come less than once a message, and of lines that are left out.
    owed: f64,
    owed_left_out: f64,
}

impl LogQueue {
    /// An empty queue that holds at most so many entries.
    pub(crate) const fn new(most: usize, left_out: f64) -> Self {
        let entries = Count { produced: 0, acked: 0, spooled: 0, dropped: 0, dropped_and_reported: 0 };
        Self {
            waiting: VecDeque::new(),
            most,
            count: LogCount { entries, suppressed: 0 },
            left_out,
            last: 0,
            owed: 0.0,
            owed_left_out: 0.0,
        }
    }

    /// Writes so many entries at a moment; parts of one add up.
    pub(crate) fn write(&mut self, seed: u64, at: DateTime<Utc>, entries: f64) {
        self.owed += entries;
        while self.owed >= 1.0 {
            self.owed -= 1.0;
            // Left out before an entry, which then tells of it.
            self.owed_left_out += self.left_out;
            while self.owed_left_out >= 1.0 {
                self.owed_left_out -= 1.0;
                self.count.suppressed += 1;
            }
            self.count.entries.produced += 1;
            let written = self.count.entries.produced;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "below the number of lines"
            )]
            let line = (share(&[seed, 70, written]).powi(2) * LINES.len() as f64) as usize;
            let (level, source, message) = LINES[line.min(LINES.len() - 1)];
            let message = format!("{message} [{}]", mix(&[seed, written]) % 10_000);
            // A clock that is set back gives no position twice.
            self.last = u64::try_from(at.timestamp_micros()).unwrap_or_default().max(self.last + 1);
            let entry = LogEntry { at, level, source: source.to_owned(), message };
            self.waiting.push_back(SpooledEntry { position: self.last, entry });
            if self.waiting.len() > self.most {
                self.waiting.pop_front();
                self.count.entries.dropped += 1;
            }
        }
    }

    /// Where all lines are.
    pub(crate) fn count(&self) -> LogCount {
        let entries = Count { spooled: self.waiting.len() as u64, ..self.count.entries };
        LogCount { entries, ..self.count }
    }

    /// The message that is next, if one is.
    pub(crate) fn next(&self) -> Option<Logs> {
        let entries: Vec<_> = self.waiting.iter().take(PER_MESSAGE_MAX).cloned().collect();
        let dropped_total = self.count.entries.dropped;
        let logs = Logs { entries, dropped_total, suppressed_total: self.count.suppressed };
        (!logs.entries.is_empty()).then_some(logs)
    }

    /// The server has everything up to this position.
    pub(crate) fn acknowledge(&mut self, position: u64) {
        while self.waiting.front().is_some_and(|entry| entry.position <= position) {
            self.waiting.pop_front();
            self.count.entries.acked += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_add_up_wait_for_their_acknowledgement_and_are_dropped_by_count() {
        let mut queue = LogQueue::new(200, 0.5);
        let at = DateTime::UNIX_EPOCH;
        (0..3).for_each(|_| queue.write(1, at, 0.4));
        let first = queue.next().expect("one");
        assert_eq!(first.entries.len(), 1);
        queue.write(1, at, 300.0);
        let message = queue.next().expect("some");
        assert_eq!((message.entries.len(), message.dropped_total), (PER_MESSAGE_MAX, 101));
        assert_eq!(message.suppressed_total, 150);
        assert!(message.entries.is_sorted_by(|one, next| one.position < next.position));
        queue.acknowledge(message.position());
        assert!(queue.next().expect("more").entries[0].position > message.position());
        let count = queue.count();
        assert!(count.entries.holds(), "{count:?}");
        assert_eq!((count.entries.produced, count.entries.acked, count.entries.spooled), (301, 50, 150));
    }
}
