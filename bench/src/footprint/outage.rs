//! What the agent takes while its server is gone and a log that it follows grows by a hundred lines a second.

use super::{family::Cost, resident::Resident};
use crate::machine;
use anyhow::Result;
use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tokio::time::{MissedTickBehavior, interval};

/// Lines of a second.
pub const LINES_PER_SECOND: u64 = 100;
/// Lines come in lots of this many.
const LOT: u64 = 10;

/// What an outage cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outage {
    pub minutes: f64,
    /// Lines that were written meanwhile.
    pub lines: u64,
    /// Resident before, at its highest, and at the end, bytes.
    pub rss_before: f64,
    pub rss_most: f64,
    pub rss_end: f64,
    /// At the end, of it what belongs to no file.
    pub anonymous_end: f64,
    /// Of one core.
    pub cpu_percent: f64,
    /// What the agent kept on disk for later.
    pub kept_bytes: u64,
    /// Resident at its highest while everything was handed over, and then.
    pub rss_most_after: f64,
    pub rss_after: f64,
}

/// A log that somebody follows.
pub struct Log {
    file: File,
    pub path: PathBuf,
    lines: u64,
}

impl Log {
    /// An empty one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file, path: path.to_owned(), lines: 0 })
    }

    /// Writes a lot of lines about something that failed, each another one.
    fn grow(&mut self) -> Result<()> {
        let at = crate::estate::now().format("%Y-%m-%dT%H:%M:%S%.3fZ");
        let mut text = String::new();
        for _ in 0..LOT {
            self.lines += 1;
            text += &format!(
                "{at} ERROR worker[{}]: request {} failed: upstream timed out\n",
                self.lines % 7,
                self.lines
            );
        }
        Ok(self.file.write_all(text.as_bytes())?)
    }
}

/// Watches the agent while its log grows, for so long; answers its highest resident set.
///
/// # Errors
/// When the agent ends, or the log cannot be written.
pub async fn watch(
    resident: &Resident,
    log: &mut Log,
    during: Duration,
    mut look: impl FnMut(),
) -> Result<f64> {
    let mut lots = interval(Duration::from_millis(1_000 * LOT / LINES_PER_SECOND));
    lots.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (since, mut most) = (Instant::now(), 0.0_f64);
    while since.elapsed() < during {
        lots.tick().await;
        log.grow()?;
        resident.is_there()?;
        look();
        most = most.max(machine::rss_bytes(resident.agent) as f64);
    }
    Ok(most)
}

impl Outage {
    /// Adds what the agent takes at the end of it.
    pub fn ended(mut self, log: &Log, before: u64, cost: Cost, data: &Path) -> Self {
        self.lines = log.lines - before;
        (self.rss_end, self.anonymous_end, self.cpu_percent) =
            (cost.rss_bytes, cost.anonymous_bytes, cost.cpu_percent);
        self.kept_bytes = size(data);
        self
    }
}

impl Log {
    /// How many lines it has.
    pub const fn lines(&self) -> u64 {
        self.lines
    }
}

/// Bytes of all files below a folder.
pub fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size_of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() => size(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    };
    entries.map(size_of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_grows_by_lines_that_differ() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut log = Log::new(&folder.path().join("app.log")).expect("a log");
        log.grow().expect("written");
        log.grow().expect("written");
        let text = fs::read_to_string(&log.path).expect("read");
        let lines: std::collections::BTreeSet<&str> = text.lines().collect();
        assert_eq!((lines.len(), log.lines()), (20, 20));
        assert_eq!(size(folder.path()), text.len() as u64);
    }
}
