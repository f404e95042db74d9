//! The agent as a resident: one instance whatever happens, in a directory that is protected, and told to make room.

use crate::support::{Device, FakeServer, Running, eventually};
use agent::lock;
use entity::agent_state::AgentState;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Stdio,
    time::Duration,
};
use tokio::{process::Command, time::timeout};
use updater::exit;

fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

fn is_alive(pid: i32) -> bool {
    test_kill_process(Pid::from_raw(pid).unwrap()).is_ok()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn log(device: &Device) -> String {
    fs::read_to_string(device.data().join("log")).unwrap_or_default()
}

/// The agent that holds the lock.
fn holder(device: &Device) -> Option<i32> {
    let pid = lock::running(&agent::paths::Paths::under(device.data()))?.pid?;
    i32::try_from(pid).ok()
}

async fn up(device: &Device) -> Running {
    let mut running = device.run();
    let pid = running.pid();
    eventually("the lock", || holder(device) == Some(pid) || !running.is_alive()).await;
    assert!(running.is_alive(), "{}", log(device));
    running
}

#[tokio::test]
async fn of_twenty_started_at_once_one_runs_and_the_others_say_so() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let mut children: Vec<_> = (0..20)
        .map(|_| device.agent(&["run"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
        .collect();
    eventually("the end of nineteen", || {
        let ended = children.iter_mut().map(|child| child.try_wait().unwrap());
        ended.flatten().count() >= 19
    })
    .await;
    let winner = holder(&device).unwrap();
    let mut kept = None;
    for child in children {
        if child.id().and_then(|pid| i32::try_from(pid).ok()) == Some(winner) {
            kept = Some(child);
            continue;
        }
        let output = child.wait_with_output().await.unwrap();
        assert_eq!(output.status.code(), Some(i32::from(exit::ALREADY_RUNNING)));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(&format!("Another instance (PID: {winner}) is running. Exiting.")), "{said}");
        assert!(said.contains("Lock file exists, checking status..."), "{said}");
    }
    assert!(is_alive(winner));
    signal(winner, Signal::TERM);
    let ended = timeout(Duration::from_secs(10), kept.unwrap().wait()).await.expect("it stops");
    assert!(ended.unwrap().success());
    assert!(holder(&device).is_none());
}

#[tokio::test]
async fn what_a_killed_agent_leaves_is_taken_over_and_an_end_in_order_leaves_nothing() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let first = up(&device).await;
    let killed = first.pid();
    eventually("the first link", || server.world().hellos.len() == 1).await;
    first.kill().await;
    let left = fs::read_to_string(device.data().join("agent.lock")).unwrap();
    assert!(left.starts_with(&killed.to_string()), "{left}");
    let second = up(&device).await;
    let text = log(&device);
    for line in [
        "Lock file exists, checking status...".to_owned(),
        format!("Detected stale lock file (PID: {killed}, Timestamp: 2"),
        ". Attempting to take over.".to_owned(),
        "Acquired lock successfully".to_owned(),
    ] {
        assert!(text.contains(&line), "{line} is missing in:\n{text}");
    }
    eventually("the link", || server.world().hellos.len() == 2).await;
    assert!(second.stop().await.success());
    let text = log(&device);
    let order = [
        "Initiating graceful shutdown...",
        "IDLE -> SHUTTING_DOWN",
        "Lock released successfully",
        "Shutdown complete. Exiting.",
    ];
    let places: Vec<_> =
        order.iter().map(|line| text.rfind(line).unwrap_or_else(|| panic!("{line}:\n{text}"))).collect();
    assert!(places.is_sorted(), "{text}");
    assert!(!device.data().join("agent.lock").exists() && !device.data().join("agent.sock").exists());
}

#[tokio::test]
async fn a_server_that_takes_nothing_more_does_not_hold_up_the_end() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let running = up(&device).await;
    eventually("the link", || server.world().hellos.len() == 1).await;
    server.world().deaf = true;
    // It has to notice that with the next message.
    let beats = server.world().heartbeats(entity::presence::LinkKind::Socket);
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(server.world().heartbeats(entity::presence::LinkKind::Socket) <= beats + 2);
    assert!(running.stop().await.success());
    assert!(holder(&device).is_none());
    assert!(log(&device).contains("Shutdown complete. Exiting."));
}

