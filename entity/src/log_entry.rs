//! A log entry: a line that a device wrote about something going wrong, and where agents look for such lines.

use crate::{
    id::{BusinessId, DeviceId},
    page::list_query,
    platform::words,
    problem::Problem,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// Longest message of an entry that is kept, in characters.
pub const MESSAGE_MAX: usize = 2_000;
/// Longest name of a source, in characters.
pub const SOURCE_MAX: usize = 200;
/// Most files and patterns that an agent is told to follow.
pub const FILES_MAX: usize = 16;
/// Longest path of a file to follow, in characters.
pub const PATH_MAX: usize = 260;

words! {
    /// How bad it is. Lines below a warning are never sent.
    LogLevel {
        /// The program, or the machine, cannot go on.
        Critical = "critical",
        /// Something failed.
        Error = "error",
        /// Something may fail.
        Warn = "warn",
    }
}

impl LogLevel {
    /// How it is stored: the worse, the smaller.
    #[must_use]
    pub const fn number(self) -> i16 {
        match self {
            Self::Critical => 1,
            Self::Error => 2,
            Self::Warn => 3,
        }
    }

    /// From how it is stored.
    #[must_use]
    pub const fn of_number(number: i16) -> Self {
        match number {
            ..=1 => Self::Critical,
            2 => Self::Error,
            3.. => Self::Warn,
        }
    }

    /// The word people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Critical => "Critical",
            Self::Error => "Error",
            Self::Warn => "Warning",
        }
    }
}

/// One entry, as the agent sends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogEntry {
    /// When it was written: as the line says, or when it was read.
    pub at: DateTime<Utc>,
    /// How bad it is.
    pub level: LogLevel,
    /// Where it stood: a path, a unit, a channel.
    pub source: String,
    /// What it says.
    pub message: String,
}

impl LogEntry {
    /// Bounds everything an agent sent, and makes visible what would otherwise act on a terminal or a page.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self {
            source: visible(&self.source, SOURCE_MAX),
            message: visible(&self.message, MESSAGE_MAX),
            ..self
        }
    }
}

/// True for what is not shown but does something: control characters, and marks that turn the direction of text.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// Text of a log as it can be shown anywhere: what acts is written out, as in `\x1b[31m`; at most `max` characters.
#[must_use]
pub fn visible(text: &str, max: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(max * 4));
    let mut room = max;
    for character in text.chars() {
        let before = shown.len();
        // A string takes everything.
        let _ = match character {
            '\t' => write!(shown, "\t"),
            character if !acts(character) => write!(shown, "{character}"),
            character if character.is_ascii() => write!(shown, "\\x{:02x}", u32::from(character)),
            character => write!(shown, "\\u{{{:x}}}", u32::from(character)),
        };
        let written = shown[before..].chars().count();
        if written > room {
            shown.truncate(before);
            break;
        }
        room -= written;
    }
    shown
}

/// Where an agent looks for lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct LogSources {
    /// True: what the operating system keeps, the journal or the event log.
    pub system_log: bool,
    /// Files besides, each an absolute path whose name may hold `*` and `?`.
    pub files: Vec<String>,
}

impl Default for LogSources {
    fn default() -> Self {
        Self { system_log: true, files: Vec::new() }
    }
}

impl LogSources {
    /// True for what agents do without being told.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What an agent may follow of it: what does not fit the rules is left out.
    #[must_use]
    pub fn bounded(self) -> Self {
        let mut files: Vec<_> = self.files.into_iter().filter(|path| check_path(path).is_ok()).collect();
        files.dedup();
        files.truncate(FILES_MAX);
        Self { system_log: self.system_log, files }
    }

    /// Reads what a person wrote: one path a line, empty lines left out.
    ///
    /// # Errors
    /// Names the field `files` and the line.
    pub fn parse(system_log: bool, files: &str) -> Result<Self, Problem> {
        let mut paths: Vec<String> = Vec::new();
        for line in files.lines().map(str::trim).filter(|line| !line.is_empty()) {
            check_path(line)
                .map_err(|why| Problem::invalid("files", format!("{}: {why}", visible(line, 80))))?;
            if !paths.iter().any(|path| path == line) {
                paths.push(line.to_owned());
            }
        }
        if paths.len() > FILES_MAX {
            return Err(Problem::invalid("files", format!("At most {FILES_MAX} paths.")));
        }
        Ok(Self { system_log, files: paths })
    }
}

/// Folders that hold no logs: devices, the kernel's own files, and settings with secrets.
const NO_LOGS: &[&str] = &["/dev", "/proc", "/sys", "/etc", "/boot"];

/// Is this a path that may be followed?
///
/// # Errors
/// A sentence that says why not.
pub fn check_path(path: &str) -> Result<(), &'static str> {
    if path.chars().count() > PATH_MAX {
        return Err("at most 260 characters.");
    }
    if path.chars().any(acts) {
        return Err("control characters are not accepted.");
    }
    let bytes = path.as_bytes();
    let is_windows = bytes.len() > 3
        && bytes[0].is_ascii_alphabetic()
        && bytes[1] == b':'
        && matches!(bytes[2], b'\\' | b'/');
    if !is_windows && !path.starts_with('/') {
        return Err("the path has to be absolute, as in /var/log/app/*.log.");
    }
    let is_separator = |character: char| character == '/' || (is_windows && character == '\\');
    let mut parts: Vec<&str> = path.split(is_separator).collect();
    let name = parts.pop().unwrap_or_default();
    if name.is_empty() {
        return Err("a folder cannot be followed; name its files, as in /var/log/app/*.log.");
    }
    if parts.iter().any(|part| *part == ".." || *part == ".") || name == ".." || name == "." {
        return Err("`.` and `..` are not accepted.");
    }
    if parts.iter().any(|part| part.contains(['*', '?'])) {
        return Err("`*` and `?` may stand in the name of the file only, not in a folder.");
    }
    if is_windows && path[2..].contains(':') {
        return Err("streams of files are not accepted.");
    }
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let folder = format!("/{}", parts.first().unwrap_or(&""));
    if !is_windows && NO_LOGS.contains(&folder.as_str()) {
        return Err("no logs are kept in /dev, /proc, /sys, /etc or /boot.");
    }
    Ok(())
}

