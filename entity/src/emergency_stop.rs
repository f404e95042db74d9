//! The emergency stop as people see it: one person stops strong commands, several let them go on.

use crate::id::{BusinessId, UserId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Whether strong commands are stopped, for a business or for all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EmergencyStopView {
    /// Which business; absent: all of them.
    pub business_id: Option<BusinessId>,
    /// Its name.
    pub business_name: Option<String>,
    /// Rises with every decision; 0: there was none.
    pub seq: u64,
    /// True: no device begins anything strong.
    pub is_stopped: bool,
    /// Why, in the words of who decided.
    pub reason: String,
    /// Who decided last, by name.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// How many people have to agree before it goes on.
    pub rearm_approvals: u32,
    /// Who has.
    pub rearms: Vec<RearmView>,
    /// May whoever asks stop it?
    pub may_stop: bool,
    /// May whoever asks say that it may go on, with a confirmed identity?
    pub may_rearm: bool,
}

/// One person's word that strong commands may go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RearmView {
    /// Who.
    pub user_id: UserId,
    /// Their name at that time.
    pub user_name: String,
    /// In their words.
    pub note: Option<String>,
    /// When.
    pub approved_at: DateTime<Utc>,
    /// False: they may not decide this any more, and it does not count.
    pub counts: bool,
}

/// What is asked to stop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StopInput {
    /// Which business; absent: all of them.
    #[serde(default)]
    pub business_id: Option<BusinessId>,
    /// Why; may be empty, because stopping must be easy.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::ApprovalNote"))]
    pub reason: String,
}

/// What is asked to let strong commands go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RearmInput {
    /// Which business; absent: all of them.
    #[serde(default)]
    pub business_id: Option<BusinessId>,
    /// The stop that was read: nobody lifts another one.
    pub seq: u64,
    /// Why it is safe; may be empty.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::ApprovalNote"))]
    pub note: String,
}

/// What is asked of the stops.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StopQuery {
    /// Only what is about this business: its own stop, and that for all.
    #[serde(default)]
    pub business_id: Option<BusinessId>,
    /// True: only stops that hold now.
    #[serde(default)]
    pub stopped: bool,
}