#[tokio::test]
async fn an_agent_that_polls_tells_its_end_too() {
    let server = FakeServer::start().await;
    server.world().block_sockets = true;
    let device = Device::registered(&server).await;
    let running = up(&device).await;
    eventually("polling", || server.world().hellos.len() == 1).await;
    assert!(running.stop().await.success());
    assert_eq!(server.world().agent_states, [AgentState::Idle, AgentState::ShuttingDown]);
}

/// The kernel's lock decides, not the age of the time in the file.
#[tokio::test]
async fn an_agent_that_was_suspended_is_still_the_only_one() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let running = up(&device).await;
    let pid = running.pid();
    eventually("heartbeats", || server.world().heartbeats(entity::presence::LinkKind::Socket) >= 1).await;
    signal(pid, Signal::STOP);
    // As it would look after a week: the content is information and nothing else.
    fs::write(device.data().join("agent.lock"), format!("{pid}\n2020-01-01T00:00:00Z\n")).unwrap();
    let second = device.output(&["run"]).await;
    assert_eq!(second.status.code(), Some(i32::from(exit::ALREADY_RUNNING)));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains(&format!("Another instance (PID: {pid}) is running. Exiting.")), "{said}");
    // Neither does a number of nobody.
    fs::write(device.data().join("agent.lock"), "4194303\n2020-01-01T00:00:00Z\n").unwrap();
    assert_eq!(device.output(&["run"]).await.status.code(), Some(i32::from(exit::ALREADY_RUNNING)));
    signal(pid, Signal::CONT);
    let beats = server.world().heartbeats(entity::presence::LinkKind::Socket);
    eventually("more heartbeats", || {
        server.world().heartbeats(entity::presence::LinkKind::Socket) > beats + 1
    })
    .await;
    assert!(running.stop().await.success());
}

#[tokio::test]
async fn a_directory_that_others_can_change_is_refused_until_it_is_repaired() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let key = device.data().join("device.key");
    for (path, mode) in [(device.data(), 0o777), (device.data(), 0o750), (key.as_path(), 0o644)] {
        set_mode(path, mode);
        let refused = device.output(&["run"]).await;
        assert_eq!(refused.status.code(), Some(i32::from(exit::UNPROTECTED)), "{mode:o}");
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains(&format!("mode {mode:04o}")) && said.contains("doctor --fix"), "{said}");
        let told = server.world().errors.iter().any(|report| {
            report.error_type == "data_directory_unsafe"
                && report.error_message.contains(&format!("{mode:04o}"))
        });
        assert!(told, "the server was not told of {mode:o}");
        let doctor = device.output(&["doctor"]).await;
        assert_eq!(doctor.status.code(), Some(i32::from(exit::UNWELL)));
        let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
        assert!(said.contains("WRONG    data directory"), "{said}");
        let fixed = device.output(&["doctor", "--fix"]).await;
        let said = String::from_utf8_lossy(&fixed.stdout).into_owned();
        assert!(fixed.status.success() && said.contains("repaired:"), "{said}");
    }
    fs::rename(&key, device.data().join("elsewhere")).unwrap();
    symlink(device.data().join("elsewhere"), &key).unwrap();
    assert_eq!(device.output(&["run"]).await.status.code(), Some(i32::from(exit::UNPROTECTED)));
    assert_eq!(device.output(&["doctor", "--fix"]).await.status.code(), Some(i32::from(exit::UNWELL)));
    fs::rename(device.data().join("elsewhere"), &key).unwrap();
    let running = up(&device).await;
    running.stop().await;
}

