//! The agent's own log: JSON lines in `logs/agent.log` that rotate by size and age, and text on standard error. Secrets
//! are taken out of both; a full disk costs lines and nothing else.

pub mod disk;
mod file;
mod level;
mod line;
mod redact;
mod writer;

pub use file::{NAME, Rotation, tail};
pub use level::{FATAL, LogLevel};
pub use redact::{is_secret_name, redact};

use crate::paths::Paths;
use chrono::Utc;
use line::Line;
use std::{
    io::Write as _,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};
use tracing::{Event, Level, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};
use writer::Writer;

/// The variable that says for one run what is worth a line, such as `debug` or `agent::link=trace`.
const VARIABLE: &str = "REEVE_LOG";

/// The folder of the log.
#[must_use]
pub fn folder(paths: &Paths) -> PathBuf {
    paths.folder().join("logs")
}

/// What the log of one run is to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice {
    /// What is worth a line.
    pub level: LogLevel,
    /// When files give way to the next.
    pub rotation: Rotation,
    /// True: everything goes to standard error too; else warnings and errors do, where whatever keeps the agent's
    /// output finds them.
    pub foreground: bool,
}

/// Starts the log of an agent that runs; what is left of it is written when the guard goes.
#[must_use]
pub fn start(paths: &Paths, choice: Choice) -> Guard {
    let writer = Writer::start(&folder(paths), choice.rotation);
    let trouble = writer.as_ref().err().map(ToString::to_string);
    let writer = writer.ok();
    let stderr = if choice.foreground { LevelFilter::TRACE } else { LevelFilter::WARN };
    let sink = Sink { writer: writer.clone(), stderr }.with_filter(filter(choice.level));
    // Only the first log of a process counts, as in tests that run several.
    let _ = tracing_subscriber::registry().with(sink).try_init();
    if let Some(error) = trouble {
        tracing::warn!(error, "the log is not kept in a file");
    }
    WRITER.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&writer);
    Guard(())
}

/// Starts the log of a command: to standard error alone.
pub fn start_plain() {
    let sink = Sink { writer: None, stderr: LevelFilter::TRACE }.with_filter(filter(LogLevel::default()));
    let _ = tracing_subscriber::registry().with(sink).try_init();
}

fn filter(level: LogLevel) -> Targets {
    std::env::var(VARIABLE).ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| level.filter())
}

/// The writer of this process, for those who have to be sure that a line is on the disk.
static WRITER: Mutex<Option<Writer>> = Mutex::new(None);

/// Waits until the log is written, but not for long.
pub fn flush() {
    // Not held while waiting: a panic may be on its way through here too.
    let writer = WRITER.try_lock().ok().and_then(|writer| writer.clone());
    if let Some(writer) = writer {
        writer.flush();
    }
}

/// Writes what is left when it goes.
#[derive(Debug)]
pub struct Guard(());

impl Drop for Guard {
    fn drop(&mut self) {
        flush();
    }
}

/// Takes events.
struct Sink {
    writer: Option<Writer>,
    stderr: LevelFilter,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Sink {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level: Level = *event.metadata().level();
        let is_for_stderr = level <= self.stderr;
        if self.writer.is_none() && !is_for_stderr {
            return;
        }
        let (line, now) = (Line::of(event), Utc::now());
        if let Some(writer) = &self.writer {
            writer.line(line.json(now));
        }
        if is_for_stderr {
            // A service has no standard error, and a terminal may have gone.
            let _ = std::io::stderr().lock().write_all(line.text(now).as_bytes());
        }
    }
}
