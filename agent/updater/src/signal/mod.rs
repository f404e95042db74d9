//! What wakes the supervisor: a request to stop, a sign that the agent may have ended, and what programs say.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as os;
#[cfg(windows)]
use windows as os;

use crate::{
    channel::ToSupervisor,
    engine::{Outcome, Purpose},
};
#[cfg(windows)]
use std::sync::mpsc::Receiver;
use std::{io, process::Child, sync::mpsc::SyncSender};

/// So much may wait to be looked at; whoever has more to say waits.
pub const WAITING_MAX: usize = 256;

/// What woke the supervisor.
#[derive(Debug)]
pub enum Wake {
    /// It is to stop.
    Stop,
    /// Look whether the agent still runs.
    Look,
    /// The agent of this number said something.
    Said(u64, Box<ToSupervisor>),
    /// A program that was asked what it is has answered, or not.
    Probed(Purpose, Box<Outcome>),
}

/// Starts to listen, for as long as the process lives.
///
/// # Errors
/// When the operating system refuses the listening thread.
pub fn listen(wakes: SyncSender<Wake>) -> io::Result<()> {
    os::listen(wakes)
}

/// The same, where somebody else says when to stop.
///
/// # Errors
/// When the operating system refuses the listening thread.
#[cfg(windows)]
pub fn listen_to(stops: Receiver<()>, wakes: SyncSender<Wake>) -> io::Result<()> {
    os::pass_on(stops, wakes)
}

/// Asks the agent to end in order.
///
/// # Errors
/// Whatever the operating system refuses.
pub fn ask_to_stop(agent: &mut Child) -> io::Result<()> {
    os::ask_to_stop(agent)
}
