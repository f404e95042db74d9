//! How bad a line is and when it was written, read from the formats that programs log in. What says nothing about itself
//! is not sent.

use chrono::{DateTime, Datelike as _, Local, NaiveDateTime, TimeZone as _, Utc};
use entity::log_entry::LogLevel;
use serde_json::Value;

/// The level stands within so many characters, or the line has none.
const HEAD_CHARS: usize = 200;

/// How bad a line is; `None` for what is not bad, or does not say.
#[must_use]
pub fn level(line: &str) -> Option<LogLevel> {
    let line = line.trim_start();
    if let Some(fields) = json(line) {
        return of_json(&fields);
    }
    let plain = without_colours(line);
    match priority(&plain) {
        (Some(priority), _) => of_priority(priority),
        (None, rest) => of_klog(rest).or_else(|| of_words(rest))?,
    }
}

/// When a line was written, when it says so and that is likely.
#[must_use]
pub fn written_at(line: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let line = line.trim_start();
    match json(line) {
        Some(fields) => time_of_json(&fields, now),
        None => time(priority(&without_colours(line)).1, now),
    }
}

fn json(line: &str) -> Option<serde_json::Map<String, Value>> {
    line.starts_with('{').then(|| serde_json::from_str(line).ok()).flatten()
}

/// The levels of syslog and of the journal, 0 to 7.
#[must_use]
pub const fn of_priority(priority: u8) -> Option<LogLevel> {
    match priority {
        0..=2 => Some(LogLevel::Critical),
        3 => Some(LogLevel::Error),
        4 => Some(LogLevel::Warn),
        _ => None,
    }
}

/// The levels of the Windows event log: critical, error, warning.
#[must_use]
pub const fn of_windows(level: u8) -> Option<LogLevel> {
    match level {
        1 => Some(LogLevel::Critical),
        2 => Some(LogLevel::Error),
        3 => Some(LogLevel::Warn),
        _ => None,
    }
}

/// `None`: not the word of a level. `Some(None)`: that of one which is not bad.
fn of_word(word: &str) -> Option<Option<LogLevel>> {
    let level = match word.to_ascii_lowercase().as_str() {
        "critical" | "crit" | "fatal" | "emergency" | "emerg" | "alert" | "panic" | "severe" => {
            LogLevel::Critical
        }
        "error" | "err" | "eror" => LogLevel::Error,
        "warning" | "warn" => LogLevel::Warn,
        "notice" | "info" | "information" | "informational" | "debug" | "trace" | "verbose" | "fine" => {
            return Some(None);
        }
        _ => return None,
    };
    Some(Some(level))
}

/// `<3>…`, as syslog and the kernel write it: the level, and what follows.
fn priority(line: &str) -> (Option<u8>, &str) {
    let read = || {
        let (number, rest) = line.strip_prefix('<')?.split_once('>')?;
        let number: u8 = number.parse().ok().filter(|_| number.len() <= 3)?;
        Some((number & 7, rest))
    };
    read().map_or((None, line), |(priority, rest)| (Some(priority), rest))
}

/// `E1121 12:00:00.1 …`, as Kubernetes and its like write it.
fn of_klog(line: &str) -> Option<Option<LogLevel>> {
    let bytes = line.as_bytes();
    let is_klog = bytes.len() > 6 && bytes[1..5].iter().all(u8::is_ascii_digit) && bytes[5] == b' ';
    match (is_klog, bytes.first()) {
        (true, Some(b'F')) => Some(Some(LogLevel::Critical)),
        (true, Some(b'E')) => Some(Some(LogLevel::Error)),
        (true, Some(b'W')) => Some(Some(LogLevel::Warn)),
        (true, Some(b'I')) => Some(None),
        _ => None,
    }
}

/// The first word of a level. In capitals it may stand anywhere in the head; else it has to be set apart, as in
/// `[error]`, `level=error` or `error:`, because people write of errors too.
fn of_words(line: &str) -> Option<Option<LogLevel>> {
    let end = line.char_indices().nth(HEAD_CHARS).map_or(line.len(), |(index, _)| index);
    let head = &line[..end];
    let is_word = |character: char| character.is_ascii_alphabetic();
    let mut start = 0;
    while let Some(from) = head[start..].find(is_word).map(|index| start + index) {
        let to = head[from..].find(|character| !is_word(character)).map_or(head.len(), |index| from + index);
        start = to;
        let word = &head[from..to];
        let before = head[..from].chars().next_back();
        let after = head[to..].chars().next();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_')
            || after.is_some_and(|c| c.is_alphanumeric() || c == '_')
        {
            continue;
        }
        // What PostgreSQL writes about a statement quotes it, and that may hold anything.
        if matches!(word, "LOG" | "STATEMENT" | "DETAIL" | "HINT" | "CONTEXT") && after == Some(':') {
            return Some(None);
        }
        let is_capital = word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase());
        let is_apart = matches!(before, Some('[' | '(' | '<' | '=' | '"' | '|'))
            || matches!(after, Some(']' | ')' | '>' | ':' | '|'));
        if (is_capital || is_apart)
            && let Some(level) = of_word(word)
        {
            return Some(level);
        }
    }
    None
}

