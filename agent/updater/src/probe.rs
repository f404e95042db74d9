//! Asking a program what it is before anything depends on it: run with `selfcheck`, for a limited time, with an answer of
//! limited length; and what to think of the answer.

use crate::{
    built,
    engine::Outcome,
    patience::{Thread, retry},
    selfcheck::{ANSWER_BYTES_MAX, SelfCheck},
    slot::Build,
};
use entity::release::Reason;
use std::{
    ffi::OsString,
    io::{self, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// So much of what it writes to its standard error is shown to people.
const DETAIL_BYTES_MAX: usize = 2_000;
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What to think of an answer, apart from whether the server has heard the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It is what was released, and can live with what is here.
    Good,
    /// It is not.
    Bad(Reason, String),
}

/// Compares an answer with what was released.
#[must_use]
pub fn judge(build: &Build, outcome: &Outcome) -> Judged {
    let bad = |reason: Reason, detail: String| Judged::Bad(reason, detail);
    let Some(answer) = &outcome.answer else { return bad(Reason::ProbeFailed, outcome.detail.clone()) };
    if !build.is(&answer.running) {
        return bad(Reason::HelloMismatch, format!("it says {:?}", answer.running));
    }
    let (here, says) = (built::platform(), (answer.os, answer.arch));
    if says != here {
        return bad(Reason::ProbeFailed, format!("it says that it is for {says:?}"));
    }
    let schemas = (answer.config_schema, answer.spool_schema);
    if schemas != (build.config_schema, build.spool_schema) {
        let released = (build.config_schema, build.spool_schema);
        return bad(
            Reason::ProbeFailed,
            format!("it writes configuration and spool {schemas:?}, released as {released:?}"),
        );
    }
    if !answer.is_config_good {
        return bad(
            Reason::ProbeFailed,
            format!("it cannot use the configuration of this machine: {}", outcome.detail),
        );
    }
    Judged::Good
}

/// Runs `<program> selfcheck --nonce <nonce> <arguments>` and waits for it to end, at most so long.
#[must_use]
pub fn ask(program: &Path, nonce: &str, arguments: &[OsString], longest: Duration) -> Outcome {
    match run(program, nonce, arguments, longest) {
        Ok(outcome) => outcome,
        Err(error) => Outcome { answer: None, detail: format!("it could not be asked: {error}") },
    }
}

fn run(program: &Path, nonce: &str, arguments: &[OsString], longest: Duration) -> io::Result<Outcome> {
    let mut command = Command::new(program);
    command.args(["selfcheck", "--nonce", nonce]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    // A program that was just put there may be in the hands of a virus scanner.
    let mut child = retry(longest, &Thread::default(), || command.spawn())?;
    let answer = reader(child.stdout.take(), ANSWER_BYTES_MAX);
    let errors = reader(child.stderr.take(), DETAIL_BYTES_MAX);
    let status = wait(&mut child, longest)?;
    let (answer, errors) = (taken(answer), taken(errors));
    let errors = String::from_utf8_lossy(&errors);
    let Some(status) = status else {
        return Ok(Outcome {
            answer: None,
            detail: format!("no answer within {} s {errors}", longest.as_secs()),
        });
    };
    let line = answer.split(|byte| *byte == b'\n').find(|line| !line.is_empty()).unwrap_or_default();
    // What it says counts more than how it ended: a program that reaches no server says so and ends with 1.
    let answer: Option<SelfCheck> =
        if matches!(status.code(), Some(0 | 1)) { serde_json::from_slice(line).ok() } else { None };
    Ok(Outcome { answer, detail: format!("{status} {}", errors.trim()).trim().to_owned() })
}

/// None: it was ended by force.
fn wait(child: &mut Child, longest: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + longest;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            end_all(child);
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// With whatever it has started itself.
fn end_all(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
}

type Reader = Option<std::sync::mpsc::Receiver<Vec<u8>>>;

/// Reads the beginning and throws the rest away, so that the program is never kept waiting.
fn reader(from: Option<impl Read + Send + 'static>, most: usize) -> Reader {
    let mut from = from?;
    let (sender, receiver) = std::sync::mpsc::channel();
    let read = move || {
        let mut bytes = Vec::new();
        let _ = from.by_ref().take(most as u64).read_to_end(&mut bytes);
        let _ = sender.send(bytes);
        let _ = io::copy(&mut from, &mut io::sink());
    };
    thread::Builder::new().name("probe".to_owned()).spawn(read).ok()?;
    Some(receiver)
}

/// A grandchild may keep the pipe open after the program has ended.
fn taken(reader: Reader) -> Vec<u8> {
    reader.and_then(|reader| reader.recv_timeout(Duration::from_secs(2)).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::{platform::Arch, release::Sha256Hex, update::Running};

    fn build() -> Build {
        Build {
            seq: 2,
            version: "2.0.0".to_owned(),
            build_id: "b".to_owned(),
            size_bytes: 1,
            sha256: Sha256Hex::of(b""),
            config_schema: 3,
            spool_schema: 4,
        }
    }

    fn answer() -> SelfCheck {
        let (os, arch) = built::platform();
        SelfCheck {
            running: Running {
                version: "2.0.0".to_owned(),
                seq: 2,
                build_id: "b".to_owned(),
                sha256: None,
                libc: None,
                is_supervised: false,
            },
            os,
            arch,
            libc: None,
            config_schema: 3,
            spool_schema: 4,
            is_config_good: true,
            is_server_reached: false,
            is_server_busy: false,
            receipt: None,
        }
    }

    fn judged(change: impl FnOnce(&mut SelfCheck)) -> Option<Reason> {
        let mut answer = answer();
        change(&mut answer);
        match judge(&build(), &Outcome { answer: Some(answer), detail: String::new() }) {
            Judged::Good => None,
            Judged::Bad(reason, _) => Some(reason),
        }
    }

    #[test]
    fn every_word_of_the_answer_counts() {
        let other = if cfg!(target_arch = "aarch64") { Arch::X86_64 } else { Arch::Aarch64 };
        assert_eq!(judged(|_| ()), None);
        assert_eq!(judged(|answer| answer.running.seq = 3), Some(Reason::HelloMismatch));
        assert_eq!(judged(|answer| answer.running.build_id.push('x')), Some(Reason::HelloMismatch));
        assert_eq!(judged(|answer| answer.running.version = "2.0.1".to_owned()), Some(Reason::HelloMismatch));
        assert_eq!(judged(|answer| answer.arch = other), Some(Reason::ProbeFailed));
        assert_eq!(judged(|answer| answer.config_schema = 4), Some(Reason::ProbeFailed));
        assert_eq!(judged(|answer| answer.spool_schema = 3), Some(Reason::ProbeFailed));
        assert_eq!(judged(|answer| answer.is_config_good = false), Some(Reason::ProbeFailed));
        let none = judge(&build(), &Outcome::default());
        assert!(matches!(none, Judged::Bad(Reason::ProbeFailed, _)));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_says_too_much_or_hangs_is_cut_short() {
        let ask = |script: &str| {
            let folder = tempfile::tempdir().unwrap();
            let program = folder.path().join("program");
            std::fs::write(&program, script).unwrap();
            let wrapper = folder.path().join("wrapper");
            std::fs::write(&wrapper, format!("#!/bin/sh\nexec sh {}\n", program.display())).unwrap();
            std::fs::set_permissions(&wrapper, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
            super::ask(&wrapper, "n", &[], Duration::from_millis(700))
        };
        let started = Instant::now();
        let hung = ask("sleep 60");
        assert!(hung.answer.is_none() && hung.detail.contains("no answer"), "{hung:?}");
        assert!(ask("yes | head -c 3000000").answer.is_none());
        let failed = ask("echo why >&2; exit 9");
        assert!(failed.answer.is_none() && failed.detail.contains("why"), "{failed:?}");
        let line = serde_json::to_string(&answer()).unwrap();
        let said = ask(&format!("echo '{line}'; exit 1"));
        assert_eq!(said.answer, Some(answer()));
        assert!(started.elapsed() < Duration::from_secs(20));
    }
}