#[tokio::test]
async fn status_doctor_and_logs_are_answered_by_the_agent_and_from_files_without_one() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let text = async |arguments: &'static [&'static str]| {
        let output = device.output(arguments).await;
        String::from_utf8(output.stdout).unwrap()
    };
    let said = text(&["doctor"]).await;
    assert!(said.contains("does not run") && said.contains("can be reached and knows this device"), "{said}");
    let running = up(&device).await;
    let pid = running.pid();
    eventually("the link", || server.world().hellos.len() == 1).await;
    let json: serde_json::Value = serde_json::from_str(&text(&["status", "--json"]).await).unwrap();
    assert_eq!(json["live"]["agent_state"], "IDLE");
    assert_eq!(json["running_pid"], pid);
    assert!(text(&["status"]).await.contains("IDLE since"));
    eventually("the link in the files", || {
        fs::read_to_string(device.data().join("state.json")).unwrap().contains("connected")
    })
    .await;
    let doctor = device.output(&["doctor"]).await;
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(doctor.status.success(), "{said}");
    for part in [&format!("runs as pid {pid}, IDLE"), "connected by socket", "is protected", "fingerprint"] {
        assert!(said.contains(part), "{part} is missing in:\n{said}");
    }
    let logs = text(&["logs", "-n", "500"]).await;
    assert!(logs.contains("Acquired lock successfully") && logs.contains("STARTING -> IDLE"), "{logs}");
    assert_eq!(text(&["logs", "-n", "1"]).await.lines().count(), 1);
    let mut follow = device
        .agent(&["logs", "--follow", "-n", "0"])
        .stdout(fs::File::create(device.data().join("followed")).unwrap())
        .spawn()
        .unwrap();
    // What comes after it began.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let wrong = agent::ipc::Request { secret: "x".to_owned(), new_args: Some(vec![]), ask: None };
    crate::channel::say(&device, &serde_json::to_vec(&wrong).unwrap()).await;
    eventually("the line that is followed", || {
        fs::read_to_string(device.data().join("followed")).unwrap().contains("IPC: authentication failed")
    })
    .await;
    assert!(running.stop().await.success());
    let ended = timeout(Duration::from_secs(10), follow.wait()).await.expect("it ends with the agent");
    assert!(ended.unwrap().success());
    assert!(text(&["logs", "-n", "3"]).await.contains("Shutdown complete. Exiting."));
    assert!(!is_alive(pid));
}

/// With its supervisor: the agent is started again with what was asked for, and nobody fights.
#[tokio::test]
async fn a_supervised_agent_is_started_again_by_its_supervisor() {
    let Some(updater) = crate::support::updater() else { return };
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let says = fs::File::create(device.data().join("updater.says")).unwrap();
    let mut supervisor = Command::new(updater)
        .args(["run", "--agent", env!("CARGO_BIN_EXE_reeve-agent"), "--", "--data-dir"])
        .arg(device.data())
        .stdin(Stdio::null())
        .stderr(says)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    eventually("the first agent", || server.world().hellos.len() == 1).await;
    let first = holder(&device).unwrap();
    // The supervisor takes an end within the first second for a crash.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let forced = device.output(&["--force", "--loglevel", "debug"]).await;
    let said = String::from_utf8_lossy(&forced.stdout).into_owned();
    assert!(forced.status.success(), "{said}{}", String::from_utf8_lossy(&forced.stderr));
    let second = holder(&device).unwrap();
    assert!(said.contains(&format!("by its supervisor (PID {second})")) && first != second, "{said}");
    eventually("the second link", || server.world().hellos.len() == 2).await;
    assert!(!is_alive(first));
    assert!(device.status().await.contains("supervised"));
    eventually("a line of the level that was asked for", || {
        let written = fs::read_to_string(device.data().join("logs/agent.log")).unwrap();
        written.contains("\"level\":\"DEBUG\"")
    })
    .await;
    assert!(!device.data().join("restart.json").exists());
    let says = fs::read_to_string(device.data().join("updater.says")).unwrap();
    assert_eq!(says.matches("agent started").count(), 2, "{says}");
    signal(i32::try_from(supervisor.id().unwrap()).unwrap(), Signal::TERM);
    timeout(Duration::from_secs(10), supervisor.wait()).await.expect("it stops").unwrap();
}
