//! `reeve-updater PACKAGE AGENT PID LOG_DIR`, or with the word `apply` before: the one-shot replacement of a program, as
//! the agent's specification has it. Waits for the agent that runs to end, puts the new program in its place, starts it,
//! looks whether it stays up, and puts the old one back if it does not. The supervisor does better and is what services
//! run; this is for those who start the agent in another way. At no moment is there no program at the agent's path: the
//! backup is a second name for the old one, and the new one takes the path in a single step.

use crate::exit;
use std::{
    ffi::OsString,
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// The old program has this long to end.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// The new one has to stay up this long.
const VERIFY: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The new program did not stay up, and the old one is in its place again.
pub const ROLLED_BACK: u8 = 20;
/// The new program did not stay up, and the old one could not be put back or started.
pub const ROLLBACK_FAILED: u8 = 21;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Input {
    package: PathBuf,
    agent: PathBuf,
    pid: u32,
    log: PathBuf,
}

/// Does it; the exit code says how it went.
#[must_use]
pub fn run(arguments: &[OsString]) -> u8 {
    let Some(input) = input(arguments) else {
        eprintln!("usage: reeve-updater [apply] PACKAGE AGENT PID LOG_DIR");
        return exit::USAGE;
    };
    let mut log = Log { path: input.log.join("updater.log") };
    log.say(format_args!("Updater started with args: {arguments:?}"));
    let code = match replace(&input, &mut log) {
        Ok(code) => code,
        Err(error) => {
            log.say(format_args!("The update failed: {error}"));
            exit::FAILED
        }
    };
    log.say(format_args!("Updater finished. Exit code {code}."));
    code
}

/// Are these the four words of the specification, without a verb before them?
#[must_use]
pub fn is_asked(arguments: &[OsString]) -> bool {
    input(arguments).is_some()
}

fn input(arguments: &[OsString]) -> Option<Input> {
    let [package, agent, pid, log] = arguments else { return None };
    // 0 is nobody, and 1 is not the agent.
    let pid = pid.to_str()?.parse().ok().filter(|pid| *pid > 1)?;
    Some(Input { package: package.into(), agent: agent.into(), pid, log: log.into() })
}

fn replace(input: &Input, log: &mut Log) -> io::Result<u8> {
    let (new, old) = (beside(&input.agent, ".new"), beside(&input.agent, ".old"));
    if !fs::symlink_metadata(&input.agent).is_ok_and(|about| about.is_file()) && old.is_file() {
        log.say(format_args!("an update before this one was cut off: the backup is put back"));
        put(&old, &input.agent)?;
    }
    // Everything that can fail is done while the old program still runs.
    stage(&input.package, &new)?;
    log.say(format_args!("{} is ready", new.display()));
    if !wait_for_end(input.pid, WAIT_MAX)? {
        let _ = fs::remove_file(&new);
        log.say(format_args!(
            "Old agent process (PID: {}) did not exit within {} s: nothing was changed",
            input.pid,
            WAIT_MAX.as_secs()
        ));
        return Ok(exit::UNRESPONSIVE);
    }
    log.say(format_args!("Old agent process (PID: {}) exited.", input.pid));
    if let Err(error) = back_up(&input.agent, &old) {
        log.say(format_args!("{} could not be backed up: {error}", input.agent.display()));
        let _ = fs::remove_file(&new);
        // It was not touched, but nothing runs any more.
        start(&input.agent)?;
        log.say(format_args!("the old agent was started again"));
        return Ok(exit::FAILED);
    }
    if let Err(error) = put(&new, &input.agent) {
        log.say(format_args!("{} could not be replaced: {error}", input.agent.display()));
        let _ = fs::remove_file(&new);
        return Ok(roll_back(&input.agent, &old, log));
    }
    log.say(format_args!("{} is replaced; the one before is {}", input.agent.display(), old.display()));
    match start_and_verify(&input.agent, log) {
        Ok(()) => {
            log.say(format_args!("New agent started successfully."));
            for left in [&old, &input.package] {
                match fs::remove_file(left) {
                    Ok(()) => log.say(format_args!("{} removed", left.display())),
                    Err(error) => log.say(format_args!("{} stays: {error}", left.display())),
                }
            }
            Ok(exit::CLEAN)
        }
        Err(error) => {
            log.say(format_args!("New agent failed verification: {error}"));
            Ok(roll_back(&input.agent, &old, log))
        }
    }
}

fn roll_back(agent: &Path, old: &Path, log: &mut Log) -> u8 {
    log.say(format_args!("Initiating rollback."));
    match put(old, agent).and_then(|()| start(agent)) {
        Ok(_) => {
            log.say(format_args!("Rollback successful, old agent restarted."));
            ROLLED_BACK
        }
        Err(error) => {
            log.say(format_args!("Rollback failed: {error}"));
            ROLLBACK_FAILED
        }
    }
}

fn beside(agent: &Path, suffix: &str) -> PathBuf {
    let mut name = agent.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    agent.with_file_name(name)
}

/// Copies the package beside the agent, so that it takes its place in one step, and has it on the disk.
fn stage(package: &Path, new: &Path) -> io::Result<()> {
    let mut from = File::open(package)?;
    match fs::remove_file(new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o755);
    let mut to = options.open(new)?;
    let copied = io::copy(&mut from, &mut to).and_then(|bytes| {
        to.sync_all()?;
        if bytes > 0 {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the package is empty"))
        }
    });
    if copied.is_err() {
        let _ = fs::remove_file(new);
    }
    copied
}

/// Keeps the old program under a second name.
fn back_up(agent: &Path, old: &Path) -> io::Result<()> {
    match fs::remove_file(old) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // A file system without second names gets a copy.
    if fs::hard_link(agent, old).is_err() {
        fs::copy(agent, old)?;
        OpenOptions::new().write(true).open(old)?.sync_all()?;
    }
    crate::durable::sync_folder_of(old)
}

fn put(from: &Path, to: &Path) -> io::Result<()> {
    crate::durable::rename(from, to)
}

fn start(agent: &Path) -> io::Result<Child> {
    let mut command = Command::new(agent);
    command.arg("run").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // It outlives this process and what this one was started from.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn()
}

fn start_and_verify(agent: &Path, log: &mut Log) -> io::Result<()> {
    let mut child = start(agent)?;
    log.say(format_args!("{} run: started, pid {}", agent.display(), child.id()));
    let until = Instant::now() + VERIFY;
    while Instant::now() < until {
        if let Some(status) = child.try_wait()? {
            return Err(io::Error::other(format!("it ended: {status}")));
        }
        thread::sleep(LOOK_EVERY);
    }
    log.say(format_args!("it is up after {} s", VERIFY.as_secs()));
    Ok(())
}

/// Waits for the end of a process by a handle of it, not by its number, which may be somebody else's a moment later.
fn wait_for_end(pid: u32, longest: Duration) -> io::Result<bool> {
    #[cfg(target_os = "linux")]
    {
        use rustix::{
            event::{PollFd, PollFlags, Timespec, poll},
            process::{Pid, PidfdFlags, pidfd_open},
        };
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let number = number.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "is no process id"))?;
        let process = match pidfd_open(number, PidfdFlags::empty()) {
            Ok(process) => process,
            Err(rustix::io::Errno::SRCH) => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        let deadline = Instant::now() + longest;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut fds = [PollFd::new(&process, PollFlags::IN)];
            let timeout =
                Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
            match poll(&mut fds, Some(&timeout)) {
                Ok(count) => return Ok(count > 0),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    #[cfg(windows)]
    {
        windows_api::process::wait_for_end(pid, longest)
    }
    #[cfg(all(unix, not(target_os = "linux")))]
    {
        use rustix::process::{Pid, test_kill_process};
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let number = number.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "is no process id"))?;
        let deadline = Instant::now() + longest;
        while test_kill_process(number).is_ok() {
            if Instant::now() >= deadline {
                return Ok(false);
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(true)
    }
}

/// The updater's own log.
struct Log {
    path: PathBuf,
}

impl Log {
    fn say(&mut self, line: fmt::Arguments<'_>) {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)
            .and_then(|mut file| file.write_all(format!("{seconds} {line}\n").as_bytes()));
        if written.is_err() {
            eprintln!("reeve-updater: {line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_understood_or_refused() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        let good = input(&words("/p /a 77 /log")).expect("understood");
        assert_eq!((good.pid, good.agent.as_path()), (77, Path::new("/a")));
        for bad in [
            "/p /a 77",
            "/p /a x /log",
            "/p /a -1 /log",
            "/p /a 0 /log",
            "/p /a 1 /log",
            "/p /a 7 /log /more",
        ] {
            assert!(input(&words(bad)).is_none(), "{bad}");
            assert!(!is_asked(&words(bad)), "{bad}");
        }
    }
}
