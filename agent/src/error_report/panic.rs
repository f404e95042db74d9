//! Panics become reports: the hook writes one down before the thread unwinds, so that it is there whatever follows.

use super::{ErrorKind, REPORTS, Reports, WORK, buffer::Note};
use crate::log;
use serde_json::json;
use std::{
    any::Any,
    io::Write as _,
    panic::{self, PanicHookInfo},
    sync::{MutexGuard, TryLockError},
    time::Duration,
};

/// Looks, a millisecond apart, whether another thread has let go of the reports.
const TRIES: u32 = 1_500;

/// Reports every panic of this process from here on.
pub fn report_panics() {
    panic::set_hook(Box::new(told));
}

fn told(panic: &PanicHookInfo<'_>) {
    let said = log::redact(said(panic.payload())).into_owned();
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
    if tracing::dispatcher::has_been_set() {
        tracing::error!(target: log::FATAL, place, thread, "unexpected failure: {said}");
        log::flush();
    } else {
        // A service has no standard error; a panic within a panic would end the process without a report.
        let _ = writeln!(std::io::stderr(), "reeve-agent: unexpected failure at {place}: {said}");
    }
    let details = json!({ "place": place, "thread": thread });
    let note = Note::new(ErrorKind::UnhandledException, format!("{said} ({})", file(&place)), details);
    let Some(mut reports) = reports_in_time() else { return };
    match &mut reports.buffer {
        Some(buffer) => buffer.add(note),
        None => reports.early.push(note),
    }
    drop(reports);
    WORK.notify_one();
}

/// The reports, unless they are held by this very thread because keeping one failed.
fn reports_in_time() -> Option<MutexGuard<'static, Reports>> {
    for _ in 0..TRIES {
        match REPORTS.try_lock() {
            Ok(reports) => return Some(reports),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    None
}

fn said(payload: &dyn Any) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without words")
}

/// File and line, without the column and the folders of whoever built it.
fn file(place: &str) -> &str {
    let place = place.rsplit_once(':').map_or(place, |(place, _)| place);
    place.rsplit(['/', '\\']).next().unwrap_or(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_place_are_told() {
        assert_eq!(said(&"static"), "static");
        assert_eq!(said(&"owned".to_owned()), "owned");
        assert_eq!(said(&5_u8), "a panic without words");
        assert_eq!(file("agent/src/run.rs:12:5"), "run.rs:12");
        assert_eq!(file(r"agent\src\run.rs:12:5"), "run.rs:12");
    }
}
