//! Error reports: what went wrong inside an agent, in the agent's own words, told to the server and shown to people.

use crate::{
    id::{BusinessId, DeviceId, ErrorReportId},
    input::clip,
    page::list_query,
    platform::words,
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Largest body of one report.
pub const REPORT_BYTES_MAX: usize = 64 * 1024;
/// Longest word of what went wrong, in characters.
pub const TYPE_MAX: usize = 60;
/// Longest message, in characters.
pub const MESSAGE_MAX: usize = 1_000;
/// Most bytes of details, as JSON.
pub const DETAILS_BYTES_MAX: usize = 8 * 1024;
/// Longest piece of the agent's log, in characters.
pub const SNIPPET_MAX: usize = 8 * 1024;
/// Longest version, in characters.
pub const VERSION_MAX: usize = 60;
/// Most occurrences that one report may stand for.
pub const COUNT_MAX: u32 = 1_000_000;

words! {
    /// What an agent reports as an error. A later agent may know more of them: what is sent and stored is the word.
    ErrorKind {
        /// The configuration cannot be used as it stands.
        ConfigInvalid = "config_invalid",
        /// The configuration could not be brought to the present version.
        ConfigMigrationFailed = "config_migration_failed",
        /// The protected data directory is open to others, or cannot be protected.
        DataDirectoryUnsafe = "data_directory_unsafe",
        /// There is too little room on the disk for what has to be written.
        DiskFull = "disk_full",
        /// A control message came with another secret than the one that is kept.
        IpcSecretMismatch = "ipc_secret_mismatch",
        /// Another agent holds the lock and answers nothing.
        LockUnresponsive = "lock_unresponsive",
        /// Something else.
        Other = "other",
        /// A part of the agent did not end in time while it shut down.
        ShutdownOverdue = "shutdown_overdue",
        /// A file of the agent's own was damaged; what could be read was kept.
        StorageDamaged = "storage_damaged",
        /// Something that the program did not expect: a panic.
        UnhandledException = "unhandled_exception",
        /// What was downloaded is not what its checksum says.
        UpdateChecksumMismatch = "update_checksum_mismatch",
        /// There is too little room for a download.
        UpdateDiskFull = "update_disk_full",
        /// A new version could not be downloaded.
        UpdateDownloadFailed = "update_download_failed",
        /// The updater could not be taken out of the package.
        UpdateExtractFailed = "update_extract_failed",
        /// A new version did not prove itself, and the one before was put back.
        UpdateRolledBack = "update_rolled_back",
        /// What was downloaded is not signed by whom this device trusts.
        UpdateSignatureInvalid = "update_signature_invalid",
        /// The updater could not be started.
        UpdaterLaunchFailed = "updater_launch_failed",
    }
}

impl ErrorKind {
    /// What it is called where people read it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::ConfigInvalid => "Configuration cannot be used",
            Self::ConfigMigrationFailed => "Configuration could not be migrated",
            Self::DataDirectoryUnsafe => "Data directory is not protected",
            Self::DiskFull => "Disk is full",
            Self::IpcSecretMismatch => "Control message with a wrong secret",
            Self::LockUnresponsive => "Another agent does not answer",
            Self::Other => "Something else",
            Self::ShutdownOverdue => "Shutdown took too long",
            Self::StorageDamaged => "Agent's files are damaged",
            Self::UnhandledException => "Unexpected failure",
            Self::UpdateChecksumMismatch => "Update has a wrong checksum",
            Self::UpdateDiskFull => "No room for an update",
            Self::UpdateDownloadFailed => "Update could not be downloaded",
            Self::UpdateExtractFailed => "Update could not be unpacked",
            Self::UpdateRolledBack => "Update was rolled back",
            Self::UpdateSignatureInvalid => "Update has no valid signature",
            Self::UpdaterLaunchFailed => "Updater could not be started",
        }
    }
}

/// What a word of an agent's is called where people read it; a word that this build does not know stands for itself.
#[must_use]
pub fn label(error_type: &str) -> String {
    error_type
        .parse::<ErrorKind>()
        .map_or_else(|_| error_type.replace('_', " "), |kind| kind.label().to_owned())
}

