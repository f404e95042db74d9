//! Who may do what: one pure table, asked by the server to refuse and by the portal to leave a button out.

use crate::{platform::words, user::Role};
use serde::{Deserialize, Serialize};

words! {
    /// A named permission: what a person may be permitted to do to a row within their reach.
    Action {
        /// Decide requests that other people made.
        Approve = "approve",
        /// Acknowledge and resolve alerts.
        HandleAlert = "handle_alert",
        /// Make service accounts, and see and revoke the API keys of others.
        ManageApiKey = "manage_api_key",
        /// Add, rename and switch off businesses.
        ManageBusiness = "manage_business",
        /// Say how many people have to approve what.
        ManageCommandPolicy = "manage_command_policy",
        /// Rename, move or describe a device.
        ManageDevice = "manage_device",
        /// Say what is watched: log sources, alert rules.
        ManageMonitoring = "manage_monitoring",
        /// Bring releases of the agent and the roots that they are believed by, and take releases back.
        ManageRelease = "manage_release",
        /// Make roles from permissions.
        ManageRole = "manage_role",
        /// Roll releases out: make, start, hold and undo rollouts.
        ManageRollout = "manage_rollout",
        /// Write scripts for the library.
        ManageScript = "manage_script",
        /// Add and change service locations.
        ManageServiceLocation = "manage_service_location",
        /// Say how people sign in: second factors, OpenID Connect.
        ManageSignIn = "manage_sign_in",
        /// Invite people, change what they may do, switch them off.
        ManageUser = "manage_user",
        /// Give a device to another business.
        MoveDevice = "move_device",
        /// Make and revoke registration tokens.
        RegisterDevice = "register_device",
        /// Ask devices to do something; what is strong still takes others who approve it.
        RequestCommand = "request_command",
        /// End a device's access for good.
        RevokeDevice = "revoke_device",
        /// Stop strong commands in an emergency.
        StopCommands = "stop_commands",
        /// See what was done by whom.
        ViewAudit = "view_audit",
        /// See who works here.
        ViewUser = "view_user",
    }
}

impl Action {
    /// What it allows, for people who put a role together.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Approve => "Decide requests of others",
            Self::HandleAlert => "Acknowledge and resolve alerts",
            Self::ManageApiKey => "Manage service accounts and API keys",
            Self::ManageBusiness => "Manage businesses",
            Self::ManageCommandPolicy => "Say what has to be approved",
            Self::ManageDevice => "Rename and describe devices",
            Self::ManageMonitoring => "Manage what is watched",
            Self::ManageRelease => "Manage releases of the agent",
            Self::ManageRole => "Manage roles",
            Self::ManageRollout => "Manage rollouts",
            Self::ManageScript => "Manage scripts",
            Self::ManageServiceLocation => "Manage service locations",
            Self::ManageSignIn => "Manage how people sign in",
            Self::ManageUser => "Manage people",
            Self::MoveDevice => "Move devices to another business",
            Self::RegisterDevice => "Add devices",
            Self::RequestCommand => "Ask devices to do something",
            Self::RevokeDevice => "Revoke devices",
            Self::StopCommands => "Stop commands in an emergency",
            Self::ViewAudit => "See the audit log",
            Self::ViewUser => "See people",
        }
    }

    /// True for what a stolen session must not be enough for: the person has to have proved who they are in the last
    /// minutes, and an API key cannot do it at all.
    #[must_use]
    pub const fn needs_confirmation(self) -> bool {
        matches!(
            self,
            Self::Approve
                | Self::ManageApiKey
                | Self::ManageCommandPolicy
                | Self::ManageRelease
                | Self::ManageRole
                | Self::ManageSignIn
                | Self::ManageUser
                | Self::MoveDevice
                | Self::RevokeDevice
        )
    }

    /// True for what only the MSP's own people can ever hold.
    #[must_use]
    pub const fn is_for_msp(self) -> bool {
        matches!(
            self,
            Self::ManageBusiness
                | Self::ManageRelease
                | Self::ManageRole
                | Self::ManageRollout
                | Self::ManageSignIn
                | Self::MoveDevice
                | Self::RegisterDevice
        )
    }
}

