//! Telling somebody at the terminal how far long work has come: on the standard error, once a second at most.

use domain::backup::{Progress, Watch};
use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::Mutex,
    time::{Duration, Instant},
};

/// How often a line is written.
const EVERY: Duration = Duration::from_secs(1);
/// How often, where lines are kept.
const EVERY_KEPT: Duration = Duration::from_secs(10);

/// What was told last.
struct Told {
    step: &'static str,
    what: String,
    since: Instant,
    at: Instant,
    is_open: bool,
}

/// Writes progress for people: one line that is written over at a terminal, a line now and then elsewhere.
pub(super) fn watch() -> Watch {
    let every = if io::stderr().is_terminal() { EVERY } else { EVERY_KEPT };
    let is_terminal = io::stderr().is_terminal();
    let now = Instant::now();
    let told = Mutex::new(Told { step: "", what: String::new(), since: now, at: now, is_open: false });
    Watch::new(move |progress| {
        let mut told = told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if (told.step, told.what.as_str()) != (progress.step, progress.what.as_str()) {
            told.step = progress.step;
            told.what.clone_from(&progress.what);
            told.since = Instant::now();
        }
        if told.at.elapsed() < every {
            return;
        }
        told.at = Instant::now();
        told.is_open = is_terminal;
        let line = line(progress, told.since.elapsed());
        let mut out = io::stderr();
        // Who reads this may have gone; the work goes on.
        let _ = if is_terminal { write!(out, "\r\x1b[K{line}\r") } else { writeln!(out, "{line}") };
    })
}

/// One line.
fn line(progress: &Progress, since: Duration) -> String {
    let Progress { step, what, done, total, unit } = progress;
    let amount = |n: u64| if *unit == "bytes" { bytes(n) } else { grouped(n) };
    let of = if *total == 0 { String::new() } else { format!(" of {}", amount(*total)) };
    let unit = if *unit == "bytes" { String::new() } else { format!(" {unit}") };
    let millis = since.as_millis().max(1);
    let rate = u64::try_from(u128::from(*done) * 1000 / millis).unwrap_or(u64::MAX);
    format!("{step} {what}: {}{of}{unit}, {}{unit}/s", amount(*done), amount(rate))
}

/// A number with its thousands apart.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes as people say them.
pub(super) fn bytes(n: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut scaled = n;
    let mut tenths = 0;
    let mut unit = 0;
    while scaled >= 1024 && unit + 1 < units.len() {
        tenths = scaled % 1024 * 10 / 1024;
        scaled /= 1024;
        unit += 1;
    }
    if unit == 0 { format!("{scaled} B") } else { format!("{scaled}.{tenths} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_and_how_fast() {
        let progress =
            |done, total, unit| Progress { step: "copying", what: "users".to_owned(), done, total, unit };
        assert_eq!(
            line(&progress(1_234_567, 2_000_000, "rows"), Duration::from_secs(10)),
            "copying users: 1,234,567 of 2,000,000 rows, 123,456 rows/s"
        );
        assert_eq!(
            line(&progress(3 << 20, 0, "bytes"), Duration::from_secs(2)),
            "copying users: 3.0 MiB, 1.5 MiB/s"
        );
        assert_eq!(grouped(0), "0");
        assert_eq!(bytes(1023), "1023 B");
    }
}