words! {
    /// What people have done about an error.
    ErrorState {
        /// Nobody has looked at it.
        New = "new",
        /// Somebody has.
        Seen = "seen",
        /// Somebody says that it is over.
        Resolved = "resolved",
    }
}

words! {
    /// What moves the state of an error.
    ErrorEvent {
        /// Somebody looks at it.
        See = "see",
        /// Somebody says that it is over.
        Resolve = "resolve",
        /// The device reports it again.
        Recur = "recur",
    }
}

impl ErrorState {
    /// The state that follows, or `None` when the event changes nothing.
    #[must_use]
    pub const fn on(self, event: ErrorEvent) -> Option<Self> {
        match (self, event) {
            (Self::New, ErrorEvent::See) => Some(Self::Seen),
            (Self::New | Self::Seen, ErrorEvent::Resolve) => Some(Self::Resolved),
            // What was over is news again; what was seen is known already.
            (Self::Resolved, ErrorEvent::Recur) => Some(Self::New),
            (Self::Seen | Self::Resolved, ErrorEvent::See)
            | (Self::Resolved, ErrorEvent::Resolve)
            | (Self::New | Self::Seen, ErrorEvent::Recur) => None,
        }
    }

    /// What it is called where people read it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::New => "New",
            Self::Seen => "Seen",
            Self::Resolved => "Resolved",
        }
    }
}

/// One report, as an agent sends and keeps it. The names are the requirement documents', and those of its other pages
/// are understood too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorReport {
    /// Names the report, so that one that is sent again counts once. Absent from programs that keep none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_id: Option<ErrorReportId>,
    /// The device; has to be the one whose token the request carries.
    pub agent_id: DeviceId,
    /// A word of [`ErrorKind`], or one of a later agent.
    pub error_type: String,
    /// What went wrong, in a sentence.
    #[serde(alias = "message")]
    pub error_message: String,
    /// More about it: an object of names and values, or a text.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
    /// When it was seen last, by the device's clock.
    pub timestamp: DateTime<Utc>,
    /// When it was seen first, by the device's clock; [`ErrorReport::timestamp`] when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_at: Option<DateTime<Utc>>,
    /// How often it was seen.
    #[serde(default = "once")]
    pub count: u32,
    /// Version of the agent that saw it.
    pub agent_version: String,
    /// The version that an update was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_version: Option<String>,
    /// The end of the agent's log at that moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_snippet: Option<String>,
}

const fn once() -> u32 {
    1
}

impl ErrorReport {
    /// Brings every field into the bounds that the server keeps: an agent's report is kept as far as it can be, never
    /// refused for its looks.
    #[must_use]
    pub fn bounded(self) -> Self {
        let version = |text: &str| clip(text.trim(), VERSION_MAX);
        Self {
            error_type: word(&self.error_type),
            error_message: line(&self.error_message),
            details: bounded_details(self.details),
            count: self.count.clamp(1, COUNT_MAX),
            agent_version: version(&self.agent_version),
            failed_version: self.failed_version.map(|text| version(&text)).filter(|text| !text.is_empty()),
            log_snippet: self.log_snippet.map(|text| lines(&text)).filter(|text| !text.is_empty()),
            first_at: Some(self.first_at.unwrap_or(self.timestamp).min(self.timestamp)),
            ..self
        }
    }
}

/// Lower case, digits and underscores; anything else about it is lost.
fn word(text: &str) -> String {
    let word: String = text
        .trim()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .take(TYPE_MAX)
        .collect();
    if word.trim_matches('_').is_empty() { ErrorKind::Other.word().to_owned() } else { word }
}

/// On one line, so that it can stand in a list.
fn line(text: &str) -> String {
    let line = clip(&text.split_whitespace().collect::<Vec<_>>().join(" "), MESSAGE_MAX);
    if line.is_empty() { "No message".to_owned() } else { line }
}

/// Keeps line ends and the last of what is too long: the end of a log tells what happened.
fn lines(text: &str) -> String {
    let kept: Vec<char> = text.chars().filter(|c| *c == '\n' || *c == '\t' || !c.is_control()).collect();
    kept[kept.len().saturating_sub(SNIPPET_MAX)..].iter().collect::<String>().trim().to_owned()
}

