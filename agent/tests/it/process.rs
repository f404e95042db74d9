//! The agent as a process: one for each data directory, ends in order, tells how it is.

use crate::support::{Device, FakeServer, eventually};
use entity::{
    presence::{DisconnectReason, LinkKind},
    system_service::ServiceManager,
};
use rustix::process::{Pid, test_kill_process};
use std::{fs, path::Path, time::Duration};
use tokio::time::Instant;
use updater::exit;

#[tokio::test]
async fn a_new_device_shows_everything_at_once_and_stops_in_order() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let started = Instant::now();
    let running = device.run();
    eventually("the first sample", || !server.world().samples.is_empty()).await;
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    eventually("facts, software and services", || {
        let world = server.world();
        world.facts.is_some()
            && world.services.is_some()
            && (world.software.is_some() || !Path::new("/var/lib/dpkg/status").exists())
    })
    .await;
    eventually("heartbeats", || server.world().heartbeats(LinkKind::Socket) >= 2).await;
    {
        let world = server.world();
        assert_eq!(world.reasons(), [(LinkKind::Socket, None)]);
        assert!(world.facts.as_ref().is_some_and(|report| !report.facts.hostname.is_empty()));
        let systemd = Path::new("/run/systemd/system").exists();
        let manager = world.services.as_ref().map(|report| report.manager);
        assert_eq!(manager, Some(if systemd { ServiceManager::Systemd } else { ServiceManager::None }));
    }
    assert!(running.stop().await.success());
    eventually("the close", || server.world().closed_because == ["agent_stopped"]).await;

    let running = device.run();
    eventually("the second hello", || server.world().hellos.len() == 2).await;
    assert_eq!(server.world().reasons()[1].1, Some(DisconnectReason::AgentStopped));
    // Its hello alone does not mean that it knows that it is connected.
    let beats = server.world().heartbeats(LinkKind::Socket);
    eventually("a heartbeat", || server.world().heartbeats(LinkKind::Socket) > beats).await;
    running.kill().await;
    let running = device.run();
    eventually("the third hello", || server.world().hellos.len() == 3).await;
    assert_eq!(server.world().reasons()[2].1, Some(DisconnectReason::AgentCrashed));
    assert!(running.stop().await.success());
}

#[tokio::test]
async fn what_the_server_has_is_not_sent_again() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let running = device.run();
    eventually("the inventory", || server.world().facts.is_some()).await;
    let sent = server.world().inventories;
    running.stop().await;
    let running = device.run();
    eventually("samples of the second run", || {
        server.world().hellos.len() == 2 && server.world().heartbeats(LinkKind::Socket) >= 3
    })
    .await;
    assert_eq!(server.world().inventories, sent);
    running.stop().await;
}

#[tokio::test]
async fn a_second_agent_is_refused() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let running = device.run();
    eventually("the hello", || !server.world().hellos.is_empty()).await;
    let second = device.output(&["run"]).await;
    assert_eq!(second.status.code(), Some(i32::from(exit::ALREADY_RUNNING)));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains(&running.pid().to_string()), "{said}");
    let replace = device.register(&server, "AGT-good", &["--replace"]).await;
    assert_eq!(
        replace.status.code(),
        Some(i32::from(exit::ALREADY_RUNNING)),
        "nor can it be registered anew"
    );
    running.stop().await;
}

#[tokio::test]
async fn status_tells_a_person_and_a_program() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let before = device.status().await;
    assert!(before.contains("not running") && before.contains("none yet"), "{before}");
    let running = device.run();
    eventually("samples", || server.world().samples.len() >= 2).await;
    let text = device.status().await;
    for part in
        [&server.url, "connected by WebSocket since", "samples wait", &format!("pid {}", running.pid())]
    {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    assert!(!text.contains("none yet"), "{text}");
    let output = device.output(&["status", "--json"]).await;
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["state"]["link"]["state"], "connected");
    let fingerprint = json["key_fingerprint"].as_str().unwrap();
    assert!(fingerprint.len() == 16 && text.contains(fingerprint));
    running.stop().await;
    assert!(device.status().await.contains("down: the agent does not run"));
}

#[tokio::test]
async fn an_agent_ends_with_its_supervisor() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let script = format!(
        "'{}' run --supervised --data-dir '{}' 2>/dev/null & echo $!; sleep 1",
        env!("CARGO_BIN_EXE_reeve-agent"),
        device.data().display()
    );
    let pids = device.data().join("pid");
    let shell = tokio::process::Command::new("sh")
        .args(["-c", &script])
        .stdout(fs::File::create(&pids).unwrap())
        .status()
        .await
        .unwrap();
    assert!(shell.success());
    let pid: i32 = fs::read_to_string(&pids).unwrap().trim().parse().unwrap();
    eventually("the end of the agent", || test_kill_process(Pid::from_raw(pid).unwrap()).is_err()).await;
    assert!(!server.world().hellos.is_empty(), "it was up before");
}
