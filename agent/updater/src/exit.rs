//! The exit codes by which the agent tells its supervisor, and a person at a shell, how it ended.

/// It ended in order because it was asked to: the supervisor ends too.
pub const CLEAN: u8 = 0;
/// Something failed that has no code of its own.
pub const FAILED: u8 = 1;
/// The command line was not understood.
pub const USAGE: u8 = 2;
/// This machine is not registered.
pub const NOT_REGISTERED: u8 = 3;
/// The server could not be reached.
pub const UNREACHABLE: u8 = 4;
/// The registration token was refused.
pub const TOKEN_REFUSED: u8 = 5;
/// This machine is registered already.
pub const ALREADY_REGISTERED: u8 = 6;
/// Another agent runs on the same data directory.
pub const ALREADY_RUNNING: u8 = 7;
/// The server answered something else than an agent can use.
pub const SERVER_REFUSED: u8 = 8;
/// The data directory does not protect what is in it: wrong owner, mode or kind. `reeve-agent doctor --fix` repairs it.
pub const UNPROTECTED: u8 = 9;
/// The agent that runs is being updated and cannot be restarted now.
pub const BUSY_UPDATING: u8 = 10;
/// The agent that runs did not take the secret of its channel, or the secret cannot be read.
pub const SECRET_REFUSED: u8 = 11;
/// The agent that runs was asked to make room and did not in time.
pub const UNRESPONSIVE: u8 = 12;
/// A supervised agent ended to be started again at once, because of `--force`; or a supervisor, because another one has
/// taken its place.
pub const RESTART: u8 = 13;
/// `doctor` found something that is wrong.
pub const UNWELL: u8 = 14;
/// This takes the rights of root or of an administrator.
pub const NOT_PERMITTED: u8 = 16;
/// The configuration cannot be used as it stands; the message names the field.
pub const CONFIG_INVALID: u8 = 15;

/// Every code with its meaning, for `--help`.
pub const ALL: &[(u8, &str)] = &[
    (CLEAN, "ended in order, or did what was asked"),
    (FAILED, "failed for a reason that has no code of its own"),
    (USAGE, "the command line was not understood"),
    (NOT_REGISTERED, "this machine is not registered"),
    (UNREACHABLE, "the server could not be reached"),
    (TOKEN_REFUSED, "the registration token was refused"),
    (ALREADY_REGISTERED, "this machine is registered already"),
    (ALREADY_RUNNING, "another agent runs on the same data directory"),
    (SERVER_REFUSED, "the server answered something that an agent cannot use"),
    (UNPROTECTED, "the data directory is not protected: see `reeve-agent doctor --fix`"),
    (BUSY_UPDATING, "--force: the agent that runs is being updated; try again later"),
    (SECRET_REFUSED, "the agent that runs did not take the secret, or it cannot be read"),
    (UNRESPONSIVE, "--force: the agent that runs did not make room in time"),
    (RESTART, "a supervised agent ended to be started again by its supervisor"),
    (UNWELL, "doctor found something that is wrong"),
    (CONFIG_INVALID, "config.json cannot be used as it stands; the message names the field"),
    (NOT_PERMITTED, "this takes the rights of root or of an administrator"),
];

/// The codes as `--help` shows them.
#[must_use]
pub fn help() -> String {
    let lines = ALL.iter().map(|(code, meaning)| format!("  {code:>3}  {meaning}"));
    format!("Exit codes:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_has_two_meanings() {
        let mut codes: Vec<u8> = ALL.iter().map(|(code, _)| *code).collect();
        codes.dedup();
        assert_eq!(codes.len(), ALL.len());
        assert!(codes.is_sorted());
    }
}
