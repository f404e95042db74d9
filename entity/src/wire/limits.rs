//! Every size and count that both ends of the wire obey.

/// Largest frame or request body an agent may send. The largest honest one is a software inventory:
/// 20,000 items of some 150 bytes.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest message over a socket. Small, because a socket keeps the memory of its largest message for as long as it
/// lives, and ten thousand may be half way through one: what is larger goes over HTTP, where nothing is read before
/// there is room for it.
pub const SOCKET_MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Bodies and messages of agents that may be in memory at once, from the first byte to the commit; beyond it they are
/// told to come back.
pub const INGEST_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Seconds that a body may take to arrive.
pub const BODY_SECONDS_MAX: u64 = 60;
/// Most samples of one message.
pub const SAMPLES_PER_MESSAGE_MAX: usize = 120;
/// Largest frame the server sends.
pub const TO_AGENT_BYTES_MAX: usize = 256 * 1024;
/// Most log entries of one message.
pub const LOG_ENTRIES_PER_MESSAGE_MAX: usize = 1_000;
/// Most entries of a device's own record of one message.
pub const CHAIN_ENTRIES_PER_MESSAGE_MAX: usize = 100;
/// Read buffer of a server socket: 8 kB instead of 136 kB of memory per device.
pub const SOCKET_READ_BUFFER_BYTES: usize = 4096;
/// Oldest sample that is accepted, in days: what is older would be dropped by retention at once.
pub const SAMPLE_AGE_DAYS_MAX: i64 = 400;
/// How far ahead of the server's clock a sample may be, in seconds: a day, because either clock may be wrong for a while,
/// and what was acknowledged must not be lost for it.
pub const SAMPLE_AHEAD_SECONDS_MAX: i64 = 86_400;
/// A socket that has been silent for so many seconds is closed by either end.
pub const SOCKET_SILENCE_SECONDS: u64 = 30;
