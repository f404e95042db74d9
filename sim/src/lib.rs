//! Simulated agents: they speak the wire exactly as real ones do, many in one process, with data made from a seed.
//! The tests' agents are these, and the binary `reeve-sim` runs ten thousand of them.

mod agent;
mod asker;
mod command;
mod door;
mod estate;
mod fleet;
mod hostile;
mod key;
mod log;
mod machine;
mod rhythm;
mod socket;
mod spool;
mod state;
mod tally;
mod trouble;

pub use agent::{Agent, Fate, Identity, Updates};
pub use asker::{ask, keep_asking};
pub use command::Asked;
pub use door::{Door, Reply};
pub use estate::{Credential, Estate};
pub use fleet::{Fleet, Manner, Order};
pub use hostile::{Misdeed, frame, misbehave};
pub use key::{Key, register_request};
pub use log::LogCount;
pub use machine::{Machine, hello};
pub use rhythm::{Rhythm, Stamps};
pub use socket::Socket;
pub use spool::{Batch, Count, Spool};
pub use state::State;
pub use tally::{Commands, Kind, Latency, Tally};
pub use trouble::Trouble;