words! {
    /// Where settings come from.
    SettingScope {
        /// What agents do without being told.
        BuiltIn = "built_in",
        /// The MSP's default.
        Msp = "msp",
        /// The business.
        Business = "business",
        /// The device itself.
        Device = "device",
    }
}

impl SettingScope {
    /// The words people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::BuiltIn => "built in",
            Self::Msp => "the default for all businesses",
            Self::Business => "the business",
            Self::Device => "this device",
        }
    }
}

/// Log sources in force somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogSourcesView {
    /// What is followed.
    pub sources: LogSources,
    /// Where that was decided.
    pub scope: SettingScope,
    /// What became of the device's lines that are not shown, when it is about a device.
    #[serde(default)]
    pub totals: Option<LogTotals>,
}

/// What is asked to set log sources.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LogSourcesInput {
    /// True: what is decided further up holds here too, and the rest of this is left alone.
    #[serde(default)]
    pub inherits: bool,
    /// Follow the journal or the event log.
    #[serde(default)]
    pub system_log: bool,
    /// Files besides, one path a line.
    #[serde(default)]
    pub files: String,
}

/// One entry as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogEntryView {
    /// Which device.
    pub device_id: DeviceId,
    /// What people call it.
    pub device_name: String,
    /// Whose device.
    pub business_id: BusinessId,
    /// The name of whose it is.
    pub business_name: String,
    /// Its number among the device's entries.
    pub position: i64,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// How bad it is.
    pub level: LogLevel,
    /// Where it stood.
    pub source: String,
    /// What it says; control characters are written out.
    pub message: String,
}

/// What became of a device's lines that are not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogTotals {
    /// Lines left out in all because a source wrote more than its share.
    pub suppressed: u64,
    /// Entries dropped in all because the device could not keep them until the server took them.
    pub dropped: u64,
}

list_query! {
    /// What is asked of the log entries, newest first.
    LogQuery, {
        /// Only this business.
        business_id: BusinessId,
        /// Only this device.
        device_id: DeviceId,
        /// Only this level and what is worse.
        level: LogLevel,
        /// Only sources that begin with this.
        source: String,
        /// From this moment on.
        from: DateTime<Utc>,
        /// Before this moment.
        to: DateTime<Utc>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_act_on_a_terminal_or_a_page_is_written_out() {
        assert_eq!(visible("\u{1b}[31mred\u{0}\r\n", 100), r"\x1b[31mred\x00\x0d\x0a");
        assert_eq!(visible("a\tb ü \u{202e}x", 100), "a\tb ü \\u{202e}x");
        assert_eq!(visible("äöü", 2), "äö");
        assert_eq!(visible("ab\u{1b}", 5), "ab", "no half of an escape");
        assert_eq!(visible("ab\u{1b}", 6), r"ab\x1b");
    }

    #[test]
    fn paths_that_are_no_logs_are_refused() {
        for good in ["/var/log/app/*.log", "/srv/a b/x?.txt", r"C:\Logs\app*.log", "C:/Logs/app.log", "/x"] {
            assert_eq!(check_path(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "app.log",
            "./app.log",
            "/var/log/",
            "/var/../etc/shadow",
            "/var/log/..",
            "/var/./log/x",
            "/var/*/app.log",
            "/dev/zero",
            "//dev/zero",
            "/proc/kmsg",
            "/sys/x",
            "/etc/shadow",
            "/a\u{7}b",
            r"C:\",
            r"C:\a\..\b",
            r"C:\a.log:stream",
            r"\\server\share\x",
            "/boot/x",
        ] {
            assert!(check_path(bad).is_err(), "{bad}");
        }
        assert!(check_path(&format!("/{}", "x".repeat(PATH_MAX))).is_err());
    }

    #[test]
    fn what_a_person_wrote_is_read_line_by_line_and_what_is_wrong_is_named() {
        let read = LogSources::parse(true, "/a.log\r\n\n  /b/*.log \n/a.log").expect("good");
        assert_eq!(
            read,
            LogSources { system_log: true, files: vec!["/a.log".to_owned(), "/b/*.log".to_owned()] }
        );
        let problem = LogSources::parse(true, "/a.log\nb.log").expect_err("refused");
        assert_eq!(problem.field.as_deref(), Some("files"));
        assert!(problem.detail.starts_with("b.log: "), "{}", problem.detail);
        let many: String = (0..=FILES_MAX).map(|n| format!("/{n}\n")).collect();
        assert!(LogSources::parse(false, &many).is_err());
        let hostile = LogSources { system_log: true, files: vec!["/etc/shadow".to_owned(), "/a".to_owned()] };
        assert_eq!(hostile.bounded().files, ["/a"]);
    }

    #[test]
    fn levels_are_stored_as_they_are_read() {
        for level in LogLevel::ALL {
            assert_eq!(LogLevel::of_number(level.number()), *level);
        }
    }
}
