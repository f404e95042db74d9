//! What wakes the supervisor: a request to stop, or a sign that the agent may have ended.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
use other as os;
#[cfg(unix)]
use unix as os;

use std::{
    io,
    process::Child,
    sync::mpsc::{Receiver, channel},
};

/// What woke the supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// It is to stop.
    Stop,
    /// Look whether the agent still runs.
    Look,
}

/// Starts to listen, for as long as the process lives.
///
/// # Errors
/// When the operating system refuses the listening thread.
pub fn listen() -> io::Result<Receiver<Wake>> {
    let (sender, receiver) = channel();
    os::listen(sender)?;
    Ok(receiver)
}

/// Asks the agent to end in order.
///
/// # Errors
/// Whatever the operating system refuses.
pub fn ask_to_stop(agent: &mut Child) -> io::Result<()> {
    os::ask_to_stop(agent)
}
