//! One file of the spool: JSON lines, written at the end, read from the start.

use crate::paths::make_private;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    ops::ControlFlow,
    path::{Path, PathBuf},
};
use updater::durable::sync_folder_of;

/// What the names of segments end with.
const ENDING: &str = ".jsonl";

#[derive(Serialize)]
struct Written<'a, T> {
    position: u64,
    /// What it is called in the files, whatever it is.
    sample: &'a T,
}

#[derive(Deserialize)]
struct Read<T> {
    sample: T,
}

/// What is looked at of every line; the rest only of those that are not acknowledged.
#[derive(Deserialize)]
struct Head {
    position: u64,
}

/// One complete line.
pub struct Line<T> {
    /// Its number; that of the line before plus one when the line is damaged.
    pub position: u64,
    /// What it holds; `None` when it is damaged.
    pub item: Option<T>,
}

/// One file of the spool.
#[derive(Debug)]
pub struct Segment {
    /// Number of its first item.
    pub first: u64,
    /// How long it is.
    pub bytes: u64,
}

impl Segment {
    /// Begins a segment with the item of this number.
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

    /// Writes items at the end: afterwards all of them are on disk, or none is.
    pub fn append<T: Serialize>(&mut self, folder: &Path, items: &VecDeque<(u64, T)>) -> io::Result<()> {
        let mut text = Vec::new();
        for (position, item) in items {
            serde_json::to_writer(&mut text, &Written { position: *position, sample: item })?;
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

    /// Shows the complete lines behind `acknowledged` one after the other, until told to stop; none when the file cannot
    /// be read.
    pub fn each<T: DeserializeOwned>(
        &self,
        folder: &Path,
        acknowledged: u64,
        mut show: impl FnMut(Line<T>) -> ControlFlow<()>,
    ) {
        self.lines(folder, |position, line| {
            if position <= acknowledged {
                return ControlFlow::Continue(());
            }
            let item = serde_json::from_slice::<Read<T>>(line).ok().map(|read| read.sample);
            show(Line { position, item })
        });
    }

    /// The number of the last complete line; the one before the first when there is none.
    pub fn last(&self, folder: &Path) -> u64 {
        let mut last = self.first.saturating_sub(1);
        self.lines(folder, |position, _| {
            last = position;
            ControlFlow::Continue(())
        });
        last
    }

    /// How many complete lines there are behind a position.
    pub fn count_after(&self, folder: &Path, acknowledged: u64) -> u64 {
        let mut count = 0;
        self.lines(folder, |position, _| {
            count += u64::from(position > acknowledged);
            ControlFlow::Continue(())
        });
        count
    }

    /// Forgets the lines behind a position.
    pub fn cut_after(&mut self, folder: &Path, position: u64) -> io::Result<()> {
        let mut kept: u64 = 0;
        self.lines(folder, |at, line| {
            if at > position {
                return ControlFlow::Break(());
            }
            kept += line.len() as u64;
            ControlFlow::Continue(())
        });
        if kept < self.bytes {
            self.cut(folder, kept)?;
        }
        Ok(())
    }

    fn cut(&mut self, folder: &Path, bytes: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(self.path(folder))?;
        file.set_len(bytes)?;
        file.sync_data()?;
        self.bytes = bytes;
        Ok(())
    }

    /// Every complete line with its number, a line at a time, so that a large file takes little memory.
    fn lines(&self, folder: &Path, mut show: impl FnMut(u64, &[u8]) -> ControlFlow<()>) {
        let file = match File::open(self.path(folder)) {
            Ok(file) => file,
            Err(error) => {
                tracing::warn!(%error, "a segment of the spool cannot be read");
                return;
            }
        };
        let (mut reader, mut line) = (BufReader::new(file), Vec::new());
        let mut expected = self.first;
        loop {
            line.clear();
            match reader.read_until(b'\n', &mut line) {
                Ok(_) if line.ends_with(b"\n") => {}
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(%error, "a segment of the spool cannot be read");
                    return;
                }
            }
            // Numbers only grow; a line that claims otherwise is damaged.
            let head = serde_json::from_slice::<Head>(&line).ok().filter(|head| head.position >= expected);
            let position = head.map_or(expected, |head| head.position);
            expected = position + 1;
            if show(position, &line).is_break() {
                return;
            }
        }
    }

    /// Removes the file.
    pub fn remove(&self, folder: &Path) {
        if let Err(error) = fs::remove_file(self.path(folder)) {
            tracing::warn!(%error, "a segment of the spool cannot be removed");
        }
    }

    /// Cuts off a line that a crash left half written; answers the number of the last whole one.
    fn repair(&mut self, folder: &Path) -> io::Result<u64> {
        let (mut whole, mut last) = (0, self.first.saturating_sub(1));
        self.lines(folder, |position, line| {
            whole += line.len() as u64;
            last = position;
            ControlFlow::Continue(())
        });
        if whole < self.bytes {
            self.cut(folder, whole)?;
        }
        Ok(last)
    }
}

/// Finds and repairs the segments; answers them in order, and the number of the last item.
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
