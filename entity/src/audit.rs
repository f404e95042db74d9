//! The audit log: who did what, when, from where; each entry chained to the one before.

use crate::{
    id::{AuditEntryId, BusinessId, DeviceId, UserId},
    platform::words,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

words! {
    /// What acted.
    ActorKind {
        /// Somebody with a session.
        Person = "person",
        /// A program with an API key.
        ApiKey = "api_key",
        /// Somebody who had not signed in yet.
        Visitor = "visitor",
        /// The server by itself, or its command line.
        System = "system",
    }
}

words! {
    /// As what entries are taken along.
    ExportFormat {
        /// JSON Lines: one entry a line, as the API shows it.
        Jsonl = "jsonl",
        /// Comma-separated values with a head, for spreadsheets.
        Csv = "csv",
    }
}

impl ExportFormat {
    /// What the file is, for those who receive it.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Jsonl => "application/x-ndjson; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }
}

/// One entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditEntryView {
    /// Its place in the chain, from 1.
    pub seq: i64,
    /// Names the entry.
    pub id: AuditEntryId,
    /// When.
    pub at: DateTime<Utc>,
    /// What acted.
    pub actor_kind: ActorKind,
    /// Who, when it is a user.
    pub actor_id: Option<UserId>,
    /// Who, by name.
    pub actor_name: String,
    /// Where the request came from.
    pub source_ip: String,
    /// Names the request; the server's log has the same.
    pub request_id: Option<String>,
    /// Whose row was changed; absent for the MSP's own.
    pub business_id: Option<BusinessId>,
    /// The name of that business.
    pub business_name: Option<String>,
    /// Which device, when it was one.
    pub device_id: Option<DeviceId>,
    /// Stable word such as `device.revoke`.
    pub action: String,
    /// A sentence for people.
    pub summary: String,
    /// What was there before, as JSON.
    pub before: Option<serde_json::Value>,
    /// What is there now, as JSON.
    pub after: Option<serde_json::Value>,
    /// Hash of the entry before, hex; empty for the first.
    pub previous_hash: String,
    /// SHA-256 over the entry and the hash before it, hex.
    pub hash: String,
}

/// What a list of entries may be narrowed by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Only of this business.
    #[serde(default)]
    pub business_id: Option<BusinessId>,
    /// Only by this user.
    #[serde(default)]
    pub actor_id: Option<UserId>,
    /// Only this action, or all of a noun: `user.` finds `user.add`.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Search>", example = &"device."))]
    #[serde(default)]
    pub action: Option<String>,
    /// Words of the summary or the actor's name.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Search>"))]
    #[serde(default)]
    pub search: Option<String>,
    /// From this day on, in UTC.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Day>"))]
    #[serde(default)]
    pub from: Option<chrono::NaiveDate>,
    /// To the end of this day, in UTC.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Day>"))]
    #[serde(default)]
    pub to: Option<chrono::NaiveDate>,
    /// Where the page before ended.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Cursor>"))]
    #[serde(default)]
    pub cursor: Option<String>,
    /// Entries on a page.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::PageLimit>"))]
    #[serde(default)]
    pub limit: Option<u32>,
}

/// What the entries within reach can be narrowed by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditOptions {
    /// Words such as `device.revoke`, in order.
    pub actions: Vec<String>,
    /// Who did something, by name.
    pub actors: Vec<AuditActor>,
}

/// Somebody who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditActor {
    /// Names the user.
    pub id: UserId,
    /// What they were last called.
    pub name: String,
}

/// What checking the chain found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChainReport {
    /// Entries that were read.
    pub entries: u64,
    /// Hash of the newest, hex; whoever writes it down can tell later whether anything before it was changed.
    pub head: String,
    /// The place of the head that was expected, when one was and the chain has it.
    pub expected_at: Option<i64>,
    /// The first thing that is wrong, if anything is.
    pub broken: Option<BrokenLink>,
}

impl ChainReport {
    /// What was found, in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match &self.broken {
            Some(link) => format!("The chain is broken at entry {}. {}", link.seq, link.reason),
            None if self.entries == 1 => "The chain is whole: 1 entry.".to_owned(),
            None => format!("The chain is whole: {} entries.", self.entries),
        }
    }
}

/// Where a chain is broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BrokenLink {
    /// The place in the chain where it shows.
    pub seq: i64,
    /// What is wrong, in words.
    pub reason: String,
}
