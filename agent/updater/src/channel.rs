//! What supervisor and agent say to each other: JSON lines, from the supervisor into the agent's standard input and back
//! by the agent's standard output. Inherited, so nobody else can speak on it. Its end asks the agent to stop: an agent
//! never outlives its supervisor.

use entity::{
    id::UpdateId,
    release::{Reason, Sha256Hex},
    update::{Running, TrustAnswer, UpdateAnswer, UpdateStatus},
};
use serde::{Deserialize, Serialize};

/// The version of this channel; a supervisor speaks the lower of its own and the agent's.
pub const CHANNEL: u16 = 1;
/// Longest line, in bytes; a longer one ends the channel.
pub const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Agent → supervisor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToSupervisor {
    /// The first line: what runs. Sent before anything else is done.
    Hello {
        /// [`CHANNEL`] of the agent.
        channel: u16,
        /// What the program says that it is.
        running: Running,
    },
    /// A sign of life, every five seconds.
    Beat(Beat),
    /// A signed [`entity::release::Receipt`], as envelope text.
    Receipt {
        /// The envelope.
        receipt: String,
    },
    /// Tell me what to ask the server: answered with [`ToAgent::Question`].
    Ask,
    /// What the server answered to `freshness`, or with 204 to `check_update`: nothing is due.
    Fresh {
        /// The signed documents.
        trust: TrustAnswer,
    },
    /// What the server answered with 200 to `check_update`.
    Offer {
        /// The answer as it came.
        answer: Box<UpdateAnswer>,
    },
    /// The root of release trust that came with the registration, or that an administrator gave.
    Root {
        /// The envelope.
        root: String,
        /// True: an administrator of this machine says so, and it takes the place of the one that is pinned.
        replace: bool,
    },
    /// So many bytes of the artifact are in its staging file.
    Progress {
        /// Which.
        sha256: Sha256Hex,
        /// Bytes.
        bytes: u64,
    },
    /// The artifact is in its staging file, whole.
    Fetched {
        /// Which.
        sha256: Sha256Hex,
    },
    /// The artifact could not be fetched.
    NotFetched {
        /// Which.
        sha256: Sha256Hex,
        /// Why.
        reason: Reason,
        /// In words.
        detail: String,
    },
    /// The server's answer to whether the device may change over; `go` is none when it could not be asked.
    Go {
        /// Which update.
        update_id: UpdateId,
        /// What it said.
        go: Option<bool>,
    },
    /// Everything is put away; the agent may be ended.
    Quiesced,
    /// The server has stored this status; it may be forgotten.
    StatusStored {
        /// Which update.
        update_id: UpdateId,
        /// From [`UpdateStatus::step`].
        step: u32,
    },
    /// From a later build.
    #[serde(other)]
    Unknown,
}

/// What the agent says of itself every five seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Beat {
    /// Samples collected since the process began.
    pub samples: u64,
    /// Batches that the server has acknowledged since the process began.
    pub batches_acked: u64,
    /// True when the spool was written and read since the last beat, or had nothing to write.
    pub is_spool_good: bool,
    /// Collectors without a single sample since the process began, of those that are mandatory.
    #[serde(default)]
    pub silent_collectors: Vec<String>,
    /// True when the server's last answer was 429 or 503, or asked to come later.
    #[serde(default)]
    pub is_server_busy: bool,
}

/// Supervisor → agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToAgent {
    /// Answer to the agent's hello.
    Welcome {
        /// [`CHANNEL`] of the supervisor.
        channel: u16,
        /// What runs, with the digest that the supervisor read from the disk.
        running: Running,
        /// For receipts of this process: 128 bits as 32 lower-case hex digits.
        nonce: String,
        /// Seconds between requests for receipts; none when no receipts are needed.
        receipt_every_seconds: Option<u32>,
        /// Folder where artifacts are put, as `<sha256>.part`.
        staging: String,
    },
    /// Answer to [`ToSupervisor::Ask`].
    Question {
        /// For the timestamp: 128 bits as 32 lower-case hex digits.
        nonce: String,
        /// The highest sequence that the device has confirmed.
        highest_seq: u64,
        /// Version of the root that the device trusts; 0 for none.
        root_version: u64,
        /// True while an update is under way: do not ask for another.
        is_updating: bool,
    },
    /// Put this artifact into its staging file, from where it ends on.
    Fetch {
        /// Which.
        sha256: Sha256Hex,
        /// Bytes in all; never write more.
        size_bytes: u64,
    },
    /// Ask the server whether the device may change over.
    AskGo {
        /// Which update.
        update_id: UpdateId,
    },
    /// Put everything away and answer [`ToSupervisor::Quiesced`].
    Quiesce,
    /// Receipts are needed every so often, or no longer.
    Receipts {
        /// See [`ToAgent::Welcome`].
        every_seconds: Option<u32>,
    },
    /// Tell the server; sent again at each start until [`ToSupervisor::StatusStored`].
    Status(Box<UpdateStatus>),
    /// Something of an update went wrong: put it into an error report and the log.
    Failed {
        /// Why.
        reason: Reason,
        /// In words.
        detail: String,
        /// The version that failed.
        version: String,
    },
    /// What became of the root that was given.
    RootTaken {
        /// Version of the root that is trusted now; 0 for none.
        version: u64,
        /// Why the given one was not taken.
        refused: Option<Reason>,
    },
    /// From a later build.
    #[serde(other)]
    Unknown,
}
