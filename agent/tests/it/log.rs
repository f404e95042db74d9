//! The agent's own log: what is in it, for whom, and how large it gets.

use crate::support::{Device, FakeServer, eventually};
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt as _};

fn lines(device: &Device) -> Vec<Value> {
    let text = fs::read_to_string(device.data().join("logs/agent.log")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn set(device: &Device, name: &str, value: Value) {
    let path = device.data().join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config[name] = value;
    fs::write(path, serde_json::to_vec(&config).unwrap()).unwrap();
}

#[tokio::test]
async fn the_log_is_structured_for_the_owner_alone_and_holds_no_secret() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let mut command = device.agent(&["run", "--loglevel", "verbose"]);
    let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    eventually("samples", || server.world().samples.len() >= 2).await;
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let stderr = {
        use tokio::io::AsyncReadExt as _;
        let mut text = String::new();
        child.stderr.take().unwrap().read_to_string(&mut text).await.unwrap();
        text
    };
    child.wait().await.unwrap();

    let logs = device.data().join("logs");
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(logs.clone()), mode(logs.join("agent.log"))), (0o700, 0o600));
    let lines = lines(&device);
    let said = |text: &str| lines.iter().find(|line| line["message"] == text);
    let start = said("the agent starts").expect("the start");
    assert_eq!(
        (start["level"].as_str(), start["server"].as_str()),
        (Some("INFO"), Some(server.url.as_str()))
    );
    assert!(start["timestamp"].as_str().unwrap().ends_with('Z'));
    assert!(said("Shutdown complete. Exiting.").is_some(), "the last line is written before the end");
    assert!(stderr.contains("the agent starts"), "in the foreground it is on standard error too: {stderr}");
    let all = fs::read_to_string(logs.join("agent.log")).unwrap() + &stderr;
    let world = server.world();
    assert!(!world.agent_tokens.is_empty());
    for token in &world.agent_tokens {
        assert!(!all.contains(token.as_str()), "an agent token is in the log");
    }
    let key = fs::read_to_string(device.data().join("device.key")).unwrap_or_default();
    assert!(!all.contains("Bearer token") && (key.trim().is_empty() || !all.contains(key.trim())));
}

#[tokio::test]
async fn the_level_is_the_configurations_and_the_command_line_has_the_last_word() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    set(&device, "log_level", "error".into());
    let running = device.run();
    eventually("samples", || !server.world().samples.is_empty()).await;
    assert!(running.stop().await.success());
    assert_eq!(lines(&device), Vec::<Value>::new());
    let stored = server.world().samples.len();
    let mut child =
        device.agent(&["run", "--loglevel", "info"]).stderr(std::process::Stdio::null()).spawn().unwrap();
    eventually("more samples", || server.world().samples.len() > stored).await;
    eventually("lines", || lines(&device).iter().any(|line| line["message"] == "the agent starts")).await;
    child.kill().await.unwrap();
}

#[tokio::test]
async fn files_give_way_to_the_next_and_their_number_is_bounded() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    set(&device, "log_file_size_bytes", 65_536.into());
    set(&device, "log_files", 2.into());
    let logs = device.data().join("logs");
    fs::create_dir_all(&logs).unwrap();
    fs::set_permissions(&logs, fs::Permissions::from_mode(0o700)).unwrap();
    let old = format!("{{\"timestamp\":\"2026-11-21T00:00:00Z\",\"message\":\"{}\"}}\n", "x".repeat(70_000));
    for name in ["agent.log", "agent.log.1", "agent.log.2", "agent.log.3"] {
        fs::write(logs.join(name), &old).unwrap();
    }
    let running = device.run();
    eventually("samples", || !server.world().samples.is_empty()).await;
    assert!(running.stop().await.success());
    let mut names: Vec<_> = fs::read_dir(&logs).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["agent.log", "agent.log.1"]);
    assert!(fs::metadata(logs.join("agent.log")).unwrap().len() < 65_536);
    assert_eq!(fs::read_to_string(logs.join("agent.log.1")).unwrap(), old);
}
