//! Every size and count that both ends of the wire obey.

/// Largest frame or request body an agent may send. The largest honest one is a software inventory:
/// 20,000 items of some 150 bytes.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most samples of one message.
pub const SAMPLES_PER_MESSAGE_MAX: usize = 120;
/// Largest frame the server sends.
pub const TO_AGENT_BYTES_MAX: usize = 256 * 1024;
/// Read buffer of a server socket: 8 kB instead of 136 kB of memory per device.
pub const SOCKET_READ_BUFFER_BYTES: usize = 4096;
/// Oldest sample that is accepted, in days: what is older would be dropped by retention at once.
pub const SAMPLE_AGE_DAYS_MAX: i64 = 400;
/// How far ahead of the server's clock a sample may be, in seconds.
pub const SAMPLE_AHEAD_SECONDS_MAX: i64 = 300;
/// A socket that has been silent for so many seconds is closed by either end.
pub const SOCKET_SILENCE_SECONDS: u64 = 30;
