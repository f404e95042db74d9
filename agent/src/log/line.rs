//! One event of the program as a line: JSON for the file, text for a terminal. Secrets are taken out of both.

use super::redact::{is_secret_name, redact};
use chrono::{DateTime, SecondsFormat, Utc};
use std::fmt::{self, Write as _};
use tracing::{
    Event, Level,
    field::{Field, Visit},
};

/// Longest line, in bytes; what is longer is cut off.
const LINE_BYTES_MAX: usize = 8 * 1024;

/// A moment as the log writes it.
#[must_use]
pub fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// One event, without secrets.
#[derive(Debug, Default)]
pub struct Line {
    level: &'static str,
    target: String,
    message: String,
    fields: Vec<(&'static str, String, bool)>,
}

impl Line {
    /// Reads an event.
    #[must_use]
    pub fn of(event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let is_fatal = metadata.target() == super::level::FATAL;
        let level = match *metadata.level() {
            Level::ERROR if is_fatal => "FATAL",
            Level::ERROR => "ERROR",
            Level::WARN => "WARN",
            Level::INFO => "INFO",
            Level::DEBUG => "DEBUG",
            Level::TRACE => "VERBOSE",
        };
        let mut line = Self { level, target: metadata.target().to_owned(), ..Self::default() };
        event.record(&mut line);
        line
    }

    /// For the file: one object on one line, the line end with it.
    #[must_use]
    pub fn json(&self, at: DateTime<Utc>) -> String {
        let mut text = format!(
            "{{\"timestamp\":\"{}\",\"level\":\"{}\",\"target\":{},\"message\":{}",
            moment(at),
            self.level,
            quoted(&self.target),
            quoted(cut(&self.message, LINE_BYTES_MAX / 2)),
        );
        for (name, value, is_bare) in &self.fields {
            if text.len() + name.len() + value.len() > LINE_BYTES_MAX {
                text.push_str(",\"cut\":true");
                break;
            }
            let value = if *is_bare { value.clone() } else { quoted(value) };
            // A string takes everything.
            let _ = write!(text, ",{}:{value}", quoted(name));
        }
        text.push_str("}\n");
        text
    }

    /// For people.
    #[must_use]
    pub fn text(&self, at: DateTime<Utc>) -> String {
        let message = one_line(cut(&self.message, LINE_BYTES_MAX / 2));
        let mut text = format!("{} {:>5} {message}", moment(at), self.level);
        for (name, value, is_bare) in &self.fields {
            if text.len() + name.len() + value.len() > LINE_BYTES_MAX {
                break;
            }
            let is_plain =
                *is_bare || value.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:".contains(c));
            let value = if is_plain { value.clone() } else { quoted(value) };
            let _ = write!(text, " {name}={value}");
        }
        text.push('\n');
        text
    }

    fn add(&mut self, field: &Field, value: String, is_bare: bool) {
        if field.name() == "message" {
            self.message = redact(&value).into_owned();
        } else if is_secret_name(field.name()) {
            self.fields.push((field.name(), "[redacted]".to_owned(), false));
        } else {
            let value = redact(&value).into_owned();
            self.fields.push((field.name(), cut(&value, LINE_BYTES_MAX / 2).to_owned(), is_bare));
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"), false);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned(), false);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.to_string(), true);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.to_string(), true);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.to_string(), true);
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// As much of a text as so many bytes hold.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes.min(text.len()))]
}

/// A text that writes no lines of its own, nor moves a terminal's cursor.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str, fields: &[(&'static str, &str, bool)]) -> Line {
        Line {
            level: "INFO",
            target: "agent".to_owned(),
            message: message.to_owned(),
            fields: fields.iter().map(|(name, value, bare)| (*name, (*value).to_owned(), *bare)).collect(),
        }
    }

    #[test]
    fn a_line_is_one_object_whatever_stands_in_it() {
        let at = "2026-11-21T12:00:00.5Z".parse().unwrap();
        let line = line("a \"b\"\nc\u{1b}[31m", &[("n", "5", true), ("why", "x \"y\"\n", false)]);
        let json: serde_json::Value = serde_json::from_str(&line.json(at)).unwrap();
        assert_eq!(json["message"], "a \"b\"\nc\u{1b}[31m");
        assert_eq!((json["n"].as_u64(), json["why"].as_str()), (Some(5), Some("x \"y\"\n")));
        assert_eq!(json["timestamp"], "2026-11-21T12:00:00.500Z");
        assert_eq!(line.json(at).lines().count(), 1);
        assert_eq!(line.text(at).lines().count(), 1);
        assert!(!line.text(at).contains('\u{1b}'));
    }

    #[test]
    fn a_line_is_bounded() {
        let long = "ä".repeat(100_000);
        let line = line(&long, &[("more", &long[..4_000], false), ("yet", &long[..4_000], false)]);
        let json = line.json(Utc::now());
        assert!(json.len() < LINE_BYTES_MAX * 2, "{}", json.len());
        assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
        assert!(line.text(Utc::now()).len() < LINE_BYTES_MAX * 2);
    }
}
