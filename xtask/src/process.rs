//! Programs that run until they are asked to stop.

use anyhow::{Context, Result, bail};
use std::{
    process::{Child, Command, ExitStatus},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How often a waiting loop looks again.
pub const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A program has this long to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(12);

/// True once somebody pressed Ctrl-C or asked this program to terminate; the programs below are then stopped in
/// order.
pub fn watch_for_stop() -> Result<Arc<AtomicBool>> {
    let asked = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&asked))?;
    }
    Ok(asked)
}

/// A program that is asked to stop, and waited for, at the latest when this is dropped.
pub struct Running {
    name: &'static str,
    child: Child,
}

impl Running {
    /// Starts a program.
    pub fn start(name: &'static str, command: &mut Command) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child })
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    fn stop(&mut self) -> Result<()> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        ask_to_stop(&mut self.child)?;
        let deadline = Instant::now() + PATIENCE;
        while self.ended()?.is_none() {
            if Instant::now() > deadline {
                eprintln!("xtask: {} did not stop and is ended by force", self.name);
                self.child.kill()?;
                self.child.wait()?;
                return Ok(());
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("xtask: {} could not be stopped: {error:#}", self.name);
        }
    }
}

#[cfg(unix)]
fn ask_to_stop(child: &mut Child) -> Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = Pid::from_child(child);
    kill_process(pid, Signal::TERM).context("cannot send it a signal")
}

#[cfg(not(unix))]
fn ask_to_stop(child: &mut Child) -> Result<()> {
    Ok(child.kill()?)
}

/// Runs a command to its end, which has to come within this time: one that hangs is ended with everything it started,
/// so that what is to be done after it is done.
pub fn run_within(most: Duration, command: &mut Command) -> Result<()> {
    let stop = watch_for_stop()?;
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    let deadline = Instant::now() + most;
    loop {
        if let Some(status) = child.try_wait()? {
            return if status.success() { Ok(()) } else { bail!("`{name}` failed: {status}") };
        }
        let is_late = Instant::now() > deadline;
        if is_late || asked(&stop) {
            end_group(&mut child)?;
            child.wait()?;
            let minutes = most.as_secs() / 60;
            if is_late {
                bail!(
                    "`{name}` had not ended after {minutes} minutes; what it said last tells where it hangs"
                );
            }
            bail!("`{name}` was stopped");
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Ends a program that was started as the first of its group, and the others of the group.
#[cfg(unix)]
fn end_group(child: &mut Child) -> Result<()> {
    use rustix::process::{Pid, Signal, kill_process_group};
    kill_process_group(Pid::from_child(child), Signal::KILL).context("cannot end it")
}

#[cfg(not(unix))]
fn end_group(child: &mut Child) -> Result<()> {
    Ok(child.kill()?)
}

/// True when somebody has asked this program to stop.
pub fn asked(stop: &AtomicBool) -> bool {
    stop.load(Ordering::Relaxed)
}
