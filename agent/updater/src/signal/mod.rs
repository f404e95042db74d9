//! What wakes the supervisor: a request to stop, or a sign that the agent may have ended.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as os;
#[cfg(windows)]
use windows as os;

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

/// The same, where somebody else says when to stop.
///
/// # Errors
/// When the operating system refuses the listening thread.
#[cfg(windows)]
pub fn listen_to(stops: Receiver<()>) -> io::Result<Receiver<Wake>> {
    let (sender, receiver) = channel();
    os::pass_on(stops, sender)?;
    Ok(receiver)
}

/// Asks the agent to end in order.
///
/// # Errors
/// Whatever the operating system refuses.
pub fn ask_to_stop(agent: &mut Child) -> io::Result<()> {
    os::ask_to_stop(agent)
}
