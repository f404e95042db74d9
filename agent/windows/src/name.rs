//! What things of the agent are called on Windows: pipes, credentials, the service, values in the Run keys.

/// Service name, and name of the values in the Run keys.
pub const AGENT: &str = "ReeveAgent";

/// In whose name an agent runs on Windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// For the machine: SYSTEM or an elevated administrator.
    Machine,
    /// For one user.
    User {
        /// The user's SID as text, such as `S-1-5-21-…-1001`.
        sid: String,
    },
}

impl Scope {
    fn word(&self) -> &'static str {
        match self {
            Self::Machine => "SYSTEM",
            Self::User { .. } => "USER",
        }
    }
}

/// Name of the pipe that the agent of this scope listens on. `instance` tells agents with data directories of their
/// own apart; the usual one has none.
#[must_use]
pub fn pipe(scope: &Scope, instance: Option<&str>) -> String {
    let mut name = format!(r"\\.\pipe\Reeve_IPC_{}", scope.word());
    if let Scope::User { sid } = scope {
        name.push('_');
        name.push_str(sid);
    }
    if let Some(instance) = instance {
        name.push('_');
        name.extend(instance.chars().filter(char::is_ascii_alphanumeric).take(64));
    }
    name
}

/// Target name of the secret of this scope in the Credential Manager. `instance` as for the pipe.
#[must_use]
pub fn credential(scope: &Scope, instance: Option<&str>) -> String {
    let mut name = format!("Reeve/IPCSecret/{}", scope.word());
    if let Some(instance) = instance {
        name.push('/');
        name.extend(instance.chars().filter(char::is_ascii_alphanumeric).take(64));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_scopes_and_instances_apart() {
        let user = Scope::User { sid: "S-1-5-21-1-2-3-1001".to_owned() };
        assert_eq!(pipe(&Scope::Machine, None), r"\\.\pipe\Reeve_IPC_SYSTEM");
        assert_eq!(pipe(&user, None), r"\\.\pipe\Reeve_IPC_USER_S-1-5-21-1-2-3-1001");
        assert_eq!(pipe(&Scope::Machine, Some("ab12")), r"\\.\pipe\Reeve_IPC_SYSTEM_ab12");
        assert_eq!(credential(&Scope::Machine, None), "Reeve/IPCSecret/SYSTEM");
        assert_eq!(credential(&user, None), "Reeve/IPCSecret/USER");
        assert_eq!(credential(&user, Some("ab12")), "Reeve/IPCSecret/USER/ab12");
    }

    #[test]
    fn an_instance_cannot_leave_its_place_in_a_name() {
        assert_eq!(pipe(&Scope::Machine, Some(r"..\x/y")), r"\\.\pipe\Reeve_IPC_SYSTEM_xy");
        assert!(pipe(&Scope::Machine, Some(&"a".repeat(500))).len() < 120);
    }
}
