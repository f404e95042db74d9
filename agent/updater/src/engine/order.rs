//! What goes into the brain and what comes out of it.

use crate::{channel::ToAgent, selfcheck::SelfCheck};
use chrono::{DateTime, Utc};
use std::path::PathBuf;

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// By a clock that only goes forward, in milliseconds.
    pub mono_ms: u64,
    /// By the machine's clock, which nothing depends on.
    pub wall: DateTime<Utc>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Write this line to the log.
    Say(String),
    /// Tell the agent.
    Send(Box<ToAgent>),
    /// Run `<program> selfcheck --nonce <nonce>` and say what came of it.
    Probe {
        /// Which program.
        program: PathBuf,
        /// For its receipt.
        nonce: String,
        /// Why it is asked.
        purpose: Purpose,
    },
    /// Ask the agent to end, and end it by force if it does not.
    Stop,
    /// End the agent by force.
    Kill,
    /// End the agent and this process in order, so that the service manager starts the supervisor that lies in its place.
    Leave,
}

/// Why a program is asked what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It is new, and nothing depends on it yet.
    New,
    /// It is the one before, and is to say whether the server can be reached from here.
    Control,
    /// It is the next supervisor.
    Supervisor,
}

/// What came of asking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The answer, when it was one.
    pub answer: Option<SelfCheck>,
    /// How the program ended and what it wrote to its standard error, for people.
    pub detail: String,
}

/// What to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The program, of which every byte was read just now.
    pub program: PathBuf,
    /// True when it speaks the channel: a program without a build stamp is from before it, or somebody else's.
    pub is_channel: bool,
}

/// What follows the end of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The next one is started at once.
    AtOnce,
    /// It is started again after a while, however it ended.
    Again,
    /// As ever: after a while, or not at all when it ended in order.
    AsEver,
}

/// 128 bits that nobody can guess, as 32 hex digits. Without a source of chance there are none, and nothing that was
/// signed for a question is believed.
pub(super) fn nonce() -> String {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => hex::encode(bytes),
        Err(_) => String::new(),
    }
}
