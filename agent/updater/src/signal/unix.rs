//! Unix: signals, turned into messages by a thread.

use super::Wake;
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::{
    consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use std::{io, process::Child, sync::mpsc::SyncSender, thread};

pub fn listen(wakes: SyncSender<Wake>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGCHLD])?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            let wake = match signal {
                SIGCHLD => Wake::Look,
                // A supervisor that was started from a shell outlives that shell.
                SIGHUP => continue,
                _ => Wake::Stop,
            };
            if wakes.send(wake).is_err() {
                return;
            }
        }
    })?;
    Ok(())
}

pub fn ask_to_stop(agent: &mut Child) -> io::Result<()> {
    let pid = i32::try_from(agent.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("the agent has no process id"))?;
    Ok(kill_process(pid, Signal::TERM)?)
}
