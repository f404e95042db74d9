//! Who may do what, in Windows' own notation (SDDL): the descriptors that the agent gives to its pipe and its folder.

use crate::name::Scope;

/// For the data directory: SYSTEM and Administrators for the machine's, the user as well for a user's. Nothing comes
/// from the folder above, everything goes to what is inside.
#[must_use]
pub fn folder(scope: &Scope) -> String {
    match scope {
        Scope::Machine => "O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)".to_owned(),
        Scope::User { sid } => format!("D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;{sid})"),
    }
}

/// For a key of the registry that holds a secret for a while: SYSTEM and Administrators.
pub const KEY: &str = "D:PAI(A;CI;KA;;;SY)(A;CI;KA;;;BA)";

/// For the pipe: SYSTEM and Administrators, and the user of a user's agent.
#[must_use]
pub fn pipe(scope: &Scope) -> String {
    match scope {
        Scope::Machine => "D:P(A;;GA;;;SY)(A;;GA;;;BA)".to_owned(),
        // The user owns the pipe; a server has to be able to make its next instance, which GENERIC_ALL holds.
        Scope::User { sid } => format!("D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;{sid})"),
    }
}

/// Who may appear as owner, or be allowed anything, in what belongs to an agent of this scope.
#[must_use]
pub fn trusted(scope: &Scope) -> Vec<String> {
    // As alias and in full: which of both the system writes depends on its version.
    let mut list: Vec<String> =
        ["SY", "S-1-5-18", "BA", "S-1-5-32-544"].into_iter().map(str::to_owned).collect();
    if let Scope::User { sid } = scope {
        list.push(sid.clone());
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_things_are_for_system_and_administrators_alone() {
        assert_eq!(folder(&Scope::Machine), "O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)");
        assert_eq!(pipe(&Scope::Machine), "D:P(A;;GA;;;SY)(A;;GA;;;BA)");
        assert_eq!(trusted(&Scope::Machine).len(), 4);
    }

    #[test]
    fn a_users_things_are_for_that_user_too() {
        let user = Scope::User { sid: "S-1-5-21-1-2-3-1001".to_owned() };
        assert!(folder(&user).ends_with("(A;OICI;FA;;;S-1-5-21-1-2-3-1001)"));
        assert!(pipe(&user).ends_with("(A;;GA;;;S-1-5-21-1-2-3-1001)"));
        assert!(trusted(&user).contains(&"S-1-5-21-1-2-3-1001".to_owned()));
    }
}