fn named<'a>(fields: &'a serde_json::Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| fields.get(*name))
}

fn of_json(fields: &serde_json::Map<String, Value>) -> Option<LogLevel> {
    let level = named(
        fields,
        &["level", "severity", "lvl", "levelname", "log.level", "loglevel", "@l", "LEVEL", "Level"],
    )?;
    Some(match level {
        Value::String(word) => of_word(word)??,
        // As pino and bunyan number them; below are those of syslog.
        Value::Number(number) => match number.as_u64()? {
            60.. => LogLevel::Critical,
            50.. => LogLevel::Error,
            40.. => LogLevel::Warn,
            8.. => return None,
            priority => of_priority(u8::try_from(priority).ok()?)?,
        },
        _ => return None,
    })
}

fn time_of_json(fields: &serde_json::Map<String, Value>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match named(fields, &["time", "timestamp", "ts", "@timestamp", "@t", "datetime"]) {
        Some(Value::String(text)) => time(text, now),
        #[expect(clippy::cast_possible_truncation, reason = "a time of this century")]
        Some(Value::Number(number)) => number.as_f64().and_then(|number| {
            let milliseconds = if number > 1e11 { number } else { number * 1_000.0 };
            DateTime::from_timestamp_millis(milliseconds as i64).filter(|at| is_likely(*at, now))
        }),
        _ => None,
    }
}

/// Is this a time that a line may be from?
fn is_likely(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    at.year() >= 2000 && at <= now + chrono::Duration::days(1)
}

/// The time at the beginning of a line; without a zone it is that of the device.
fn time(line: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let line = line.trim_start_matches(['[', '"', ' ']);
    let first = line.split([' ', ']', '"']).next().unwrap_or_default();
    let zoned = |text: &str| DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc));
    let local =
        |at: NaiveDateTime| Local.from_local_datetime(&at).earliest().map(|at| at.with_timezone(&Utc));
    let read = |format: &str| {
        let cut = line.get(..line.len().min(40)).or_else(|| line.get(..line.len().min(26)))?;
        NaiveDateTime::parse_and_remainder(&cut.replace(',', "."), format)
            .ok()
            .map(|(at, rest)| (at, rest.to_owned()))
    };
    let plain = || {
        let (at, rest) = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y/%m/%d %H:%M:%S%.f"]
            .iter()
            .find_map(|format| read(format))?;
        let rest = rest.trim_start();
        let is_utc = rest.starts_with('Z')
            || rest.starts_with("UTC")
            || rest.starts_with("GMT")
            || rest.starts_with("+0000")
            || rest.starts_with("+00:00");
        if is_utc { Some(at.and_utc()) } else { local(at) }
    };
    let apache = || read("%a %b %d %H:%M:%S%.f %Y").and_then(|(at, _)| local(at));
    // Syslog of old names no year: it is this one, or the last for what would be to come.
    let syslog = || {
        let cut = line.get(..15)?;
        let year = now.with_timezone(&Local).year();
        [year, year - 1].into_iter().find_map(|year| {
            let at = NaiveDateTime::parse_from_str(&format!("{year} {cut}"), "%Y %b %e %H:%M:%S").ok()?;
            local(at).filter(|at| is_likely(*at, now))
        })
    };
    zoned(first).or_else(plain).or_else(apache).or_else(syslog).filter(|at| is_likely(*at, now))
}

