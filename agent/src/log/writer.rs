//! Writes lines to the log's files from a thread of its own: a disk that hangs must not hold up the agent.

use super::file::{LogFile, Rotation};
use chrono::Utc;
use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, SyncSender, TrySendError},
    },
    thread,
    time::Duration,
};

/// Lines that wait for the disk; more are dropped and counted.
const LINES_MAX: usize = 128;
/// How long somebody waits until everything is written.
const PATIENCE: Duration = Duration::from_secs(1);
/// Enough for what the thread does; the usual two megabytes would be for nothing.
const STACK_BYTES: usize = 128 * 1024;

enum Message {
    Line(String),
    Flush(SyncSender<()>),
}

/// The way to the thread.
#[derive(Clone, Debug)]
pub struct Writer {
    to: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn start(folder: &Path, rotation: Rotation) -> io::Result<Self> {
        let (to, from) = mpsc::sync_channel(LINES_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let (mut file, counted) = (LogFile::new(folder, rotation), Arc::clone(&dropped));
        thread::Builder::new()
            .name("log".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || write(&from, &mut file, &counted))?;
        Ok(Self { to, dropped })
    }

    /// Hands a line over; drops and counts it when too many wait.
    pub fn line(&self, line: String) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.to.try_send(Message::Line(line))
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until what was handed over is written, but not for long.
    pub fn flush(&self) {
        let (done, wait) = mpsc::sync_channel(1);
        if self.to.try_send(Message::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(PATIENCE);
        }
    }
}

fn write(from: &Receiver<Message>, file: &mut LogFile, dropped: &AtomicU64) {
    for message in from {
        match message {
            Message::Line(line) => {
                file.add_dropped(dropped.swap(0, Ordering::Relaxed));
                file.write(line.as_bytes(), Utc::now());
            }
            // Whoever asked may have stopped waiting.
            Message::Flush(done) => drop(done.try_send(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_was_handed_over_is_written_before_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::start(folder.path(), Rotation::default()).unwrap();
        for number in 0..100 {
            writer.line(format!("{number}\n"));
        }
        writer.flush();
        let text = fs::read_to_string(folder.path().join(super::super::file::NAME)).unwrap();
        assert_eq!(text.lines().count(), 100);
    }

    #[test]
    fn a_disk_that_hangs_costs_lines_and_no_time() {
        // Nobody takes the lines: as a thread does that hangs in a write.
        let (to, _from) = mpsc::sync_channel(LINES_MAX);
        let writer = Writer { to, dropped: Arc::default() };
        for _ in 0..LINES_MAX + 7 {
            writer.line("x\n".to_owned());
        }
        assert_eq!(writer.dropped.load(Ordering::Relaxed), 7);
    }
}
