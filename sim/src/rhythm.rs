//! How often agents do what they do, and each one's own moment within an interval.

use chrono::{DateTime, TimeDelta, Utc};
use entity::wire::limits::SAMPLES_PER_MESSAGE_MAX;
use std::time::Duration;

/// By which clock samples are stamped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stamps {
    /// By the clock of this machine.
    Now,
    /// The first sample at a moment, each later one a step after the one before: for tests, whose servers live by a
    /// clock of their own.
    From(DateTime<Utc>, TimeDelta),
}

/// How often agents do what they do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rhythm {
    /// Between heartbeats; as the server says when absent.
    pub heartbeat: Option<Duration>,
    /// Between messages with samples; as the server says when absent.
    pub metrics: Option<Duration>,
    /// Samples that are taken from one message to the next.
    pub samples: u32,
    /// Most samples of one message.
    pub samples_max: usize,
    /// Between looks at services, software and facts; as the server says when absent.
    pub inventory: Option<Duration>,
    /// Samples that a spool holds; the oldest are dropped for newer ones.
    pub spool_max: usize,
    /// Programs on a machine.
    pub software: usize,
    /// Services on a machine.
    pub services: usize,
    /// Log entries that are written from one message with samples to the next; none by default.
    pub logs: f64,
    /// Lines that are left out with each of them, on average, as the limit of a real agent does.
    pub logs_left_out: f64,
    /// Log entries that wait for the server; the oldest are dropped for newer ones.
    pub logs_max: usize,
    /// From sending samples or log entries to their acknowledgement; after it the link counts as lost.
    pub ack_within: Duration,
    /// By which clock samples are stamped.
    pub stamps: Stamps,
    /// The longest first wait before connecting again.
    pub reconnect_first: Duration,
    /// The longest wait before connecting again.
    pub reconnect_longest: Duration,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self {
            heartbeat: None,
            metrics: None,
            samples: 1,
            samples_max: SAMPLES_PER_MESSAGE_MAX,
            inventory: None,
            spool_max: 10_000,
            software: 60,
            services: 40,
            logs: 0.0,
            logs_left_out: 0.0,
            logs_max: 200,
            ack_within: Duration::from_secs(60),
            stamps: Stamps::Now,
            reconnect_first: Duration::from_secs(1),
            reconnect_longest: Duration::from_secs(60),
        }
    }
}

/// Mixes numbers into one that looks random and is the same every time.
pub(crate) fn mix(numbers: &[u64]) -> u64 {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for number in numbers {
        state ^= *number;
        state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        state ^= state >> 31;
    }
    state
}

/// A number from 0 to 1 that is the same every time.
#[expect(clippy::cast_precision_loss, reason = "24 bits fit")]
pub(crate) fn share(numbers: &[u64]) -> f64 {
    (mix(numbers) >> 40) as f64 / (1_u64 << 24) as f64
}
