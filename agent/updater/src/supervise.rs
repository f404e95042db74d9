//! Starts the agent, watches it, starts it again; ends when it is asked to or when the agent ended in order.

use crate::{
    backoff::{Backoff, Ending, Next},
    signal::{self, Wake},
};
use std::{
    ffi::OsString,
    fmt, io,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

/// The agent has this long to end in order before it is ended by force.
const PATIENCE: Duration = Duration::from_secs(8);

/// What is to be supervised.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program.
    pub agent: PathBuf,
    /// What it is started with after `run --supervised`.
    pub arguments: Vec<OsString>,
}

/// Supervises until asked to stop or until the agent ended in order. `say` gets one line for each start and end.
///
/// # Errors
/// When the operating system refuses to deliver signals or to say how the agent ended.
pub fn supervise(plan: &Plan, say: impl FnMut(fmt::Arguments<'_>)) -> io::Result<()> {
    supervise_until(plan, &signal::listen()?, true, say)
}

/// Supervises until a wake says to stop or until the agent ended in order. What the agent prints goes where this
/// process's own goes, if there is such a place.
pub(crate) fn supervise_until(
    plan: &Plan,
    wakes: &Receiver<Wake>,
    has_output: bool,
    mut say: impl FnMut(fmt::Arguments<'_>),
) -> io::Result<()> {
    let mut backoff = Backoff::default();
    loop {
        let started = Instant::now();
        let ending = match start(plan, has_output) {
            Ok(mut agent) => {
                say(format_args!("agent started, pid {}", agent.id()));
                let (status, asked) = watch(&mut agent, wakes)?;
                say(format_args!("agent ended: {status}"));
                if asked {
                    return Ok(());
                }
                ending_of(status)
            }
            Err(error) => {
                say(format_args!("{} could not be started: {error}", plan.agent.display()));
                Ending::NotStarted
            }
        };
        match backoff.on(ending, started.elapsed()) {
            Next::End => return Ok(()),
            Next::StartAfter(wait) => {
                say(format_args!("starting it again in {} s", wait.as_secs()));
                if stop_asked_within(wakes, wait) {
                    return Ok(());
                }
            }
        }
    }
}

fn start(plan: &Plan, has_output: bool) -> io::Result<Child> {
    let mut command = Command::new(&plan.agent);
    command.args(["run", "--supervised"]).args(&plan.arguments).stdin(Stdio::null());
    // On Windows there are no signals: the end of its input asks the agent to stop.
    if cfg!(windows) {
        command.stdin(Stdio::piped());
    }
    if !has_output {
        command.stdout(Stdio::null()).stderr(Stdio::null());
    }
    // A terminal's Ctrl-C would otherwise reach the agent twice.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn()
}

/// Waits for the agent to end. True: because the supervisor was asked to stop.
fn watch(agent: &mut Child, wakes: &Receiver<Wake>) -> io::Result<(ExitStatus, bool)> {
    loop {
        if let Some(status) = agent.try_wait()? {
            return Ok((status, false));
        }
        // A signal can be merged with one before it, so a look now and then is needed all the same.
        match wakes.recv_timeout(Duration::from_secs(30)) {
            Ok(Wake::Look) | Err(RecvTimeoutError::Timeout) => {}
            Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return Ok((stop(agent, wakes)?, true)),
        }
    }
}

fn stop(agent: &mut Child, wakes: &Receiver<Wake>) -> io::Result<ExitStatus> {
    if let Some(status) = agent.try_wait()? {
        return Ok(status);
    }
    // It may end between the look and the question; the next look finds that.
    let _ = signal::ask_to_stop(agent);
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = agent.try_wait()? {
            return Ok(status);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            agent.kill()?;
            return agent.wait();
        }
        let _ = wakes.recv_timeout(left);
    }
}

/// Waits, unless the supervisor is asked to stop.
fn stop_asked_within(wakes: &Receiver<Wake>, wait: Duration) -> bool {
    let until = Instant::now() + wait;
    loop {
        match wakes.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Wake::Look) => {}
            Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return true,
            Err(RecvTimeoutError::Timeout) => return false,
        }
    }
}

fn ending_of(status: ExitStatus) -> Ending {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Ending::Signal(signal);
    }
    status.code().map_or(Ending::NotStarted, Ending::Code)
}
