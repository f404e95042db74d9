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