/// May this role do this, to a row that is within its reach? Reading devices, businesses and service locations
/// needs no permission beyond reach.
#[must_use]
pub const fn may(role: Role, action: Action) -> bool {
    match role {
        Role::MspAdmin => true,
        Role::Technician => matches!(
            action,
            Action::HandleAlert
                | Action::ManageDevice
                | Action::ManageMonitoring
                | Action::ManageScript
                | Action::ManageServiceLocation
                | Action::RequestCommand
                | Action::StopCommands
        ),
        Role::Auditor => matches!(action, Action::ViewUser | Action::ViewAudit),
        Role::BusinessOwner => matches!(
            action,
            Action::ViewUser
                | Action::ViewAudit
                | Action::ManageUser
                | Action::ManageApiKey
                | Action::RequestCommand
                | Action::StopCommands
        ),
        Role::Contact => false,
    }
}

/// Permissions that somebody holds; each once, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(from = "Vec<Action>", into = "Vec<Action>")]
pub struct Permissions(Vec<Action>);

impl From<Vec<Action>> for Permissions {
    fn from(mut actions: Vec<Action>) -> Self {
        actions.sort_unstable();
        actions.dedup();
        Self(actions)
    }
}

impl From<Permissions> for Vec<Action> {
    fn from(permissions: Permissions) -> Self {
        permissions.0
    }
}

impl Permissions {
    /// Those of a role.
    #[must_use]
    pub fn of_role(role: Role) -> Self {
        Self(Action::ALL.iter().copied().filter(|action| may(role, *action)).collect())
    }

    /// Is this one among them?
    #[must_use]
    pub fn allow(&self, action: Action) -> bool {
        self.0.contains(&action)
    }

    /// Are all of those among these?
    #[must_use]
    pub fn include(&self, others: &Self) -> bool {
        others.0.iter().all(|action| self.allow(*action))
    }

    /// These and those.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        Self::from([self.0.as_slice(), others.0.as_slice()].concat())
    }

    /// What is among both.
    #[must_use]
    pub fn only(&self, others: &Self) -> Self {
        Self(self.0.iter().copied().filter(|action| others.allow(*action)).collect())
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Action> + '_ {
        self.0.iter().copied()
    }

    /// Is there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What somebody holds: the permissions of their role, or of the custom role that stands in for it, and those granted
/// beside it. Whatever is written down, a customer's person never holds what is for the MSP alone.
#[must_use]
pub fn held(role: Role, custom: Option<&Permissions>, extra: &Permissions) -> Permissions {
    let own = custom.cloned().unwrap_or_else(|| Permissions::of_role(role)).and(extra);
    if role.is_msp() {
        return own;
    }
    Permissions(own.iter().filter(|action| !action.is_for_msp()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn the_policy_reads_as_a_table() {
        let mut table = String::new();
        for action in Action::ALL {
            let allowed: Vec<_> =
                Role::ALL.iter().filter(|role| may(**role, *action)).map(|role| role.word()).collect();
            let confirmed = if action.needs_confirmation() { "confirm" } else { "-" };
            let whose = if action.is_for_msp() { "msp only" } else { "anybody" };
            writeln!(table, "{:<24} {confirmed:<8} {whose:<9} {}", action.word(), allowed.join(" "))
                .expect("a string takes all");
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn nobody_of_a_customer_holds_what_is_for_the_msp() {
        let everything = Permissions::from(Action::ALL.to_vec());
        for role in Role::ALL {
            let held = held(*role, Some(&everything), &everything);
            assert_eq!(held.iter().any(Action::is_for_msp), role.is_msp(), "{}", role.word());
            assert!(Permissions::of_role(*role).iter().all(|action| role.is_msp() || !action.is_for_msp()));
        }
    }

    #[test]
    fn a_custom_role_stands_in_for_the_own_one_and_extras_come_on_top() {
        let custom = Permissions::from(vec![Action::ViewUser, Action::ViewUser]);
        let extra = Permissions::from(vec![Action::Approve]);
        let held = held(Role::Technician, Some(&custom), &extra);
        assert_eq!(Vec::from(held.clone()), vec![Action::Approve, Action::ViewUser]);
        assert!(held.include(&extra) && !extra.include(&held));
        assert_eq!(held.only(&extra), extra);
    }
}
