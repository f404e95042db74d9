//! Scripts of the library: each version stays as it was written, named by its digest.

use crate::{
    command::{NAME_MAX, PARAMETERS_MAX, REASON_MAX, SCRIPT_BYTES_MAX, Shell},
    id::{BusinessId, ScriptId, ScriptVersionId},
    input::{line, paragraph},
    page::list_query,
    problem::Problem,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Most versions of one script.
pub const VERSIONS_MAX: u64 = 1_000;

/// A script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScriptView {
    /// Names the script.
    pub id: ScriptId,
    /// Whose; absent: shared by all businesses.
    pub business_id: Option<BusinessId>,
    /// The name of whose.
    pub business_name: Option<String>,
    /// What people call it.
    pub script_name: String,
    /// What it is for.
    pub description: String,
    /// Its last version.
    pub latest: ScriptVersionRow,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last got a version, a name or a description.
    pub changed_at: DateTime<Utc>,
    /// When it was put away; it can no longer be asked for.
    pub archived_at: Option<DateTime<Utc>>,
}

/// A version without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScriptVersionRow {
    /// Names the version.
    pub id: ScriptVersionId,
    /// From 1.
    pub version: u64,
    /// What reads it.
    pub shell: Shell,
    /// SHA-256 of the text, hex: what the device's lock is told.
    pub script_sha256: String,
    /// What its arguments are called, in order.
    pub parameters: Vec<String>,
    /// Who wrote it.
    pub created_by: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A version with its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScriptVersionView {
    /// Of which script.
    pub script_id: ScriptId,
    /// What people call it.
    pub script_name: String,
    /// Whose; absent: shared by all businesses.
    pub business_id: Option<BusinessId>,
    /// The version.
    pub version: ScriptVersionRow,
    /// The text.
    pub script: String,
}

/// What is asked to add a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ScriptInput {
    /// Whose; absent: shared by all businesses.
    #[serde(default)]
    pub business_id: Option<BusinessId>,
    /// What people call it.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Line"))]
    pub script_name: String,
    /// What it is for; may be empty.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::ApprovalNote"))]
    pub description: String,
    /// Its first version.
    pub version: ScriptVersionInput,
}

/// What is asked to add a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ScriptVersionInput {
    /// What reads it.
    pub shell: Shell,
    /// The text.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::ScriptText"))]
    pub script: String,
    /// What its arguments are called, in order.
    #[serde(default)]
    pub parameters: Vec<String>,
}

/// What is asked to rename or describe a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ScriptChange {
    /// What people call it.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Line"))]
    pub script_name: String,
    /// What it is for; may be empty.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::ApprovalNote"))]
    pub description: String,
}

list_query! {
    /// What is asked of the scripts, by name.
    ScriptQuery, {
        /// Those that can be asked for in this business: its own and the shared ones.
        business_id: BusinessId,
        /// Only for what this reads.
        shell: Shell,
        /// True: also those that were put away.
        archived: bool,
    }
}

impl ScriptVersionInput {
    /// Line ends as shells take them, and everything within bounds.
    ///
    /// # Errors
    /// Names the field.
    pub fn checked(self) -> Result<Self, Problem> {
        // Forms send CRLF, which a shell takes for part of the last word.
        let script =
            if self.shell == Shell::Powershell { self.script } else { self.script.replace("\r\n", "\n") };
        if script.trim().is_empty() || script.len() > SCRIPT_BYTES_MAX {
            return Err(Problem::invalid("script", format!("1 to {SCRIPT_BYTES_MAX} bytes.")));
        }
        if script.contains('\0') {
            return Err(Problem::invalid("script", "A script is text, without zero bytes."));
        }
        if self.parameters.len() > PARAMETERS_MAX {
            return Err(Problem::invalid("parameters", format!("At most {PARAMETERS_MAX} of them.")));
        }
        let mut parameters = Vec::new();
        for name in &self.parameters {
            let name = line("parameters", name)?;
            if name.chars().count() > NAME_MAX.min(crate::input::NAME_MAX) || parameters.contains(&name) {
                return Err(Problem::invalid("parameters", "Each has a name of its own."));
            }
            parameters.push(name);
        }
        Ok(Self { shell: self.shell, script, parameters })
    }
}

/// What a script is for, within bounds.
///
/// # Errors
/// Names the field.
pub fn description(text: &str) -> Result<String, Problem> {
    paragraph("description", text, REASON_MAX).map(Option::unwrap_or_default)
}
