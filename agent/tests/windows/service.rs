//! Autostart and the service: the Run keys and the service control manager.

use crate::{
    machine::{Windows, ended, said},
    package::{expect_forgotten, plant_updates},
    support::{FakeServer, eventually},
};
use std::fs;

const RUN: &str = r"HKLM\Software\Microsoft\Windows\CurrentVersion\Run";

pub async fn autostart_is_a_run_key(windows: &Windows) {
    let device = windows.device();
    let enabled = windows.output(windows.programs.join("reeve-agent.exe"), &["--enable-autostart"]).await;
    assert!(enabled.status.success(), "{}", said(&enabled));
    let command = windows.registry(RUN, "ReeveAgent").await.expect("the Run key");
    assert!(command.starts_with('"') && command.ends_with("reeve-agent.exe\" run"), "{command}");
    let disabled =
        device.windows.output(windows.programs.join("reeve-agent.exe"), &["--disable-autostart"]).await;
    assert!(disabled.status.success(), "{}", said(&disabled));
    assert_eq!(windows.registry(RUN, "ReeveAgent").await, None);
}

/// What the service control manager says of the agent's service.
async fn state(windows: &Windows) -> Option<String> {
    let output = windows.output("sc", &["query", "ReeveAgent"]).await;
    let text = said(&output);
    let line = text.lines().find(|line| line.contains("STATE"))?.to_owned();
    Some(line.split_whitespace().last()?.to_owned())
}

pub async fn a_service_is_installed_started_stopped_and_taken_away(windows: &Windows) {
    let server = FakeServer::start().await;
    let device = windows.device().registered(&server).await;
    let prefix = r"C:\Reeve Programs";
    let installed = device.output(&["install", "--prefix", prefix]).await;
    assert!(installed.status.success(), "{}", said(&installed));
    eventually("the hello", || server.world().hellos.len() == 1).await;
    assert_eq!(state(windows).await.as_deref(), Some("RUNNING"));
    let again = device.output(&["install", "--prefix", prefix]).await;
    assert!(again.status.success(), "twice changes nothing: {}", said(&again));
    let stopped = device.output(&["stop"]).await;
    assert!(stopped.status.success(), "{}", said(&stopped));
    assert_eq!(state(windows).await.as_deref(), Some("STOPPED"));
    eventually("the close", || {
        server.world().closed_because.last().is_some_and(|why| why == "agent_stopped")
    })
    .await;
    let hellos = server.world().hellos.len();
    let started = device.output(&["start"]).await;
    assert!(started.status.success(), "{}", said(&started));
    eventually("the next hello", || server.world().hellos.len() > hellos).await;
    plant_updates(&device.file("updates"));
    let gone = device.output(&["uninstall", "--prefix", prefix]).await;
    assert!(gone.status.success(), "{}", said(&gone));
    assert_eq!(state(windows).await, None);
    assert!(!windows.place(r"C:\Reeve Programs\reeve-agent.exe").exists());
    assert!(device.file("device.key").exists(), "the data stays");
    expect_forgotten(&device.file("updates"));
}

/// Wine ends programs with the code of success, which a supervisor takes for an end in order; so the agent fails by itself
/// here, because another one holds the lock.
pub async fn the_supervisor_starts_an_agent_that_failed_again(windows: &Windows) {
    let server = FakeServer::start().await;
    let device = windows.device().registered(&server).await;
    let mut other = device.run(&["run", "--supervised"]);
    eventually("the first hello", || server.world().hellos.len() == 1).await;
    let installed = device.output(&["install", "--prefix", r"C:\Reeve Programs"]).await;
    assert!(installed.status.success(), "{}", said(&installed));
    let says =
        |what: &str| fs::read_to_string(device.file("updater.log")).is_ok_and(|log| log.contains(what));
    eventually("the failure", || says("agent ended: exit code: 7")).await;
    drop(other.stdin.take());
    assert_eq!(ended(&mut other).await, Some(0));
    eventually("the agent of the service", || server.world().hellos.len() == 2).await;
    let gone = device.output(&["uninstall", "--prefix", r"C:\Reeve Programs", "--purge"]).await;
    assert!(gone.status.success(), "{}", said(&gone));
    assert!(!device.file("device.key").exists(), "--purge removes the data");
}
