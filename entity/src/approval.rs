//! Lock one as people see it: requests that wait for somebody, what was said about them, and what one may say.

use crate::{
    command::{ApprovalView, RequestRow, RequestState, TargetPreview},
    id::{BusinessId, UserId},
    page::list_query,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Longest note of somebody who decides, in characters.
pub const NOTE_MAX: usize = crate::command::REASON_MAX;
/// Most devices that a request shows beside itself; the others are in the list of commands.
pub const DEVICES_SHOWN: u64 = 20;

/// A request as those see it who decide it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DecisionView {
    /// What is asked.
    pub request: RequestRow,
    /// Who said what about it.
    pub approvals: Vec<ApprovalView>,
    /// How many people are still missing, as far as those count now who said yes.
    pub missing: u32,
    /// Somebody of the one side is still missing, as well or instead.
    pub is_side_missing: bool,
    /// Are strong commands stopped for this business now?
    pub is_stopped: bool,
    /// The first of its devices within reach, each with both locks as they are now.
    pub devices: Vec<TargetPreview>,
    /// What whoever asks may do about it.
    pub may: DecisionPowers,
}

/// What somebody may do about a request now. What needs a confirmed identity is told as if there were one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DecisionPowers {
    /// Say yes.
    pub approve: bool,
    /// Say no.
    pub reject: bool,
    /// Take their own yes back.
    pub revoke: bool,
    /// Let it pass alone, in an emergency.
    pub break_glass: bool,
    /// Look at it afterwards.
    pub review: bool,
    /// Why not, in a sentence, when it waits and they may do nothing.
    pub why_not: Option<String>,
}

/// What is said with a yes or a no.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DecisionInput {
    /// SHA-256 of the request that was read, hex: a yes to something else is none.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Sha256Hex"))]
    pub request_sha256: String,
    /// In their words; may be empty.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::ApprovalNote"))]
    pub note: String,
}

/// What is said to let something pass alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BreakGlassInput {
    /// SHA-256 of the request that was read, hex.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Sha256Hex"))]
    pub request_sha256: String,
    /// Why it cannot wait for the others; somebody else reads it afterwards.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Reason"))]
    pub reason: String,
}

/// What is said by whoever looks at it afterwards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReviewInput {
    /// What they think of it.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Reason"))]
    pub note: String,
}

list_query! {
    /// What is asked of the requests that people decide, newest first.
    DecisionQuery, {
        /// Only of this business.
        business_id: BusinessId,
        /// Only in this state; those that wait when absent.
        state: RequestState,
        /// True: only those that whoever asks may decide now, or has to look at.
        mine: bool,
        /// True: only those that one person let pass and nobody has looked at since, whatever their state.
        unreviewed: bool,
        /// Only those that this person asked for.
        requested_by: UserId,
    }
}

/// An entry about a break-glass, for who looks at it afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReviewView {
    /// Who let it pass.
    pub opened_by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub opened_at: DateTime<Utc>,
    /// Who looked at it.
    pub reviewed_by: Option<String>,
    /// When.
    pub reviewed_at: Option<DateTime<Utc>>,
    /// What they thought.
    pub note: Option<String>,
}
