//! Reports that wait for the server, one line each in `error_reports.jsonl`: bounded in number and bytes, the same error
//! counted in one line.

use crate::{
    log::{self, redact},
    machine,
    paths::{self, Paths},
};
use chrono::Utc;
use entity::{
    error_report::{ErrorKind, ErrorReport, shape},
    id::{DeviceId, ErrorReportId},
};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::PathBuf,
    time::{Duration, Instant},
};
use updater::durable::{Mode, write_atomic};
use uuid::Uuid;

/// Name of the file.
pub const FILE: &str = "error_reports.jsonl";
/// Most of the log's end that goes with a report.
const SNIPPET_BYTES: u64 = 3 * 1024;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most reports; the oldest give way.
    pub reports: usize,
    /// Most bytes of the file.
    pub bytes: usize,
    /// The same error again within this time is counted, and sent once.
    pub window: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { reports: 100, bytes: 256 * 1024, window: Duration::from_secs(600) }
    }
}

/// Something that went wrong, as it was noted.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) kind: ErrorKind,
    pub(super) message: String,
    pub(super) details: Value,
    pub(super) failed_version: Option<String>,
    /// What goes along in the place of the end of the log.
    pub(super) lines: Option<String>,
}

impl Note {
    pub(super) fn new(kind: ErrorKind, message: String, details: Value) -> Self {
        let message = redact(&message).into_owned();
        Self { kind, message, details: clean(details), failed_version: None, lines: None }
    }

    fn report(self, snippet: String) -> ErrorReport {
        let now = Utc::now();
        ErrorReport {
            report_id: Some(fresh_id()),
            // Written in when it is sent: the machine may be another device by then.
            agent_id: DeviceId(Uuid::nil()),
            error_type: self.kind.word().to_owned(),
            error_message: self.message,
            details: self.details,
            timestamp: now,
            first_at: Some(now),
            count: 1,
            agent_version: machine::version().to_owned(),
            failed_version: self.failed_version,
            log_snippet: (!snippet.is_empty()).then_some(snippet),
        }
        .bounded()
    }
}

/// Details without secrets, however deep they lie.
fn clean(details: Value) -> Value {
    match details {
        Value::String(text) => Value::String(redact(&text).into_owned()),
        Value::Array(items) => Value::Array(items.into_iter().map(clean).collect()),
        Value::Object(fields) => {
            let field = |(name, value): (String, Value)| {
                let value = if log::is_secret_name(&name) { json!("[redacted]") } else { clean(value) };
                (name, value)
            };
            Value::Object(fields.into_iter().map(field).collect())
        }
        other => other,
    }
}

