//! Runs a script, and ends it with everything that it has started.

use super::{Script, Verdict, family, table};
use entity::command::ResultStatus;
use rustix::process::{Signal, kill_process_group};
use std::{
    io::{self, Write as _},
    os::{
        fd::AsFd as _,
        unix::process::{CommandExt as _, ExitStatusExt as _},
    },
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

/// After its time is over, a script has so long to end by itself.
const GRACE: Duration = Duration::from_secs(2);
/// Most processes that a script may have at the same time.
const PROCESSES_MAX: usize = 512;
/// The longest pause between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// Between two looks at how many processes there are.
const COUNT: Duration = Duration::from_millis(100);
/// So many more on the whole machine, and it is looked at once.
const SURGE: usize = 128;

/// Why it was ended before it did so itself.
enum Cut {
    Time,
    Processes,
    Agent,
}

/// Runs it. What it writes goes where this process's standard output goes, both streams into one.
pub fn run(script: &Script, is_left: &AtomicBool) -> Verdict {
    family::adopt();
    let mut child = match begin(script) {
        Ok(child) => child,
        Err(error) => return Verdict::failed(format!("{}: {error}", script.program.display())),
    };
    let (ended, cut) = wait(&mut child, Duration::from_millis(script.timeout_milliseconds), is_left);
    let all_ended = family::end();
    let mut verdict = verdict(script, ended, cut);
    if !all_ended {
        verdict.detail.push_str("; something that it started does not end");
    }
    verdict
}

fn begin(script: &Script) -> io::Result<Child> {
    let output = || io::stdout().as_fd().try_clone_to_owned();
    let mut child = Command::new(&script.program)
        .args(&script.arguments)
        .env_clear()
        .envs(&script.environment)
        .current_dir(&script.folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::from(output()?))
        .stderr(Stdio::from(output()?))
        .process_group(0)
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        let text = script.text.clone();
        // It may take its time to read it, or never do so.
        std::thread::Builder::new().name("script".to_owned()).spawn(move || {
            let _ = input.write_all(text.as_bytes());
        })?;
    }
    Ok(child)
}

fn wait(child: &mut Child, longest: Duration, is_left: &AtomicBool) -> (Option<ExitStatus>, Option<Cut>) {
    let began = Instant::now();
    let (mut pause, mut counted, mut before) = (Duration::from_millis(1), Instant::now(), table::tasks());
    let cut = loop {
        match child.try_wait() {
            Ok(None) => {}
            Ok(ended) => return (ended, None),
            Err(_) => return (None, None),
        }
        if is_left.load(Ordering::Relaxed) {
            break Cut::Agent;
        }
        if began.elapsed() >= longest {
            break Cut::Time;
        }
        let tasks = table::tasks();
        if counted.elapsed() >= COUNT || tasks > before.saturating_add(SURGE) {
            (counted, before) = (Instant::now(), tasks);
            family::bury(child.id());
            if family::members().len() > PROCESSES_MAX {
                break Cut::Processes;
            }
        }
        sleep(pause);
        pause = (pause * 2).min(LOOK);
    };
    if matches!(cut, Cut::Time) {
        // It may clean up after itself.
        let _ = family::pid(child.id()).map(|pid| kill_process_group(pid, Signal::TERM));
        let until = Instant::now() + GRACE;
        while Instant::now() < until && !is_left.load(Ordering::Relaxed) {
            if let Ok(Some(ended)) = child.try_wait() {
                return (Some(ended), Some(cut));
            }
            sleep(LOOK);
        }
    }
    (None, Some(cut))
}

fn verdict(script: &Script, ended: Option<ExitStatus>, cut: Option<Cut>) -> Verdict {
    let seconds = script.timeout_milliseconds.div_ceil(1_000);
    let (status, detail) = match (cut, ended) {
        (Some(Cut::Time), _) => (
            ResultStatus::TimedOut,
            format!("it took longer than {seconds} s and was ended, with everything that it had started"),
        ),
        (Some(Cut::Processes), _) => (
            ResultStatus::Failed,
            format!("it started more than {PROCESSES_MAX} processes and was ended, with all of them"),
        ),
        (Some(Cut::Agent), _) => (ResultStatus::Interrupted, "the agent ended meanwhile".to_owned()),
        (None, Some(ended)) => match (ended.code(), ended.signal()) {
            (Some(0), _) => (ResultStatus::Completed, "the script has ended".to_owned()),
            (Some(code), _) => (ResultStatus::Failed, format!("the script ended with exit code {code}")),
            (None, Some(signal)) => {
                (ResultStatus::Failed, format!("the script was ended by signal {signal}"))
            }
            (None, None) => (ResultStatus::Failed, "the script did not end as scripts do".to_owned()),
        },
        (None, None) => (ResultStatus::Failed, "it is not known how the script ended".to_owned()),
    };
    Verdict { status, exit_code: ended.and_then(|ended| ended.code()), detail }
}
