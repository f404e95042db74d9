//! The journal of systemd, read by cursor: `journalctl` is asked only when the journal has grown, and answers JSON lines.

use super::{level, tool};
use chrono::DateTime;
use entity::log_entry::LogEntry;
use serde::Deserialize;
use serde_json::Value;
use std::{
    fs, io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// Where journals lie.
const FOLDERS: [&str; 2] = ["/var/log/journal", "/run/log/journal"];
/// Fields that are asked for besides those that always come.
const FIELDS: &str = "--output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_SYSTEMD_UNIT,_COMM";
/// What the agent and its supervisor write themselves: their errors are reported in another way.
const OWN: [&str; 2] = ["reeve-agent", "reeve-updater"];

/// One line of the answer.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "__CURSOR")]
    cursor: String,
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    realtime: String,
    #[serde(rename = "MESSAGE", default)]
    message: Value,
    #[serde(rename = "PRIORITY", default)]
    priority: Value,
    #[serde(rename = "SYSLOG_IDENTIFIER", default)]
    identifier: Value,
    #[serde(rename = "_SYSTEMD_UNIT", default)]
    unit: Value,
    #[serde(rename = "_COMM", default)]
    command: Value,
}

/// A field: text, a list of bytes when it is none, or a list of values when it came more than once.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let bytes: Option<Vec<u8>> =
                parts.iter().map(|part| part.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect();
            match bytes {
                Some(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
                None => parts.iter().find_map(Value::as_str).map(ToOwned::to_owned),
            }
        }
        _ => None,
    }
}

/// Reads one line: its cursor, and the entry that it makes, if it is one.
pub fn parse(line: &[u8]) -> Option<(String, Option<LogEntry>)> {
    let line: Line = serde_json::from_slice(line).ok()?;
    let entry = || {
        let level = level::of_priority(text(&line.priority)?.parse().ok()?)?;
        let source = [&line.unit, &line.identifier, &line.command].into_iter().find_map(text)?;
        if text(&line.identifier).is_some_and(|identifier| OWN.contains(&identifier.as_str())) {
            return None;
        }
        let at = DateTime::from_timestamp_micros(line.realtime.parse().ok()?)?;
        let message = text(&line.message).unwrap_or_else(|| "(a message that is too long)".to_owned());
        Some(LogEntry { at, level, source, message: message.trim_end().to_owned() })
    };
    Some((line.cursor.clone(), entry()))
}

/// Where the journal is, and who reads it.
#[derive(Clone, Debug)]
pub struct Journal {
    program: PathBuf,
    folders: Vec<PathBuf>,
    /// How long the program may write nothing.
    silence: Duration,
    /// How it looked when it was last read to its end.
    seen: Option<(u64, u128)>,
}

impl Default for Journal {
    fn default() -> Self {
        Self::at("journalctl".into(), FOLDERS.map(PathBuf::from).into())
    }
}

impl Journal {
    /// A journal in other folders, read by another program.
    #[must_use]
    pub const fn at(program: PathBuf, folders: Vec<PathBuf>) -> Self {
        Self { program, folders, silence: tool::SILENCE, seen: None }
    }

    /// The same, with another time after which a program that writes nothing hangs.
    #[must_use]
    pub fn silent_for(self, silence: Duration) -> Self {
        Self { silence, ..self }
    }

    /// How large its files are, and when they were last written to; `None` when there are none.
    fn look(&self) -> Option<(u64, u128)> {
        let machines = self.folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
        let files =
            machines.filter_map(Result::ok).filter_map(|machine| fs::read_dir(machine.path()).ok()).flatten();
        let is_journal = |path: &Path| path.extension().is_some_and(|ending| ending == "journal");
        let mut seen: Option<(u64, u128)> = None;
        for file in files.filter_map(Result::ok).filter(|file| is_journal(&file.path())) {
            let Ok(metadata) = file.metadata() else { continue };
            let changed =
                metadata.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
            let (size, last) = seen.unwrap_or_default();
            seen = Some((size + metadata.len(), last.max(changed.map_or(0, |at| at.as_nanos()))));
        }
        seen
    }

