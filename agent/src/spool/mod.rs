//! The spool: samples and log entries wait here, on disk and bounded, until the server has acknowledged them; each kind
//! in a spool of its own.
//!
//! What waits is numbered in order. They lie in segment files of JSON lines named by their first number; a small file
//! beside them, the mark, says how far the server has acknowledged. While the disk takes nothing, the latest wait
//! in memory.

mod mark;
mod segment;
mod shared;
mod survey;

pub use shared::{SharedSpool, Tally};
pub use survey::{Survey, survey};

use chrono::{DateTime, Utc};
use mark::Mark;
use segment::{Line, Segment};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::VecDeque,
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

/// The form of the files; a release says which one its program writes.
pub const SCHEMA: u64 = 1;
/// Most items that wait in memory while the disk takes none.
pub const MEMORY_ITEMS_MAX: usize = 120;
/// What an item takes in a message besides its own JSON.
const ITEM_BYTES: usize = 32;

/// What can wait in a spool.
pub trait Item: Clone + Serialize + DeserializeOwned {}

impl<T: Clone + Serialize + DeserializeOwned> Item for T {}

/// What is to be sent, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch<T> {
    /// Number of the last one.
    pub position: u64,
    /// Items lost since registration, to a full spool or to damage.
    pub dropped_total: u64,
    /// The items, each with its number.
    pub items: Vec<(u64, T)>,
}

/// What a sent batch settles once it is acknowledged.
#[derive(Clone, Copy, Debug)]
struct Pending {
    position: u64,
    corrupt: u64,
}

/// The spool of one device.
#[derive(Debug)]
pub struct Spool<T> {
    folder: PathBuf,
    bytes_max: u64,
    segments: VecDeque<Segment>,
    memory: VecDeque<(u64, T)>,
    next: u64,
    mark: Mark,
    pending: Option<Pending>,
    trouble: Option<String>,
}

impl<T: Item> Spool<T> {
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

    /// The same, with numbers that never come twice even when the files are lost: they begin at the microsecond of now.
    #[must_use]
    pub fn open_by_time(folder: &Path, bytes_max: u64, now: DateTime<Utc>) -> Self {
        let mut spool = Self::open(folder, bytes_max);
        spool.next = spool.next.max(u64::try_from(now.timestamp_micros()).unwrap_or_default());
        spool
    }

    /// The number of the last item that was ever taken, as far as this is known.
    #[must_use]
    pub fn last(&self) -> u64 {
        let on_disk = self.segments.back().map_or(0, |last| last.last(&self.folder));
        self.mark.position.max(on_disk).max(self.memory.back().map_or(0, |(position, _)| *position))
    }

    /// The number that the next item will have.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Forgets what came after `position`: a crash left it half written, and it will come again.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    pub fn cut_after(&mut self, position: u64) -> io::Result<()> {
        while self.segments.back().is_some_and(|last| last.first > position) {
            self.segments.pop_back().inspect(|segment| segment.remove(&self.folder));
        }
        match self.segments.back_mut() {
            Some(last) => last.cut_after(&self.folder, position),
            None => Ok(()),
        }
    }

    /// Takes an item. It is on disk afterwards, or in memory when the disk takes nothing.
    pub fn append(&mut self, item: T) {
        self.append_all(std::iter::once(item));
    }

    /// Takes items, all with one write.
    pub fn append_all(&mut self, items: impl IntoIterator<Item = T>) {
        for item in items {
            self.memory.push_back((self.next, item));
            self.next += 1;
        }
        match self.write_out() {
            Ok(()) => {
                if self.trouble.take().is_some() {
                    tracing::info!("what waits is kept on disk again");
                }
            }
            Err(error) => {
                if self.trouble.is_none() {
                    tracing::warn!(%error, "what waits cannot be kept on disk; the latest wait in memory");
                }
                self.trouble = Some(error.to_string());
            }
        }
        while self.memory.len() > MEMORY_ITEMS_MAX {
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
            let mut lost: u64 = 0;
            let acknowledged = self.mark.position;
            oldest.each(&self.folder, acknowledged, |_: Line<T>| {
                lost += 1;
                ControlFlow::Continue(())
            });
            oldest.remove(&self.folder);
            self.mark.dropped += lost;
            tracing::warn!(items = lost, "the spool is full: the oldest were dropped");
            self.keep_mark();
        }
    }

    /// The oldest items that are not acknowledged: at most `items_max`, and so few that they take at most `bytes_max` as
    /// JSON, but one at least; `None` when there are none.
    pub fn batch(&mut self, items_max: usize, bytes_max: usize) -> Option<Batch<T>> {
        let mut items: Vec<(u64, T)> = Vec::new();
        let mut room = bytes_max;
        let mut fits = |item: &T, is_first: bool| {
            let bytes = serde_json::to_string(item).map_or(0, |text| text.len() + ITEM_BYTES);
            let fits = bytes <= room || is_first;
            room = room.saturating_sub(bytes);
            fits
        };
        let acknowledged = self.mark.position;
        let mut position = acknowledged;
        let mut corrupt = 0;
        let mut is_full = false;
        for segment in &self.segments {
            segment.each(&self.folder, acknowledged, |Line { position: at, item }: Line<T>| {
                if items.len() == items_max {
                    is_full = true;
                    return ControlFlow::Break(());
                }
                match item {
                    Some(item) if fits(&item, items.is_empty()) => items.push((at, item)),
                    Some(_) => {
                        is_full = true;
                        return ControlFlow::Break(());
                    }
                    None => corrupt += 1,
                }
                position = at;
                ControlFlow::Continue(())
            });
            if is_full || items.len() == items_max {
                is_full = true;
                break;
            }
        }
        for (at, item) in &self.memory {
            if is_full || items.len() == items_max || !fits(item, items.is_empty()) {
                break;
            }
            position = *at;
            items.push((*at, item.clone()));
        }
        self.pending = Some(Pending { position, corrupt });
        if items.is_empty() {
            if corrupt > 0 {
                self.settle(position);
            }
            return None;
        }
        Some(Batch { position, dropped_total: self.mark.dropped + self.mark.corrupt, items })
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

    /// Gives up the items of a batch, which the server refuses for what they are.
    pub fn give_up(&mut self, batch: &Batch<T>) {
        self.mark.dropped += batch.items.len() as u64;
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
        // is behind after a crash only means that some are sent again.
        self.remove_acknowledged();
        self.keep_mark();
    }

    fn remove_acknowledged(&mut self) {
        while self.segments.get(1).is_some_and(|second| second.first <= self.mark.position + 1) {
            self.segments.pop_front().inspect(|segment| segment.remove(&self.folder));
        }
        // The last one stays for the next items until it has grown, so that not every item makes a file.
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

    /// Why items cannot be kept on disk, while they cannot.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}

#[cfg(test)]
mod tests;
