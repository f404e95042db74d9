//! Error reports: what goes wrong inside the agent is kept in `error_reports.jsonl`, counted when it repeats, and sent to
//! the server once it can be reached.
//!
//! Whoever finds that something went wrong calls [`note`]; nothing has to be handed through for it.

mod buffer;
mod last_words;
mod panic;
mod send;

pub use buffer::{FILE, Limits};
pub use entity::error_report::ErrorKind;
pub use last_words::last_words;
pub use panic::report_panics;
pub use send::{Sender, send_now};

use crate::paths::Paths;
use buffer::{Buffer, Note};
use serde_json::Value;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Reports that are kept in memory until there is a file for them.
const EARLY_MAX: usize = 20;

/// What this process knows of its errors.
struct Reports {
    early: Vec<Note>,
    buffer: Option<Buffer>,
}

static REPORTS: Mutex<Reports> = Mutex::new(Reports { early: Vec::new(), buffer: None });
/// Says that something waits to be sent.
static WORK: Notify = Notify::const_new();

fn reports() -> MutexGuard<'static, Reports> {
    REPORTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins to keep reports in the data directory, with those that are there already and those that were noted before.
pub fn open(paths: &Paths) {
    let mut reports = reports();
    let mut buffer = Buffer::open(paths, Limits::default());
    for note in reports.early.drain(..) {
        buffer.add(note);
    }
    reports.buffer = Some(buffer);
    drop(reports);
    WORK.notify_one();
}

/// Notes that something went wrong: what, in a sentence, and more about it as an object of names and values or
/// [`Value::Null`]. Never blocks for long and never fails; the same again within minutes is only counted. Nothing secret
/// belongs in it; what looks like a secret is taken out.
pub fn note(kind: ErrorKind, message: impl Into<String>, details: Value) {
    add(Note::new(kind, message.into(), details));
}

/// The same, about a version that an update was about.
pub fn note_version(kind: ErrorKind, message: impl Into<String>, details: Value, failed_version: &str) {
    let note = Note::new(kind, message.into(), details);
    add(Note { failed_version: Some(failed_version.to_owned()), ..note });
}

/// The same, with the last lines of that version in the place of this one's log, where there are any.
pub fn note_update(
    kind: ErrorKind,
    message: impl Into<String>,
    details: Value,
    failed_version: Option<String>,
    lines: Option<String>,
) {
    let note = Note::new(kind, message.into(), details);
    add(Note { failed_version, lines, ..note });
}

fn add(note: Note) {
    tracing::debug!(kind = note.kind.word(), message = note.message, "an error is to be reported");
    let mut reports = reports();
    let Reports { early, buffer } = &mut *reports;
    match buffer {
        Some(buffer) => buffer.add(note),
        None if early.len() < EARLY_MAX => early.push(note),
        None => {}
    }
    drop(reports);
    WORK.notify_one();
}

/// How many reports wait for the server.
#[must_use]
pub fn waiting(paths: &Paths) -> usize {
    match &reports().buffer {
        Some(buffer) => buffer.waiting(),
        None => Buffer::open(paths, Limits::default()).waiting(),
    }
}

/// Writes down how often what waits was seen; for the end of the agent.
pub fn flush() {
    if let Some(buffer) = &mut reports().buffer {
        buffer.flush();
    }
}