    /// Is there one on this machine?
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.look().is_some()
    }

    /// Where it ends now; empty when nothing stands in it.
    ///
    /// # Errors
    /// When `journalctl` fails or hangs.
    pub fn end(&self) -> io::Result<String> {
        let mut last = String::new();
        self.ask(&["--lines=1"], |cursor, _| {
            last = cursor;
            ControlFlow::Continue(())
        })?;
        Ok(last)
    }

    /// Shows what follows a cursor, with the cursor of each, until told to stop. Nothing when the journal has not grown
    /// since it was last read to its end.
    ///
    /// # Errors
    /// When `journalctl` fails or hangs.
    pub fn read(
        &mut self,
        cursor: &str,
        mut show: impl FnMut(String, Option<LogEntry>) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let seen = self.look();
        if seen.is_some() && seen == self.seen {
            return Ok(());
        }
        let after = format!("--after-cursor={cursor}");
        let from = if cursor.is_empty() { "--no-tail" } else { after.as_str() };
        let mut was_stopped = false;
        self.ask(&["--priority=warning", from], |cursor, entry| {
            let flow = show(cursor, entry);
            was_stopped = flow.is_break();
            flow
        })?;
        // Looked at before: what came meanwhile is asked for the next time.
        self.seen = if was_stopped { None } else { seen };
        Ok(())
    }

    fn ask(
        &self,
        arguments: &[&str],
        mut show: impl FnMut(String, Option<LogEntry>) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let mut command = Command::new(&self.program);
        command.args(["--output=json", "--quiet", "--no-pager", FIELDS]).args(arguments);
        tool::lines(&mut command, self.silence, |line| match parse(line) {
            Some((cursor, entry)) => show(cursor, entry),
            None => ControlFlow::Continue(()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Utc;
    use entity::log_entry::LogLevel;

    fn entry(line: &str) -> Option<LogEntry> {
        parse(line.as_bytes()).unwrap().1
    }

    #[test]
    fn lines_of_the_journal_become_entries() {
        let line = r#"{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1795264059000000","PRIORITY":"3","_SYSTEMD_UNIT":"nginx.service","SYSLOG_IDENTIFIER":"nginx","MESSAGE":"bind() failed\n"}"#;
        let (cursor, entry_found) = parse(line.as_bytes()).unwrap();
        assert_eq!(cursor, "s=1;i=2");
        let at: DateTime<Utc> = "2026-11-21T12:27:39Z".parse().unwrap();
        let expected = LogEntry {
            at,
            level: LogLevel::Error,
            source: "nginx.service".into(),
            message: "bind() failed".into(),
        };
        assert_eq!(entry_found, Some(expected));
        let start = r#"{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1795264059000000","#;
        for (rest, level) in [
            (r#""PRIORITY":"0","_COMM":"x","MESSAGE":"m"}"#, Some(LogLevel::Critical)),
            (r#""PRIORITY":"4","SYSLOG_IDENTIFIER":"kernel","MESSAGE":"m"}"#, Some(LogLevel::Warn)),
            (r#""PRIORITY":"6","SYSLOG_IDENTIFIER":"x","MESSAGE":"m"}"#, None),
            (r#""SYSLOG_IDENTIFIER":"x","MESSAGE":"m"}"#, None),
            (r#""PRIORITY":"3","MESSAGE":"nobody's"}"#, None),
            (r#""PRIORITY":"3","SYSLOG_IDENTIFIER":"reeve-agent","MESSAGE":"m"}"#, None),
        ] {
            assert_eq!(entry(&format!("{start}{rest}")).map(|entry| entry.level), level, "{rest}");
        }
        let bytes =
            entry(&format!(r#"{start}"PRIORITY":"3","_COMM":"x","MESSAGE":[27,91,104,105]}}"#)).unwrap();
        assert_eq!(bytes.message, "\u{1b}[hi");
        let long = entry(&format!(r#"{start}"PRIORITY":"3","_COMM":"x","MESSAGE":null}}"#)).unwrap();
        assert_eq!(long.message, "(a message that is too long)");
        let twice = entry(&format!(r#"{start}"PRIORITY":"3","_COMM":"x","MESSAGE":["a","b"]}}"#)).unwrap();
        assert_eq!(twice.message, "a");
        assert!(parse(b"nonsense").is_none());
    }
}
