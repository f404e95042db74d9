//! What a business wants decided by people, as it is shown and set.

use crate::{
    command::{APPROVALS_MAX, ApprovalPolicy, ApprovalRule, CommandKind, DECIDE_SECONDS_DEFAULT, Strength},
    id::{BusinessId, UserId},
    page::list_query,
    problem::Problem,
    suggestion::PROPOSED,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Most rules of one policy.
pub const RULES_MAX: usize = 20;
/// Seconds that people have at least to decide: a minute.
pub const DECIDE_SECONDS_MIN: u32 = 60;
/// Seconds that people have at most: an order is good for a day, and nothing waits longer.
pub const DECIDE_SECONDS_MAX: u32 = DECIDE_SECONDS_DEFAULT;

/// A policy, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApprovalPolicyView {
    /// For whom it was asked; absent: the MSP.
    pub business_id: Option<BusinessId>,
    /// The name of whom.
    pub business_name: Option<String>,
    /// What holds.
    pub policy: ApprovalPolicy,
    /// True: nothing of its own holds, but what is decided further up.
    pub inherits: bool,
    /// The last revision of its own, from 1; 0: there is none.
    pub revision: u64,
    /// When that was written.
    pub changed_at: Option<DateTime<Utc>>,
    /// By whom.
    pub changed_by: Option<String>,
}

/// One revision as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApprovalPolicyRevision {
    /// From 1.
    pub revision: u64,
    /// True: from then on what is decided further up held.
    pub inherits: bool,
    /// What was written.
    pub policy: ApprovalPolicy,
    /// By whom.
    pub created_by: Option<UserId>,
    /// Their name.
    pub created_by_name: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// What is asked to write another revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApprovalPolicyInput {
    /// The revision that was read, 0 for none: so that nobody writes over what they have not seen.
    pub revision: u64,
    /// True: what is decided further up holds, and the rest of this is left alone.
    #[serde(default)]
    pub inherits: bool,
    /// The first rule that names a kind holds for it.
    #[serde(default)]
    pub rules: Vec<ApprovalRule>,
    /// Seconds that people have to decide.
    #[serde(default = "decide_seconds")]
    pub decide_seconds: u32,
    /// True: one person alone may let something pass in an emergency.
    #[serde(default)]
    pub allows_break_glass: bool,
    /// How many people have to agree before strong commands go on after a stop.
    #[serde(default = "rearm_approvals")]
    pub rearm_approvals: u32,
    /// What the server may ask for by itself when an alert proposes it. What is strong still needs its people.
    #[serde(default)]
    pub automatic: Vec<CommandKind>,
}

const fn decide_seconds() -> u32 {
    DECIDE_SECONDS_DEFAULT
}

const fn rearm_approvals() -> u32 {
    crate::command::REARM_APPROVALS_DEFAULT
}

impl ApprovalPolicyInput {
    /// What was asked for, as a policy.
    ///
    /// # Errors
    /// Names the field.
    pub fn checked(self) -> Result<ApprovalPolicy, Problem> {
        if self.rules.len() > RULES_MAX {
            return Err(Problem::invalid("rules", format!("At most {RULES_MAX} rules.")));
        }
        let mut named = Vec::new();
        for rule in &self.rules {
            if rule.kinds.is_empty() {
                return Err(Problem::invalid("rules", "A rule names at least one kind of command."));
            }
            for kind in &rule.kinds {
                if named.contains(kind) {
                    let detail = format!("“{}” stands in two rules; one of them has to go.", kind.label());
                    return Err(Problem::invalid("rules", detail));
                }
                named.push(*kind);
                if kind.strength() == Strength::Strong && rule.approvals_needed == 0 {
                    let detail =
                        format!("“{}” is strong: at least one person has to approve it.", kind.label());
                    return Err(Problem::invalid("rules", detail));
                }
            }
            if rule.approvals_needed > APPROVALS_MAX {
                let detail = format!("A rule asks for at most {APPROVALS_MAX} people.");
                return Err(Problem::invalid("rules", detail));
            }
        }
        for (place, kind) in self.automatic.iter().enumerate() {
            if !PROPOSED.contains(kind) {
                let detail = format!("No alert proposes “{}”.", kind.label());
                return Err(Problem::invalid("automatic", detail));
            }
            if self.automatic[..place].contains(kind) {
                return Err(Problem::invalid("automatic", format!("“{}” stands there twice.", kind.label())));
            }
        }
        for (field, value, least, most) in [
            ("decide_seconds", self.decide_seconds, DECIDE_SECONDS_MIN, DECIDE_SECONDS_MAX),
            ("rearm_approvals", self.rearm_approvals, 1, APPROVALS_MAX),
        ] {
            if !(least..=most).contains(&value) {
                return Err(Problem::invalid(field, format!("Between {least} and {most}.")));
            }
        }
        Ok(ApprovalPolicy {
            id: None,
            business_id: None,
            rules: self.rules,
            decide_seconds: self.decide_seconds,
            allows_break_glass: self.allows_break_glass,
            rearm_approvals: self.rearm_approvals,
            automatic: self.automatic,
        })
    }
}

list_query! {
    /// What is asked of the businesses' policies, by the name of the business.
    ApprovalPolicyQuery, {}
}