/// An id that no other report has; ordered by time, as the server's are.
fn fresh_id() -> ErrorReportId {
    let mut random = [0; 10];
    // Without a source of chance the time has to do.
    let _ = getrandom::fill(&mut random);
    let millis = u64::try_from(Utc::now().timestamp_millis()).unwrap_or_default();
    ErrorReportId(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}

#[derive(Debug)]
struct Waiting {
    report: ErrorReport,
    key: String,
    /// Not sent before.
    ready_at: Instant,
    /// On its way to the server.
    in_flight: bool,
}

/// The reports that wait.
#[derive(Debug)]
pub(super) struct Buffer {
    /// None: in memory alone.
    path: Option<PathBuf>,
    logs: Option<PathBuf>,
    limits: Limits,
    waiting: VecDeque<Waiting>,
    /// What was sent, and when: the same again waits until the window is over.
    sent: VecDeque<(String, Instant)>,
    /// Counts that are not on disk yet.
    is_dirty: bool,
}

impl Buffer {
    /// Keeps nothing on disk.
    pub(super) fn in_memory(limits: Limits) -> Self {
        Self {
            path: None,
            logs: None,
            limits,
            waiting: VecDeque::new(),
            sent: VecDeque::new(),
            is_dirty: false,
        }
    }

    /// Reads what is there; lines that cannot be read are left out, and that is a report of its own.
    pub(super) fn open(paths: &Paths, limits: Limits) -> Self {
        let path = paths.folder().join(FILE);
        let mut buffer =
            Self { path: Some(path.clone()), logs: Some(log::folder(paths)), ..Self::in_memory(limits) };
        let (text, was_longer) = match read(&path, limits.bytes as u64 * 2) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return buffer,
            Err(error) => {
                tracing::warn!(%error, "{FILE} cannot be read");
                return buffer;
            }
        };
        let mut damaged = usize::from(was_longer);
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice::<ErrorReport>(line) {
                Ok(report) => buffer.push(report.bounded(), Instant::now()),
                Err(_) => damaged += 1,
            }
        }
        if damaged > 0 {
            tracing::warn!(damaged, "lines of {FILE} cannot be read: left out");
            let message = format!("{FILE} had lines that could not be read");
            buffer.add(Note::new(ErrorKind::StorageDamaged, message, json!({ "lines": damaged })));
            buffer.rewrite();
        }
        buffer
    }

    /// Adds a note, or counts it where the same error waits already.
    pub(super) fn add(&mut self, mut note: Note) {
        let key = key(note.kind.word(), &note.message);
        let now = Instant::now();
        if let Some(waiting) =
            self.waiting.iter_mut().find(|waiting| waiting.key == key && !waiting.in_flight)
        {
            waiting.report.count = waiting.report.count.saturating_add(1);
            waiting.report.timestamp = Utc::now().max(waiting.report.timestamp);
            self.is_dirty = true;
            return;
        }
        let window = self.limits.window;
        let is_under_way = self.waiting.iter().any(|waiting| waiting.key == key);
        let sent_at = self.sent.iter().rev().find(|(other, _)| *other == key).map(|(_, at)| *at);
        let ready_at = match sent_at {
            _ if is_under_way => now + window,
            Some(at) => (at + window).max(now),
            None => now,
        };
        // The line about this error should be in the end of the log that goes along.
        log::flush();
        let lines = note.lines.take().map(|lines| redact(&lines).into_owned());
        let snippet = lines.or_else(|| self.logs.as_ref().map(|logs| log::tail(logs, SNIPPET_BYTES)));
        self.push(note.report(snippet.unwrap_or_default()), ready_at);
        let is_over = self.drop_what_is_too_much();
        let kept = if is_over { self.write_all() } else { self.append() };
        if let Err(error) = kept {
            // It waits in memory; the next one that can be written takes it along.
            self.is_dirty = true;
            tracing::warn!(%error, "an error report could not be kept on disk");
        }
    }

    fn push(&mut self, report: ErrorReport, ready_at: Instant) {
        let key = key(&report.error_type, &report.error_message);
        self.waiting.push_back(Waiting { report, key, ready_at, in_flight: false });
    }

    /// True when something had to go.
    fn drop_what_is_too_much(&mut self) -> bool {
        let mut dropped = 0_u32;
        while self.waiting.len() > 1
            && (self.waiting.len() > self.limits.reports || self.bytes() > self.limits.bytes)
        {
            self.waiting.pop_front();
            dropped += 1;
        }
        if dropped > 0 {
            tracing::warn!(dropped, "too many error reports wait: the oldest were dropped");
        }
        dropped > 0
    }

    fn bytes(&self) -> usize {
        self.waiting.iter().map(|waiting| line(&waiting.report).len()).sum()
    }

    fn append(&self) -> io::Result<()> {
        let (Some(last), Some(path)) = (self.waiting.back(), &self.path) else { return Ok(()) };
        if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
            paths::make_private(folder)?;
        }
        append(path, &line(&last.report))
    }

    fn write_all(&mut self) -> io::Result<()> {
        if let Some(path) = &self.path {
            let bytes: Vec<u8> = self.waiting.iter().flat_map(|waiting| line(&waiting.report)).collect();
            write_atomic(path, &bytes, Mode::Private)?;
        }
        self.is_dirty = false;
        Ok(())
    }

    fn rewrite(&mut self) {
        if let Err(error) = self.write_all() {
            self.is_dirty = true;
            tracing::warn!(%error, "{FILE} could not be written");
        }
    }

    /// Writes down counts that are only in memory.
    pub(super) fn flush(&mut self) {
        if self.is_dirty {
            self.rewrite();
        }
    }

    /// How many reports wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How long until one may be sent; none when none waits.
    pub(super) fn due_in(&self) -> Option<Duration> {
        let now = Instant::now();
        let open = self.waiting.iter().filter(|waiting| !waiting.in_flight);
        open.map(|waiting| waiting.ready_at.saturating_duration_since(now)).min()
    }

    /// The oldest report that may be sent; it is on its way from here on.
    pub(super) fn take(&mut self) -> Option<ErrorReport> {
        let now = Instant::now();
        self.flush();
        let found = self.waiting.iter_mut().find(|waiting| !waiting.in_flight && waiting.ready_at <= now)?;
        found.in_flight = true;
        Some(found.report.clone())
    }

    /// The server has this one, or will never take it.
    pub(super) fn done(&mut self, id: Option<ErrorReportId>) {
        let Some(at) = self.waiting.iter().position(|waiting| waiting.report.report_id == id) else { return };
        if let Some(waiting) = self.waiting.remove(at) {
            let window = self.limits.window;
            self.sent.retain(|(_, at)| at.elapsed() < window);
            self.sent.push_back((waiting.key, Instant::now()));
            if self.sent.len() > self.limits.reports {
                self.sent.pop_front();
            }
        }
        self.rewrite();
    }

    /// This one has to be sent again.
    pub(super) fn failed(&mut self, id: Option<ErrorReportId>) {
        for waiting in self.waiting.iter_mut().filter(|waiting| waiting.report.report_id == id) {
            waiting.in_flight = false;
        }
    }
}

/// The same for the same error.
fn key(error_type: &str, message: &str) -> String {
    format!("{error_type} {}", shape(message))
}

fn line(report: &ErrorReport) -> Vec<u8> {
    let mut line = serde_json::to_vec(report).unwrap_or_default();
    line.push(b'\n');
    line
}

/// What the file holds, as far as an honest one goes; true when it goes further.
fn read(path: &std::path::Path, most: u64) -> io::Result<(Vec<u8>, bool)> {
    // A pipe in its place would hold up whoever opens it.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut text = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut text)?;
    let was_longer = text.len() as u64 > most;
    if was_longer {
        // Its last line is half of one.
        let whole = text.iter().rposition(|byte| *byte == b'\n').unwrap_or_default();
        text.truncate(whole);
    }
    Ok((text, was_longer))
}

/// Adds a line that survives a power cut.
fn append(path: &std::path::Path, line: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let before = file.metadata()?.len();
    if let Err(error) = file.write_all(line) {
        // Half a line would cost the next one too.
        let _ = file.set_len(before);
        return Err(error);
    }
    file.sync_all()
}

#[cfg(test)]
#[path = "buffer_tests.rs"]
mod tests;