fn bounded_details(details: Value) -> Value {
    // A zero cannot be kept by every database, wherever it stands.
    let text = details.to_string();
    if text.contains("\\u0000") {
        return Value::String(text.replace("\\u0000", "").chars().take(DETAILS_BYTES_MAX / 4).collect());
    }
    if text.len() <= DETAILS_BYTES_MAX {
        return details;
    }
    Value::String(text.chars().take(DETAILS_BYTES_MAX / 4).chain(['…']).collect())
}

/// A message without what differs from one occurrence to the next: numbers and ids. Two messages with the same shape
/// are the same error.
#[must_use]
pub fn shape(message: &str) -> String {
    let mut shape = String::with_capacity(message.len());
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = message;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        let is_hex = run.len() >= 8 && run.bytes().all(|b| b.is_ascii_hexdigit());
        if run.bytes().any(|b| b.is_ascii_digit())
            && (is_hex || run.bytes().all(|b| b.is_ascii_digit() || b == b'x'))
        {
            shape.push('#');
        } else {
            shape.push_str(run);
        }
        let mut characters = after.chars();
        shape.extend(characters.next());
        rest = characters.as_str();
    }
    shape
}

/// One error of one device, however often it was reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorReportView {
    /// Names the row.
    pub id: ErrorReportId,
    /// Which device.
    pub device_id: DeviceId,
    /// What it is called.
    pub device_name: String,
    /// Whose it is.
    pub business_id: BusinessId,
    /// The name of whose it is.
    pub business_name: String,
    /// The same for the same error on every device.
    pub fingerprint: String,
    /// Stable word of what went wrong.
    pub error_type: String,
    /// In a sentence, as it was reported last.
    pub error_message: String,
    /// More about it, as it was reported last.
    pub details: Value,
    /// The end of the agent's log when it was reported last.
    pub log_snippet: Option<String>,
    /// Version of the agent that reported it last.
    pub agent_version: String,
    /// The version that an update was about.
    pub failed_version: Option<String>,
    /// How often it happened.
    pub occurrences: u64,
    /// When it happened first.
    pub first_at: DateTime<Utc>,
    /// When it happened last.
    pub last_at: DateTime<Utc>,
    /// What people have done about it.
    pub state: ErrorState,
    /// Who did.
    pub decided_by: Option<String>,
    /// When they did.
    pub decided_at: Option<DateTime<Utc>>,
}

/// One error over all devices within reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorGroupView {
    /// Names the group.
    pub fingerprint: String,
    /// Stable word of what went wrong.
    pub error_type: String,
    /// In a sentence, as one of the devices reported it.
    pub error_message: String,
    /// Devices that reported it.
    pub devices: u64,
    /// How often it happened on all of them.
    pub occurrences: u64,
    /// When it happened first.
    pub first_at: DateTime<Utc>,
    /// When it happened last.
    pub last_at: DateTime<Utc>,
    /// The least that was done about it on any of the devices.
    pub state: ErrorState,
}

list_query! {
    /// What is asked of the error reports, of a single device or of all.
    ErrorReportQuery,
    {
        /// Only this stable word.
        #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Search>", example = &"unhandled_exception"))]
        error_type: String,
        /// Only this error.
        #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Search>"))]
        fingerprint: String,
        /// Only this device.
        device_id: DeviceId,
        /// Only this business.
        business_id: BusinessId,
        /// Only from this version of the agent.
        #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Search>", example = &"0.1.0"))]
        agent_version: String,
        /// Only in this state.
        state: ErrorState,
        /// Only what happened on this day or later, in UTC.
        #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Day>"))]
        since: NaiveDate,
    }
}

/// How much of one kind there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorTypeCount {
    /// Stable word of what went wrong.
    pub error_type: String,
    /// Errors of this kind.
    pub errors: u64,
    /// Devices that reported one of them.
    pub devices: u64,
}

/// What the errors within reach can be narrowed by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReportOptions {
    /// Kinds, the most frequent first; what is resolved is not counted.
    pub kinds: Vec<ErrorTypeCount>,
    /// Words of what went wrong, in order.
    pub error_types: Vec<String>,
    /// Versions of agents, in order.
    pub agent_versions: Vec<String>,
}

