//! What the form of a policy sends: a number and who, for each kind. Pure.

use entity::{
    approval_policy::ApprovalPolicyInput,
    command::{ApprovalPolicy, ApprovalRule, Approver, CommandKind, Strength},
    problem::Problem,
    suggestion::PROPOSED,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The fields of the form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyForm {
    /// The revision that was read.
    pub revision: u64,
    /// How many people, by kind.
    pub needed: HashMap<String, u32>,
    /// Who, by kind.
    pub approver: HashMap<String, Approver>,
    /// Hours that people have to decide.
    pub decide_hours: String,
    /// May one person alone let something pass in an emergency?
    pub allows_break_glass: bool,
    /// How many people let strong commands go on after a stop.
    pub rearm_approvals: u32,
    /// What the server may ask for by itself, by kind.
    pub automatic: HashMap<String, bool>,
    /// True: what is decided for everybody holds.
    pub inherits: bool,
}

impl PolicyForm {
    /// As the server takes it: kinds that take the same stand in one rule.
    ///
    /// # Errors
    /// Names the field.
    pub fn input(self) -> Result<ApprovalPolicyInput, Problem> {
        let mut rules: Vec<ApprovalRule> = Vec::new();
        for kind in CommandKind::ALL {
            // What is not said is what the kind takes at least.
            let least = u32::from(kind.strength() == Strength::Strong);
            let approvals_needed = self.needed.get(kind.word()).copied().unwrap_or(least);
            let approver = self.approver.get(kind.word()).copied().unwrap_or(Approver::Anyone);
            if approvals_needed == 0 && kind.strength() != Strength::Strong {
                continue;
            }
            let alike = |rule: &&mut ApprovalRule| {
                rule.approvals_needed == approvals_needed && rule.approver == approver
            };
            match rules.iter_mut().find(alike) {
                Some(rule) => rule.kinds.push(*kind),
                None => rules.push(ApprovalRule { kinds: vec![*kind], approvals_needed, approver }),
            }
        }
        let hours: u32 = match self.decide_hours.trim() {
            "" => 0,
            text => text
                .parse()
                .ok()
                .filter(|hours| (1..=24).contains(hours))
                .ok_or_else(|| Problem::invalid("decide_hours", "Write a number of hours, 1 to 24."))?,
        };
        let is_automatic = |kind: &CommandKind| self.automatic.get(kind.word()).copied().unwrap_or_default();
        Ok(ApprovalPolicyInput {
            automatic: PROPOSED.into_iter().filter(|kind| !self.inherits && is_automatic(kind)).collect(),
            revision: self.revision,
            inherits: self.inherits,
            rules: if self.inherits { Vec::new() } else { rules },
            decide_seconds: if hours == 0 { 24 * 3600 } else { hours * 3600 },
            allows_break_glass: self.allows_break_glass,
            rearm_approvals: self.rearm_approvals.max(1),
        })
    }
}

/// What a policy says about a kind.
pub(super) fn of_kind(policy: &ApprovalPolicy, kind: CommandKind) -> (u32, Approver) {
    let least = u32::from(kind.strength() == Strength::Strong);
    policy
        .rules
        .iter()
        .find(|rule| rule.kinds.contains(&kind))
        .map_or((least, Approver::Anyone), |rule| (rule.approvals_needed.max(least), rule.approver))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_that_take_the_same_stand_in_one_rule() {
        let mut form = PolicyForm { rearm_approvals: 2, ..PolicyForm::default() };
        for kind in CommandKind::ALL.iter().filter(|kind| kind.strength() == Strength::Strong) {
            form.needed.insert(kind.word().to_owned(), 1);
        }
        form.needed.insert("reboot".to_owned(), 2);
        form.approver.insert("reboot".to_owned(), Approver::Both);
        let input = form.input().expect("all is filled in");
        assert_eq!(input.rules.len(), 2);
        let policy = input.checked().expect("it is acceptable");
        assert_eq!(of_kind(&policy, CommandKind::Reboot), (2, Approver::Both));
        assert_eq!(of_kind(&policy, CommandKind::RunScript), (1, Approver::Anyone));
        assert_eq!(of_kind(&policy, CommandKind::NotifyOps), (0, Approver::Anyone));
    }

    #[test]
    fn hours_are_a_day_at_most() {
        let form = PolicyForm { decide_hours: "25".to_owned(), ..PolicyForm::default() };
        assert_eq!(form.input().map_err(|problem| problem.field), Err(Some("decide_hours".to_owned())));
    }
}
