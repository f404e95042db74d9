//! Everything that a script has started, and the end of it.

use super::table::{self, Row};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use std::{thread::sleep, time::Duration};

/// Rounds of looking and ending; each is a millisecond or more.
const ROUNDS_MAX: u32 = 2_000;

/// Makes this process the parent of everything below it that loses its own, so that nothing gets away by forking twice.
pub fn adopt() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        tracing::warn!(%error, "what forks twice may get away");
    }
}

/// Everything below this process that lives.
pub fn members() -> Vec<Row> {
    table::below(std::process::id(), &table::all())
}

/// Takes note of those that have ended, all but one.
pub fn bury(but: u32) {
    let own = std::process::id();
    for row in table::all() {
        if row.is_zombie && row.parent == own && row.pid != but {
            let _ = pid(row.pid).map(|pid| waitpid(Some(pid), WaitOptions::NOHANG));
        }
    }
}

/// Ends everything below this process. False: something would not end.
pub fn end() -> bool {
    end_all(|| {
        bury(0);
        members()
    })
}

/// Ends everything that a script has started, after the process above it did not live to do so: what it starts has the
/// name of its command in its environment, unless it took that out.
#[cfg(target_os = "linux")]
pub fn end_marked(mark: &str) -> bool {
    let is_marked = |row: &Row| {
        let environment = std::fs::read(format!("/proc/{}/environ", row.pid)).unwrap_or_default();
        !row.is_zombie && environment.split(|byte| *byte == 0).any(|one| one == mark.as_bytes())
    };
    end_all(|| table::all().into_iter().filter(is_marked).collect())
}

/// Elsewhere nothing says what belongs to a script.
#[cfg(not(target_os = "linux"))]
pub fn end_marked(_: &str) -> bool {
    true
}

/// First all are stopped, until nothing new appears, so that nothing can start another faster than it is found.
fn end_all(members: impl Fn() -> Vec<Row>) -> bool {
    let mut stopped: Vec<(u32, u64)> = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let members = members();
        if members.is_empty() {
            return true;
        }
        let mut is_new = false;
        for row in &members {
            if !stopped.contains(&(row.pid, row.began)) {
                stopped.push((row.pid, row.began));
                is_new = true;
                send(row.pid, Signal::STOP);
            }
        }
        if !is_new {
            members.iter().for_each(|row| send(row.pid, Signal::KILL));
        }
        sleep(Duration::from_millis(1));
    }
    false
}

fn send(number: u32, signal: Signal) {
    // One that has just ended is as good.
    let _ = pid(number).map(|pid| kill_process(pid, signal));
}

/// A number as one that signals can be sent to.
pub fn pid(number: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(number).ok()?)
}
