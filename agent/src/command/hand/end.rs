//! Ends processes of one name: asks first, then does not ask. Never the agent, what keeps it, or the first process.

use super::{
    End, Verdict, family, restart,
    table::{self, Row},
};
use rustix::process::Signal;
use std::{
    thread::sleep,
    time::{Duration, Instant},
};

/// What does not end after that cannot be ended.
const KILLED: Duration = Duration::from_secs(5);
/// What is never ended, whoever's it is.
const OURS: [&str; 2] = ["reeve-agent", "reeve-updater"];
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Ends them, and starts them again when that is asked for.
pub fn run(task: &End) -> Verdict {
    if OURS.contains(&task.name.as_str()) {
        return Verdict::failed(format!("{} is this agent, or what keeps it, and is not ended", task.name));
    }
    let rows = table::all();
    let mut spared = vec![1];
    for pid in task.spare.iter().chain([&std::process::id()]) {
        spared.extend(table::line_of(*pid, &rows));
    }
    let named: Vec<Row> =
        rows.into_iter().filter(|row| !row.is_zombie && table::names(row).contains(&task.name)).collect();
    let (spared, found): (Vec<Row>, Vec<Row>) = named.into_iter().partition(|row| spared.contains(&row.pid));
    if found.is_empty() {
        return Verdict::failed(match spared.len() {
            0 => format!("there is no process {}", task.name),
            _ => format!("{} is the agent itself or what keeps it, and is not ended", task.name),
        });
    }
    if task.restart {
        return restart::run(task, &found);
    }
    match all(&found, Duration::from_millis(task.patience_milliseconds)) {
        Ok(killed) => Verdict::completed(ended(&found, killed)),
        Err(stubborn) => Verdict::failed(format!("{} of {} did not end", stubborn, found.len())),
    }
}

/// A sentence about those that have ended.
pub fn ended(found: &[Row], killed: usize) -> String {
    let many = if found.len() == 1 { "1 process".to_owned() } else { format!("{} processes", found.len()) };
    match killed {
        0 => format!("{many} ended"),
        _ => format!("{many} ended, {killed} of them not by themselves"),
    }
}

/// Ends all of these; how many had to be made to.
///
/// # Errors
/// How many did not end.
pub fn all(found: &[Row], patience: Duration) -> Result<usize, usize> {
    found.iter().for_each(|row| send(row, Signal::TERM));
    let stubborn = wait(found, patience);
    stubborn.iter().for_each(|row| send(row, Signal::KILL));
    let left = wait(&stubborn, KILLED);
    if left.is_empty() { Ok(stubborn.len()) } else { Err(left.len()) }
}

/// Those that are still there after a while.
fn wait(found: &[Row], longest: Duration) -> Vec<Row> {
    let until = Instant::now() + longest;
    loop {
        let left: Vec<Row> = found.iter().filter(|row| is_there(row)).cloned().collect();
        if left.is_empty() || Instant::now() >= until {
            return left;
        }
        sleep(LOOK);
    }
}

fn is_there(row: &Row) -> bool {
    table::one(row.pid).is_some_and(|now| now.began == row.began && !now.is_zombie)
}

#[cfg(target_os = "linux")]
fn send(row: &Row, signal: Signal) {
    use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
    let Some(pid) = family::pid(row.pid) else { return };
    // Held before it is looked at once more: the number can be another's by now.
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(held) if is_there(row) => {
            let _ = pidfd_send_signal(&held, signal);
        }
        Ok(_) => {}
        // A kernel from before there was that.
        Err(rustix::io::Errno::NOSYS) if is_there(row) => {
            let _ = rustix::process::kill_process(pid, signal);
        }
        Err(_) => {}
    }
}

#[cfg(not(target_os = "linux"))]
fn send(row: &Row, signal: Signal) {
    if is_there(row) {
        let _ = family::pid(row.pid).map(|pid| rustix::process::kill_process(pid, signal));
    }
}
