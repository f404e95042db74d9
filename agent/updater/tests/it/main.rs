//! The real supervisor over real processes: small scripts stand in for the agent.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod apply;
#[cfg(target_os = "linux")]
mod handle;
mod heal;
mod own;
mod support;
#[cfg(target_os = "linux")]
mod sweep;
mod uninstall;
mod update;

use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

struct Supervisor {
    process: Child,
}

impl Supervisor {
    fn over(agent: &Path, arguments: &[&str], says: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reeve-updater"));
        command.arg("run").arg("--agent").arg(agent);
        if !arguments.is_empty() {
            command.arg("--").args(arguments);
        }
        command.stdin(Stdio::null()).stderr(fs::File::create(says).unwrap());
        Self { process: command.spawn().unwrap() }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap(), signal).unwrap();
    }

    fn ended_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + limit;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return Some(status);
            }
            if Instant::now() > until {
                return None;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn script(folder: &Path, body: &str) -> PathBuf {
    let path = folder.join("agent.sh");
    fs::write(&path, format!("#!/bin/sh\ncd '{}'\n{body}\n", folder.display())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < until, "{what} did not happen");
        thread::sleep(Duration::from_millis(20));
    }
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn a_crash_is_followed_by_another_start_and_a_clean_end_by_none() {
    let folder = tempfile::tempdir().unwrap();
    // Ends badly twice, once by code and once by signal, then well.
    let agent = script(
        folder.path(),
        r#"echo "$@" >> starts
           case $(wc -l < starts) in 1) exit 3;; 2) kill -9 $$;; *) exit 0;; esac"#,
    );
    let says = folder.path().join("says");
    let mut supervisor = Supervisor::over(&agent, &["--data-dir", "/some where"], &says);
    let status = supervisor.ended_within(Duration::from_secs(20)).expect("it ends with the agent");
    assert!(status.success());
    assert_eq!(lines(&folder.path().join("starts")), vec!["run --supervised --data-dir /some where"; 3]);
    let said = fs::read_to_string(&says).unwrap();
    assert_eq!(said.matches("agent started, pid ").count(), 3, "{said}");
    assert_eq!(said.matches("agent ended: ").count(), 3, "{said}");
    assert!(said.contains("exit status: 3") && said.contains("signal: 9"), "{said}");
}

#[test]
fn a_request_to_stop_is_passed_on_and_waited_for() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = tempfile::tempdir().unwrap();
        let agent = script(
            folder.path(),
            "trap 'sleep 0.3; echo stopped > stopped; exit 0' TERM\necho up > up\nwhile :; do sleep 0.1; done",
        );
        let mut supervisor = Supervisor::over(&agent, &[], &folder.path().join("says"));
        wait_for("the start", || folder.path().join("up").exists());
        supervisor.signal(signal);
        let status = supervisor.ended_within(Duration::from_secs(6)).expect("it stops");
        assert!(status.success());
        assert!(folder.path().join("stopped").exists(), "the agent was not asked first");
    }
}

#[test]
fn an_agent_that_does_not_listen_is_ended_by_force() {
    let folder = tempfile::tempdir().unwrap();
    let agent = script(folder.path(), "trap '' TERM\necho $$ > pid\nwhile :; do sleep 0.1; done");
    let mut supervisor = Supervisor::over(&agent, &[], &folder.path().join("says"));
    wait_for("the start", || !lines(&folder.path().join("pid")).is_empty());
    supervisor.signal(Signal::TERM);
    assert!(supervisor.ended_within(Duration::from_secs(12)).expect("it stops").success());
    let pid: i32 = lines(&folder.path().join("pid"))[0].parse().unwrap();
    assert!(rustix::process::test_kill_process(Pid::from_raw(pid).unwrap()).is_err(), "the agent still runs");
}

#[test]
fn a_missing_agent_is_tried_again_and_the_wait_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let says = folder.path().join("says");
    let mut supervisor = Supervisor::over(&folder.path().join("nowhere"), &[], &says);
    wait_for("two tries", || fs::read_to_string(&says).unwrap().matches("could not be started").count() >= 2);
    supervisor.signal(Signal::TERM);
    assert!(supervisor.ended_within(Duration::from_secs(2)).expect("it stops at once").success());
}

#[test]
fn a_bad_command_line_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_reeve-updater")).arg("walk").output().unwrap();
    assert_eq!(output.status.code(), Some(i32::from(updater::exit::USAGE)));
    assert!(String::from_utf8_lossy(&output.stderr).contains("usage:"));
}
