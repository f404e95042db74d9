//! What a program says of itself when it is asked before anything depends on it: one line of JSON on its standard output.

use entity::{
    platform::{Arch, Os},
    release::Libc,
    update::Running,
};
use serde::{Deserialize, Serialize};

/// Longest answer, in bytes; a longer one is none.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The answer to `reeve-agent selfcheck --nonce N --data-dir DIR`, and of `reeve-updater selfcheck`, which reaches no
/// server and therefore leaves the last four as they are by default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfCheck {
    /// What the program is, by its stamp.
    pub running: Running,
    /// For which system it was built.
    pub os: Os,
    /// For which processor.
    pub arch: Arch,
    /// For which C library; Linux only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libc: Option<Libc>,
    /// Version of the configuration that it writes.
    #[serde(default)]
    pub config_schema: u64,
    /// Version of the spool that it writes.
    #[serde(default)]
    pub spool_schema: u64,
    /// True when a copy of this machine's configuration could be read, and brought up to date.
    #[serde(default)]
    pub is_config_good: bool,
    /// True when the server answered as an authenticated server does.
    #[serde(default)]
    pub is_server_reached: bool,
    /// True when the server answered 429 or 503, or asked to come later.
    #[serde(default)]
    pub is_server_busy: bool,
    /// The signed receipt for the nonce, when the server gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
}
