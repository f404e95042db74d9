//! The spool: samples wait here, on disk and bounded, until the server has acknowledged them.
//!
//! Samples are numbered in order. They lie in segment files of JSON lines named by their first number; a small file
//! beside them, the mark, says how far the server has acknowledged. While the disk takes nothing, the latest samples
//! wait in memory.

mod mark;
mod segment;
mod shared;
mod survey;

pub use shared::SharedSpool;
pub use survey::{Survey, survey};

use chrono::{DateTime, Utc};
use entity::metric::MetricSample;
use mark::Mark;
use segment::{Line, Segment};
use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
};

/// Most samples that wait in memory while the disk takes none.
pub const MEMORY_SAMPLES_MAX: usize = 120;

/// Samples to send, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Number of the last one.
    pub position: u64,
    /// Samples lost since registration, to a full spool or to damage.
    pub dropped_total: u64,
    /// The samples.
    pub samples: Vec<MetricSample>,
}

/// What a sent batch settles once it is acknowledged.
#[derive(Clone, Copy, Debug)]
struct Pending {
    position: u64,
    corrupt: u64,
}

/// The spool of one device.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    bytes_max: u64,
    segments: VecDeque<Segment>,
    memory: VecDeque<(u64, MetricSample)>,
    next: u64,
    mark: Mark,
    pending: Option<Pending>,
    trouble: Option<String>,
}

impl Spool {
    /// Opens the spool and repairs what a crash left. Trouble with the disk is kept for [`Spool::trouble`]: an
    /// agent without a spool still has to report.
    #[must_use]
    pub fn open(folder: &Path, bytes_max: u64) -> Self {
        let mut spool = Self {
            folder: folder.to_owned(),
            bytes_max,
            segments: VecDeque::new(),
            memory: VecDeque::new(),
            next: 1,
            mark: Mark::load(folder),
            pending: None,
            trouble: None,
        };
        match segment::find(folder) {
            Ok((segments, last)) => {
                spool.segments = segments.into();
                spool.next = last.max(spool.mark.position) + 1;
                spool.remove_acknowledged();
            }
            Err(error) => spool.trouble = Some(error.to_string()),
        }
        spool
    }

    /// Takes a sample. It is on disk afterwards, or in memory when the disk takes nothing.
    pub fn append(&mut self, sample: MetricSample) {
        self.memory.push_back((self.next, sample));
        self.next += 1;
        match self.write_out() {
            Ok(()) => {
                if self.trouble.take().is_some() {
                    tracing::info!("samples are kept on disk again");
                }
            }
            Err(error) => {
                if self.trouble.is_none() {
                    tracing::warn!(%error, "samples cannot be kept on disk; the latest wait in memory");
                }
                self.trouble = Some(error.to_string());
            }
        }
        while self.memory.len() > MEMORY_SAMPLES_MAX {
            self.memory.pop_front();
            self.mark.dropped += 1;
        }
    }

    /// Writes what waits in memory to the last segment, or to a new one.
    fn write_out(&mut self) -> io::Result<()> {
        let Some((first, _)) = self.memory.front() else { return Ok(()) };
        let segment_max = self.segment_bytes_max();
        if self.segments.back().is_none_or(|segment| segment.bytes >= segment_max) {
            self.segments.push_back(Segment::begin(&self.folder, *first)?);
        }
        if let Some(segment) = self.segments.back_mut() {
            segment.append(&self.folder, &self.memory)?;
        }
        self.memory.clear();
        self.drop_oldest();
        Ok(())
    }

    fn segment_bytes_max(&self) -> u64 {
        (self.bytes_max / 64).clamp(1024, 256 * 1024)
    }

    /// Keeps the bound by giving up the oldest segments.
    fn drop_oldest(&mut self) {
        while self.segments.len() > 1
            && self.segments.iter().map(|segment| segment.bytes).sum::<u64>() > self.bytes_max
        {
            let Some(oldest) = self.segments.pop_front() else { return };
            let lost =
                oldest.read(&self.folder).iter().filter(|line| line.position > self.mark.position).count();
            oldest.remove(&self.folder);
            self.mark.dropped += lost as u64;
            tracing::warn!(samples = lost, "the spool is full: the oldest samples were dropped");
            self.keep_mark();
        }
    }

    /// The oldest samples that are not acknowledged, at most `samples_max`; `None` when there are none.
    pub fn batch(&mut self, samples_max: usize) -> Option<Batch> {
        let mut samples = Vec::new();
        let mut position = self.mark.position;
        let mut corrupt = 0;
        'segments: for segment in &self.segments {
            for Line { position: at, sample } in segment.read(&self.folder) {
                if at <= self.mark.position {
                    continue;
                }
                if samples.len() == samples_max {
                    break 'segments;
                }
                position = at;
                match sample {
                    Some(sample) => samples.push(sample),
                    None => corrupt += 1,
                }
            }
            if samples.len() == samples_max {
                break;
            }
        }
        for (at, sample) in &self.memory {
            if samples.len() == samples_max {
                break;
            }
            position = *at;
            samples.push(sample.clone());
        }
        self.pending = Some(Pending { position, corrupt });
        if samples.is_empty() {
            if corrupt > 0 {
                self.settle(position);
            }
            return None;
        }
        Some(Batch { position, dropped_total: self.mark.dropped + self.mark.corrupt, samples })
    }

    /// The server has everything up to `position`.
    pub fn acknowledge(&mut self, position: u64, now: DateTime<Utc>) {
        let position = position.min(self.next - 1);
        if position <= self.mark.position {
            return;
        }
        self.mark.acknowledged_at = Some(now);
        self.settle(position);
    }

    /// Gives up the samples up to `position`, which the server refuses for what they are.
    pub fn give_up(&mut self, batch: &Batch) {
        self.mark.dropped += batch.samples.len() as u64;
        self.settle(batch.position);
    }

    /// Everything up to `position` is done with.
    fn settle(&mut self, position: u64) {
        if let Some(pending) = self.pending.take_if(|pending| pending.position == position)
            && pending.corrupt > 0
        {
            tracing::warn!(lines = pending.corrupt, "damaged lines of the spool were skipped");
            self.mark.corrupt += pending.corrupt;
        }
        self.mark.position = position;
        while self.memory.front().is_some_and(|(at, _)| *at <= position) {
            self.memory.pop_front();
        }
        // First the files, then the mark: on a full disk this order makes the room that the mark needs. A mark that
        // is behind after a crash only means that some samples are sent again.
        self.remove_acknowledged();
        self.keep_mark();
    }

    fn remove_acknowledged(&mut self) {
        while self.segments.get(1).is_some_and(|second| second.first <= self.mark.position + 1) {
            self.segments.pop_front().inspect(|segment| segment.remove(&self.folder));
        }
        // The last one stays for the next samples until it has grown, so that not every sample makes a file.
        let grown = self.segment_bytes_max() / 4;
        if self.mark.position + 1 >= self.next
            && self.segments.front().is_some_and(|last| last.bytes >= grown)
        {
            self.segments.pop_front().inspect(|segment| segment.remove(&self.folder));
        }
    }

    fn keep_mark(&self) {
        if let Err(error) = self.mark.keep(&self.folder) {
            tracing::warn!(%error, "how far the server has acknowledged could not be kept");
        }
    }

    /// Why samples cannot be kept on disk, while they cannot.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}

#[cfg(test)]
mod tests;
