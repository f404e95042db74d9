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

/// By its number, which is its own for as long as nobody has taken note of its end: that is done by its handle, here and
/// nowhere else at this time. After that the number may be anybody's, and nobody gets a signal.
pub fn ask_to_stop(agent: &mut Child) -> io::Result<()> {
    if agent.try_wait()?.is_some() {
        return Ok(());
    }
    let pid = i32::try_from(agent.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("the agent has no process id"))?;
    Ok(kill_process(pid, Signal::TERM)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn one_that_has_ended_gets_no_signal_and_one_that_runs_gets_it() {
        let mut ended = Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        // By its number this would be an error, or somebody else's end.
        ask_to_stop(&mut ended).unwrap();
        let mut running = Command::new("sleep").arg("60").spawn().unwrap();
        ask_to_stop(&mut running).unwrap();
        let status = running.wait().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(SIGTERM));
    }
}