/// Without the sequences by which terminals are told to colour.
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len().min(1024));
    let mut characters = line.chars().take(HEAD_CHARS * 2);
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            plain.push(character);
            continue;
        }
        if characters.next() == Some('[') {
            for part in characters.by_ref() {
                if part.is_ascii_alphabetic() {
                    break;
                }
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use LogLevel::{Critical, Error, Warn};

    fn now() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 21, 12, 30, 0).unwrap()
    }

    #[test]
    fn levels_are_read_from_the_formats_that_programs_log_in() {
        let table: &[(&str, Option<LogLevel>)] = &[
            ("2026-11-21T12:27:39Z ERROR connection refused", Some(Error)),
            ("2026-11-21 12:27:39,123 WARNING root: disk is filling", Some(Warn)),
            ("2026-11-21 12:27:39.123 [main] WARN  com.example.App - slow", Some(Warn)),
            ("2026-11-21 12:27:39 CRITICAL out of memory", Some(Critical)),
            ("2026/11/21 12:27:39 [error] 12#0: *3 open() failed", Some(Error)),
            ("2026/11/21 12:27:39 [warn] 12#0: an upstream response", Some(Warn)),
            ("2026/11/21 12:27:39 [emerg] 1#1: bind() failed", Some(Critical)),
            ("[Sat Nov 21 12:27:39.123456 2026] [core:error] [pid 1] AH00126: Invalid URI", Some(Error)),
            ("Nov 21 12:27:39 host app[12]: error: cannot open file", Some(Error)),
            ("Nov 21 12:27:39 host kernel: ERROR in the driver", Some(Error)),
            ("<3>something failed", Some(Error)),
            ("<11>Nov 21 12:27:39 host app: failed", Some(Error)),
            ("<4>warned", Some(Warn)),
            ("<2>critical", Some(Critical)),
            ("<6>ERROR in a line of the kernel that is information", None),
            ("E1121 12:27:39.123456       1 reflector.go:1] failed", Some(Error)),
            ("W1121 12:27:39.123456       1 x.go:1] deprecated", Some(Warn)),
            ("F1121 12:27:39.123456       1 x.go:1] cannot start", Some(Critical)),
            ("I1121 12:27:39.123456       1 x.go:1] ERROR is a word here", None),
            (r#"{"level":"error","msg":"x"}"#, Some(Error)),
            (r#"{"severity":"CRITICAL","message":"x"}"#, Some(Critical)),
            (r#"{"level":50,"time":1795264059000,"msg":"x"}"#, Some(Error)),
            (r#"{"level":40,"msg":"x"}"#, Some(Warn)),
            (r#"{"level":30,"msg":"ERROR"}"#, None),
            (r#"{"level":3,"msg":"as syslog numbers it"}"#, Some(Error)),
            (r#"{"level":"info","msg":"error: none"}"#, None),
            (r#"{"msg":"no level, but ERROR"}"#, None),
            ("{not json ERROR", Some(Error)),
            ("time=\"2026-11-21T12:27:39Z\" level=error msg=\"x\"", Some(Error)),
            ("ts=1 lvl=warn msg=x", Some(Warn)),
            ("ERROR:root:a Python line", Some(Error)),
            ("FATAL:  the database system is starting up", Some(Critical)),
            ("2026-11-21 12:27:39.1 UTC [12] ERROR:  relation \"x\" does not exist", Some(Error)),
            ("2026-11-21 12:27:39.1 UTC [12] LOG:  statement: SELECT 'ERROR: x'", None),
            ("2026-11-21 12:27:39.1 UTC [12] STATEMENT:  SELECT 'ERROR'", None),
            ("\u{1b}[2m2026-11-21T12:27:39Z\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m app: failed", Some(Error)),
            ("2026-11-21T12:27:39Z  INFO app: 3 ERROR lines were found", None),
            ("2026-11-21T12:27:39Z DEBUG retry after error: timeout", None),
            ("finished with 0 errors", None),
            ("an error occurred, people say", None),
            ("the terror: a film", None),
            ("MY_ERROR_CODE=3", None),
            ("INFO: all is well", None),
            ("SEVERE: a Java line", Some(Critical)),
            ("", None),
            ("äöü ERROR", Some(Error)),
        ];
        for (line, expected) in table {
            assert_eq!(level(line), *expected, "{line}");
        }
        let far = format!("{} ERROR", "x ".repeat(HEAD_CHARS));
        assert_eq!(level(&far), None, "a level stands at the beginning");
    }

    #[test]
    fn times_are_read_where_they_are_likely() {
        let at = |line: &str| written_at(line, now());
        let noon = Utc.with_ymd_and_hms(2026, 11, 21, 12, 27, 39).unwrap();
        for line in [
            "2026-11-21T12:27:39Z ERROR x",
            "[2026-11-21T12:27:39Z] ERROR x",
            "2026-11-21T13:27:39+01:00 ERROR x",
            "2026-11-21 12:27:39 UTC [12] ERROR: x",
            r#"{"level":"error","time":"2026-11-21T12:27:39Z"}"#,
            r#"{"level":"error","ts":1795264059}"#,
            r#"{"level":50,"time":1795264059000}"#,
        ] {
            assert_eq!(at(line), Some(noon), "{line}");
        }
        let local = |line: &str, format: &str, text: &str| {
            let expected = Local.from_local_datetime(&NaiveDateTime::parse_from_str(text, format).unwrap());
            assert_eq!(at(line), expected.earliest().map(|at| at.with_timezone(&Utc)), "{line}");
        };
        let format = "%Y-%m-%d %H:%M:%S";
        local("2026-11-20 10:27:39,123 ERROR x", "%Y-%m-%d %H:%M:%S%.f", "2026-11-20 10:27:39.123");
        local("2026/11/20 10:27:39 [error] x", format, "2026-11-20 10:27:39");
        local("Nov 20 10:27:39 host app: error: x", format, "2026-11-20 10:27:39");
        local("Dec 24 10:27:39 host app: error: x", format, "2025-12-24 10:27:39");
        local("[Fri Nov 20 10:27:39.5 2026] [core:error] x", "%Y-%m-%d %H:%M:%S%.f", "2026-11-20 10:27:39.5");
        for line in
            ["ERROR no time", "1970-01-01T00:00:00Z ERROR x", "2099-01-01T00:00:00Z ERROR x", "99 ERROR"]
        {
            assert_eq!(at(line), None, "{line}");
        }
    }
}
