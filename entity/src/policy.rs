//! Who may do what: one pure table, asked by the server to refuse and by the portal to leave a button out.

use crate::{platform::words, user::Role};
use serde::{Deserialize, Serialize};

words! {
    /// What a person may be permitted to do to a row within their reach.
    Action {
        /// Add and rename businesses.
        ManageBusiness = "manage_business",
        /// Rename, move or describe a device.
        ManageDevice = "manage_device",
        /// Add and change service locations.
        ManageServiceLocation = "manage_service_location",
        /// Add people, reset their passwords, switch them off.
        ManageUser = "manage_user",
        /// Make and revoke registration tokens.
        RegisterDevice = "register_device",
        /// End a device's access for good.
        RevokeDevice = "revoke_device",
        /// See who works here.
        ViewUser = "view_user",
    }
}

/// May this role do this, to a row that is within its reach? Reading devices, businesses and service locations
/// needs no permission beyond reach.
#[must_use]
pub const fn may(role: Role, action: Action) -> bool {
    match role {
        Role::MspAdmin => true,
        Role::Technician => matches!(action, Action::ManageDevice | Action::ManageServiceLocation),
        Role::Auditor | Role::BusinessOwner => matches!(action, Action::ViewUser),
        Role::Contact => false,
    }
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
            writeln!(table, "{:<24} {}", action.word(), allowed.join(" ")).expect("a string takes all");
        }
        insta::assert_snapshot!(table);
    }
}