/// What somebody decides about an error.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ErrorDecision {
    /// `seen` or `resolved`.
    pub state: ErrorState,
    /// On this device alone; on all within reach when absent.
    #[serde(default)]
    pub device_id: Option<DeviceId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> ErrorReport {
        serde_json::from_str(
            r#"{"agent_id":"019a0000-0000-7000-8000-000000000001","agent_version":"1.2.0","timestamp":"2026-11-21T10:00:00Z",
                "error_type":"update_checksum_mismatch","failed_version":"1.3.0","message":"It differs.","log_snippet":"a\nb"}"#,
        )
        .expect("the requirement documents' fields")
    }

    #[test]
    fn the_requirement_documents_fields_are_understood() {
        let report = report();
        assert_eq!((report.error_message.as_str(), report.count, report.report_id), ("It differs.", 1, None));
        assert_eq!(report.failed_version.as_deref(), Some("1.3.0"));
        let json = serde_json::to_value(&report).expect("json");
        assert_eq!(json["error_message"], "It differs.");
        assert!(json.get("details").is_none() && json.get("report_id").is_none());
    }

    #[test]
    fn whatever_is_sent_is_brought_into_bounds() {
        let sent = ErrorReport {
            error_type: " Update\u{7}Fehler ä ".to_owned(),
            error_message: format!("a\n\tb\u{0} {}", "x".repeat(5_000)),
            details: serde_json::json!({ "a": "y".repeat(20_000) }),
            count: 0,
            agent_version: "v".repeat(500),
            failed_version: Some("  ".to_owned()),
            log_snippet: Some(format!("{}\nend\u{1b}[0m", "z".repeat(20_000))),
            first_at: Some(report().timestamp + chrono::TimeDelta::days(1)),
            ..report()
        };
        let kept = sent.bounded();
        assert_eq!(kept.error_type, "update_fehler__");
        assert!(kept.error_message.starts_with("a b x") && kept.error_message.chars().count() <= MESSAGE_MAX);
        assert!(kept.details.to_string().len() <= DETAILS_BYTES_MAX && kept.details.is_string());
        assert_eq!(
            (kept.count, kept.agent_version.len(), kept.failed_version.as_ref()),
            (1, VERSION_MAX, None)
        );
        let snippet = kept.log_snippet.as_deref().expect("a snippet");
        assert!(snippet.ends_with("\nend[0m") && snippet.chars().count() <= SNIPPET_MAX, "the end stays");
        assert_eq!(kept.first_at, Some(kept.timestamp));
        assert_eq!(kept.clone().bounded(), kept, "bounding again changes nothing");
        let zero = ErrorReport { details: serde_json::json!({ "a": "\0" }), ..report() }.bounded();
        assert!(!zero.details.to_string().contains("\\u0000"));
        assert_eq!(ErrorReport { error_type: "§§".to_owned(), ..report() }.bounded().error_type, "other");
    }

    #[test]
    fn what_differs_each_time_is_no_part_of_the_shape() {
        assert_eq!(shape("line 12 column 7: no"), "line # column #: no");
        assert_eq!(shape("device 019a0000-0000-7000-8000-000000000001 is gone"), "device #-#-#-#-# is gone");
        assert_eq!(shape("sha256 is deadbeef01 not a key9"), "sha256 is # not a key9");
        assert_eq!(shape("größe 5"), "größe #");
        assert_eq!(shape(""), "");
    }

    #[test]
    fn states_move_as_people_and_devices_say() {
        let mut table = String::new();
        for state in ErrorState::ALL {
            for event in ErrorEvent::ALL {
                let next = state.on(*event).map_or("-", ErrorState::word);
                table.push_str(&format!("{} {} {next}\n", state.word(), event.word()));
            }
        }
        let expected = "new see seen\nnew resolve resolved\nnew recur -\n\
                        seen see -\nseen resolve resolved\nseen recur -\n\
                        resolved see -\nresolved resolve -\nresolved recur new\n";
        assert_eq!(table, expected);
    }

    #[test]
    fn a_word_of_a_later_agent_stands_for_itself() {
        assert_eq!(label("unhandled_exception"), "Unexpected failure");
        assert_eq!(label("moon_too_bright"), "moon too bright");
    }
}
