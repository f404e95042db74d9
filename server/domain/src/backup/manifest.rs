//! The first page of a backup: what is in it, of when and of what, so that it can be checked without being restored.

use super::{
    database::{Engine, TableDigest},
    failed,
};
use crate::Result;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a backup calls itself.
const FORMAT: &str = "reeve-backup";
/// Its form; a number more when an older program could not read it.
const FORMAT_VERSION: u32 = 1;

/// A file in the backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its place in the backup, such as `keys/seal.key`.
    pub name: String,
    /// Bytes.
    pub size_bytes: u64,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// What the audit chain was like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditState {
    /// Entries of the chain that are good.
    pub entries: u64,
    /// The hash of the newest.
    pub head: String,
    /// What is wrong with it, in a sentence.
    pub broken: Option<String>,
}

/// What is in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: String,
    format_version: u32,
    /// The version of Reeve that made it.
    pub product_version: String,
    /// The steps that the schema had taken.
    pub schema: Vec<String>,
    /// What the rows came from. They are kept in a file of the embedded database whichever it was.
    pub engine: Engine,
    /// The moment that everything in it is of.
    pub taken_at: DateTime<Utc>,
    /// The audit chain at that moment.
    pub audit: AuditState,
    /// Every table.
    pub tables: Vec<TableDigest>,
    /// Every file but this one.
    pub members: Vec<Member>,
}

impl Manifest {
    pub(super) fn new(
        schema: Vec<String>,
        engine: Engine,
        taken_at: DateTime<Utc>,
        audit: AuditState,
        tables: Vec<TableDigest>,
        members: Vec<Member>,
    ) -> Self {
        Self {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            product_version: env!("CARGO_PKG_VERSION").to_owned(),
            schema,
            engine,
            taken_at,
            audit,
            tables,
            members,
        }
    }

    /// Rows of all tables.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// True when the server's keys are in it.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.members.iter().any(|member| member.name.starts_with(super::archive::KEYS))
    }

    /// True when the keys that sign commands are in it.
    #[must_use]
    pub fn has_command_keys(&self) -> bool {
        let name = format!("{}{}", super::archive::KEYS, crate::command::signer::FILE);
        self.members.iter().any(|member| member.name == name)
    }

    pub(super) fn to_text(&self) -> Result<Vec<u8>> {
        serde_json::to_vec_pretty(self).map_err(|error| failed(error.to_string()))
    }

    /// Reads one.
    ///
    /// # Errors
    /// When it is none, or of a form that this program does not know.
    pub(super) fn read(text: &[u8]) -> Result<Self> {
        /// What is the same in every form.
        #[derive(Deserialize)]
        struct Cover {
            format: String,
            format_version: u32,
            product_version: String,
        }
        let none = |what: String| failed(format!("this is no backup of Reeve: {what}"));
        let cover: Cover = serde_json::from_slice(text).map_err(|error| none(error.to_string()))?;
        if cover.format != FORMAT {
            return Err(none(format!("it calls itself {}", cover.format)));
        }
        if cover.format_version > FORMAT_VERSION {
            return Err(failed(format!(
                "the backup has a newer form than this program knows; use Reeve {} or a later version",
                cover.product_version
            )));
        }
        serde_json::from_slice(text).map_err(|error| none(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    #[test]
    fn a_manifest_reads_back_and_others_are_refused() {
        let at = Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).single().expect("a moment");
        let audit = AuditState { entries: 1, head: "ab".to_owned(), broken: None };
        let member = Member { name: "keys/a.key".to_owned(), size_bytes: 1, sha256: String::new() };
        let manifest =
            Manifest::new(vec!["m1".to_owned()], Engine::Postgres, at, audit, vec![], vec![member]);
        let text = manifest.to_text().expect("writes");
        assert_eq!(Manifest::read(&text).expect("reads"), manifest);
        assert!(manifest.has_keys());
        let text = String::from_utf8(text).expect("text");
        for (from, to, expected) in [
            ("\"format_version\": 1", "\"format_version\": 2", "newer form"),
            ("reeve-backup", "other-backup", "it calls itself other-backup"),
            ("\"taken_at\"", "\"at\"", "taken_at"),
            ("{", "[", "no backup of Reeve"),
        ] {
            let error =
                Manifest::read(text.replacen(from, to, 1).as_bytes()).expect_err("refused").to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
