//! One file of the spool: JSON lines, written at the end, read from the start.

use crate::paths::make_private;
use entity::metric::MetricSample;
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};
use updater::durable::sync_folder_of;

/// What the names of segments end with.
const ENDING: &str = ".jsonl";

#[derive(Serialize)]
struct Written<'a> {
    position: u64,
    sample: &'a MetricSample,
}

#[derive(Deserialize)]
struct Read {
    position: u64,
    sample: MetricSample,
}

/// One complete line.
pub struct Line {
    /// Its number; that of the line before plus one when the line is damaged.
    pub position: u64,
    /// What it holds; `None` when it is damaged.
    pub sample: Option<MetricSample>,
}

/// One file of the spool.
#[derive(Debug)]
pub struct Segment {
    /// Number of its first sample.
    pub first: u64,
    /// How long it is.
    pub bytes: u64,
}

impl Segment {
    /// Begins a segment with the sample of this number.
    pub fn begin(folder: &Path, first: u64) -> io::Result<Self> {
        make_private(folder)?;
        let segment = Self { first, bytes: 0 };
        let path = segment.path(folder);
        File::create(&path)?;
        sync_folder_of(&path)?;
        Ok(segment)
    }

    fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{:020}{ENDING}", self.first))
    }

    /// Writes samples at the end: afterwards all of them are on disk, or none is.
    pub fn append(&mut self, folder: &Path, samples: &VecDeque<(u64, MetricSample)>) -> io::Result<()> {
        let mut text = Vec::new();
        for (position, sample) in samples {
            serde_json::to_writer(&mut text, &Written { position: *position, sample })?;
            text.push(b'\n');
        }
        let mut file = OpenOptions::new().append(true).open(self.path(folder))?;
        if let Err(error) = file.write_all(&text).and_then(|()| file.sync_data()) {
            // What was written of it must not become the start of the next line.
            file.set_len(self.bytes)?;
            return Err(error);
        }
        self.bytes += text.len() as u64;
        Ok(())
    }

    /// Every complete line; nothing when the file cannot be read.
    pub fn read(&self, folder: &Path) -> Vec<Line> {
        let bytes = fs::read(self.path(folder)).unwrap_or_else(|error| {
            tracing::warn!(%error, "a segment of the spool cannot be read");
            Vec::new()
        });
        let complete = &bytes[..complete(&bytes)];
        let mut expected = self.first;
        complete
            .split_inclusive(|byte| *byte == b'\n')
            .map(|line| {
                // Numbers only grow; a line that claims otherwise is damaged.
                let read = serde_json::from_slice::<Read>(line).ok().filter(|read| read.position >= expected);
                let position = read.as_ref().map_or(expected, |read| read.position);
                expected = position + 1;
                Line { position, sample: read.map(|read| read.sample) }
            })
            .collect()
    }

    /// Removes the file.
    pub fn remove(&self, folder: &Path) {
        if let Err(error) = fs::remove_file(self.path(folder)) {
            tracing::warn!(%error, "a segment of the spool cannot be removed");
        }
    }

    /// Cuts off a line that a crash left half written; answers the number of the last whole one.
    fn repair(&mut self, folder: &Path) -> io::Result<u64> {
        let path = self.path(folder);
        let whole = complete(&fs::read(&path)?) as u64;
        if whole < self.bytes {
            let file = OpenOptions::new().write(true).open(&path)?;
            file.set_len(whole)?;
            file.sync_data()?;
            self.bytes = whole;
        }
        Ok(self.read(folder).last().map_or(self.first.saturating_sub(1), |line| line.position))
    }
}

/// Bytes up to and with the last line end.
fn complete(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

/// Finds and repairs the segments; answers them in order, and the number of the last sample.
pub fn find(folder: &Path) -> io::Result<(Vec<Segment>, u64)> {
    make_private(folder)?;
    let mut segments = list(folder)?;
    let last = segments.last_mut().map_or(Ok(0), |last| last.repair(folder))?;
    Ok((segments, last))
}

/// Lists the segments in order, without touching them.
pub fn list(folder: &Path) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(ENDING)?.parse().ok());
        if let Some(first) = number {
            segments.push(Segment { first, bytes: entry.metadata()?.len() });
        }
    }
    segments.sort_by_key(|segment| segment.first);
    Ok(segments)
}
