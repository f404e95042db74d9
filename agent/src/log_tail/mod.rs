//! Log tailing: every fifteen seconds what is new in the system's logs and in the files that the server names is read,
//! and what is a warning or worse goes into a spool of its own. Files are followed by what they are and not by their
//! names (`file`, `rotated`); how far they were read is kept so that a restart loses nothing and doubles nothing (`kept`).

pub mod event_log;
mod file;
pub mod journal;
mod kept;
pub mod level;
mod limit;
pub mod pattern;
mod rotated;
mod system;
mod task;
#[cfg(all(test, unix))]
mod tests;
mod tool;
#[cfg(windows)]
mod windows;

pub use system::SystemLog;
pub use task::{LogTail, Outbox};

use crate::{
    error_report::{self, ErrorKind},
    spool::SharedSpool,
};
use chrono::{DateTime, Utc};
use entity::log_entry::{LogEntry, LogSources};
use file::{Followed, Identity, open};
use kept::{Kept, Reading};
use limit::Limiter;
use std::{
    fs, io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Entries that are kept together; more make another turn.
const ENTRIES_PER_TURN: usize = 250;
/// Slices of one file that are read in one look; the rest waits for the next.
const SLICES_PER_LOOK: usize = 256;
/// Turns of the system's logs in one look.
const TURNS_PER_LOOK: usize = 20;
/// How long reading that found nothing may go unwritten: it only means to look at the same lines again.
const UNWRITTEN: chrono::Duration = chrono::Duration::seconds(60);

/// How long the logs of the system are left alone when their tool hung: asking it at every look would hold up the rest.
const REST: chrono::Duration = chrono::Duration::seconds(300);

/// What reads.
#[derive(Debug)]
pub struct Tail {
    /// Where it is kept how far was read.
    place: PathBuf,
    /// The agent's own folder, in which nothing is read.
    own: PathBuf,
    spool: SharedSpool<LogEntry>,
    suppressed: Arc<AtomicU64>,
    system: SystemLog,
    /// Until when those are left alone.
    rests_until: Option<DateTime<Utc>>,
    limiter: Limiter,
    /// How far was read, and how far of that is written down, and since when not.
    now: Reading,
    written: Reading,
    written_at: DateTime<Utc>,
    /// The last position of the spool.
    position: u64,
    /// What was read and is not in the spool yet.
    entries: Vec<LogEntry>,
    /// Whether the trouble there is was told.
    is_troubled: bool,
}

impl Tail {
    /// Takes up where the run before left off.
    #[must_use]
    pub fn open(
        place: PathBuf,
        own: PathBuf,
        outbox: &Outbox,
        system: SystemLog,
        started_at: DateTime<Utc>,
    ) -> Self {
        let spool = outbox.spool.clone();
        let kept = Kept::load(&place);
        let now = match kept.before {
            // The lines that were read did not all reach the spool: they are read again.
            Some(before) if spool.with_here(|spool| spool.last()) < kept.to => {
                if let Err(error) = spool.with_here(|spool| spool.cut_after(kept.from)) {
                    tracing::warn!(%error, "log entries may come twice");
                }
                before
            }
            _ => kept.now,
        };
        outbox.suppressed.store(now.suppressed, Ordering::Relaxed);
        let position = spool.with_here(|spool| spool.last());
        Self {
            place,
            own,
            spool,
            suppressed: Arc::clone(&outbox.suppressed),
            system,
            rests_until: None,
            limiter: Limiter::default(),
            written: now.clone(),
            now,
            written_at: started_at,
            position,
            entries: Vec::new(),
            is_troubled: false,
        }
    }

    /// Reads what is new. True when something goes to the server.
    pub fn look(&mut self, sources: &LogSources, now: DateTime<Utc>) -> bool {
        let before = self.position;
        match self.read_all(sources, now) {
            Ok(()) => self.is_troubled = false,
            Err(error) => {
                // What was read is read again: the files are the best place for what cannot be kept.
                self.now = self.written.clone();
                self.entries.clear();
                if !std::mem::replace(&mut self.is_troubled, true) {
                    tracing::warn!(%error, "logs cannot be followed for now; their lines wait where they are");
                }
            }
        }
        self.position != before
    }

    fn read_all(&mut self, sources: &LogSources, now: DateTime<Utc>) -> io::Result<()> {
        let mut paths = sources.files.clone();
        if sources.system_log {
            paths.extend(self.system.files().iter().map(|path| (*path).to_owned()));
        }
        self.read_files(&paths, now)?;
        if sources.system_log {
            self.read_system(now)?;
        } else {
            // Switched on again, it begins at its end.
            self.now.system.clear();
        }
        let (told, left_out) = self.limiter.left_out(now);
        self.now.suppressed += left_out;
        self.entries.extend(told);
        self.keep(now)
    }

    fn read_system(&mut self, now: DateTime<Utc>) -> io::Result<()> {
        // A clock that was set back does not make the rest longer.
        if self.rests_until.is_some_and(|until| now < until && until - now <= REST) {
            return Ok(());
        }
        self.rests_until = None;
        for _ in 0..TURNS_PER_LOOK {
            let Self { system, now: reading, limiter, entries, .. } = self;
            let mut is_full = false;
            let read = system.read(&mut reading.system, |entry| {
                if limiter.takes(&entry.source, entry.level, now) {
                    entries.push(entry);
                }
                is_full = entries.len() >= ENTRIES_PER_TURN;
                if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            if let Err(error) = read {
                self.system_fails(&error, now);
            }
            self.keep(now)?;
            if !is_full {
                break;
            }
        }
        Ok(())
    }

    /// The cursor is where it was: what the tool did not show is asked for again.
    fn system_fails(&mut self, error: &io::Error, now: DateTime<Utc>) {
        if error.kind() != io::ErrorKind::TimedOut {
            tracing::debug!(%error, "the logs of the system cannot be read");
            return;
        }
        self.rests_until = Some(now + REST);
        tracing::warn!(%error, "the tool that reads the logs of the system does not answer");
        let message = "The tool that reads the logs of the system did not answer, and was ended.";
        error_report::note(ErrorKind::Other, message, serde_json::Value::Null);
    }

    fn read_files(&mut self, paths: &[String], now: DateTime<Utc>) -> io::Result<()> {
        let mut found: Vec<(PathBuf, Identity, bool)> = Vec::new();
        for path in paths {
            let is_new = !self.now.paths.contains(path);
            for file in pattern::files(path, &self.own) {
                let Ok(metadata) = fs::metadata(&file) else { continue };
                let identity = Identity::of(&metadata);
                if !found.iter().any(|(_, other, _)| *other == identity) {
                    found.push((file, identity, is_new));
                }
            }
        }
        let is_known = |files: &[Followed], identity| files.iter().any(|file| file.identity == identity);
        // First what is gone from its name: what is left in it was written before what stands there now.
        for gone in self.now.files.clone() {
            if found.iter().any(|(_, identity, _)| *identity == gone.identity) {
                continue;
            }
            let is_watched = paths.iter().any(|path| is_of(path, &gone.path));
            if is_watched {
                let (files, own) = (self.now.files.clone(), self.own.clone());
                let taken = |identity| {
                    is_known(&files, identity) || found.iter().any(|(_, other, _)| *other == identity)
                };
                for mut rest in rotated::renamed(&gone, &own, taken) {
                    let source = gone.path.clone();
                    self.read_rest(&mut rest, &source, now)?;
                }
            }
            self.now.files.retain(|file| file.identity != gone.identity);
            self.keep(now)?;
        }
        for (path, identity, is_new) in found {
            if let Some(known) = self.now.files.iter_mut().find(|file| file.identity == identity) {
                known.path = path;
                continue;
            }
            let followed = if is_new {
                let Some(real) = pattern::resolved(&path, &self.own) else { continue };
                let Ok(followed) = Followed::from_end(real) else { continue };
                Followed { path, ..followed }
            } else {
                Followed::from_start(path, identity)
            };
            self.now.files.push(followed);
        }
        self.now.paths = paths.to_vec();
        for index in 0..self.now.files.len() {
            self.read_file(index, now)?;
        }
        Ok(())
    }

    /// Reads what is new in a file that stands where it did.
    fn read_file(&mut self, index: usize, now: DateTime<Utc>) -> io::Result<()> {
        let mut followed = self.now.files[index].clone();
        let source = followed.path.clone();
        let Some(real) = pattern::resolved(&followed.path, &self.own) else { return Ok(()) };
        let Ok(mut file) = open(&real) else { return Ok(()) };
        if !file.metadata().is_ok_and(|metadata| Identity::of(&metadata) == followed.identity) {
            // Renamed this very moment: the next look sees it as gone.
            return Ok(());
        }
        if !followed.goes_on_in(&mut file) {
            if let Some(mut copy) = rotated::copied(&followed, &self.own) {
                // The offset of the file itself is moved first: what stands in the copy is kept with that.
                followed.rewind();
                self.now.files[index] = followed.clone();
                self.read_rest(&mut copy, &source, now)?;
            }
            followed.rewind();
        }
        for _ in 0..SLICES_PER_LOOK {
            let is_more = self.read_slice(&mut followed, &mut file, &source, false, now);
            self.now.files[index] = followed.clone();
            let is_more = is_more?;
            if self.entries.len() >= ENTRIES_PER_TURN {
                self.keep(now)?;
            }
            if !is_more {
                break;
            }
        }
        Ok(())
    }

    /// Reads a file to its end to which nothing will be added. It is in one turn with what comes after it, so that a
    /// crash in between repeats both or neither.
    fn read_rest(&mut self, followed: &mut Followed, source: &Path, now: DateTime<Utc>) -> io::Result<()> {
        let Ok(mut file) = open(&followed.path) else { return Ok(()) };
        for _ in 0..SLICES_PER_LOOK {
            if !self.read_slice(followed, &mut file, source, true, now)? {
                break;
            }
        }
        Ok(())
    }

    fn read_slice(
        &mut self,
        followed: &mut Followed,
        file: &mut fs::File,
        source: &Path,
        is_over: bool,
        now: DateTime<Utc>,
    ) -> io::Result<bool> {
        let Self { limiter, entries, .. } = self;
        let source = source.to_string_lossy();
        let read = followed.read(file, is_over, |line| {
            let Some(level) = level::level(line) else { return };
            if limiter.takes(&source, level, now) {
                let at = level::written_at(line, now).unwrap_or(now);
                let message = line.chars().take(entity::log_entry::MESSAGE_MAX).collect();
                entries.push(LogEntry { at, level, source: source.clone().into_owned(), message });
            }
        });
        // A disk that cannot be read is no reason to stop following the others.
        Ok(read.unwrap_or(false))
    }

    /// Puts what was read into the spool, and keeps how far that is.
    fn keep(&mut self, now: DateTime<Utc>) -> io::Result<()> {
        let entries = std::mem::take(&mut self.entries);
        if entries.is_empty() {
            let begins = self.now.paths != self.written.paths
                || !self.now.system.keys().eq(self.written.system.keys());
            let is_due = begins || now - self.written_at >= UNWRITTEN;
            if self.now != self.written && is_due {
                let to = self.position;
                Kept { now: self.now.clone(), before: None, from: to, to }.keep(&self.place)?;
                self.written = self.now.clone();
                self.written_at = now;
            }
            return Ok(());
        }
        let to = self.spool.with_here(|spool| spool.next()) + entries.len() as u64 - 1;
        let kept =
            Kept { now: self.now.clone(), before: Some(self.written.clone()), from: self.position, to };
        kept.keep(&self.place)?;
        self.spool.with_here(|spool| spool.append_all(entries));
        self.written = self.now.clone();
        self.written_at = now;
        self.position = to;
        self.suppressed.store(self.now.suppressed, Ordering::Relaxed);
        Ok(())
    }
}

/// Is this a file that a watched path may stand for?
fn is_of(path: &str, file: &Path) -> bool {
    let path = Path::new(path);
    let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(ToOwned::to_owned);
    path.parent() == file.parent()
        && name(path).zip(name(file)).is_some_and(|(pattern, name)| pattern::fits(&pattern, &name))
}
