//! A look at the spool from outside, for `reeve-agent status`: touches nothing, needs no lock.

use super::{mark::Mark, segment};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How full the spool is and what became of its samples.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// Samples, or entries, on disk that wait for the server.
    pub samples_waiting: u64,
    /// Bytes on disk.
    pub size_bytes: u64,
    /// When the server last acknowledged samples.
    pub last_acknowledged_at: Option<DateTime<Utc>>,
    /// Samples dropped in all because the spool was full, or the server refused them.
    pub samples_dropped: u64,
    /// Damaged lines skipped in all.
    pub lines_damaged: u64,
}

/// Looks at the spool in `folder`.
#[must_use]
pub fn survey(folder: &Path) -> Survey {
    let mark = Mark::load(folder);
    let segments = segment::list(folder).unwrap_or_default();
    let samples_waiting = segments.iter().map(|segment| segment.count_after(folder, mark.position)).sum();
    Survey {
        samples_waiting,
        size_bytes: segments.iter().map(|segment| segment.bytes).sum(),
        last_acknowledged_at: mark.acknowledged_at,
        samples_dropped: mark.dropped,
        lines_damaged: mark.corrupt,
    }
}
