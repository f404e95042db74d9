//! `--force` over the named pipe, with the secret of the Credential Manager.

use crate::{
    machine::{Windows, ended, said},
    support::{FakeServer, eventually},
};
use std::fs;
use updater::exit;

pub async fn an_agent_makes_room(windows: &Windows) {
    let server = FakeServer::start().await;
    let device = windows.device().registered(&server).await;
    let mut first = device.run(&["run"]);
    eventually("the first hello", || server.world().hellos.len() == 1).await;
    let mut second = device.run(&["run", "--force", "--loglevel", "debug"]);
    eventually("the second hello", || server.world().hellos.len() == 2).await;
    assert_eq!(ended(&mut first).await, Some(0), "{}", device.log());
    let log = device.log();
    for line in
        ["Instance A acknowledged --force request. Waiting for lock release.", "Acquired lock successfully"]
    {
        assert!(log.contains(line), "{line} is missing in:\n{log}");
    }
    second.kill().await.unwrap();
}

pub async fn the_secret_is_in_the_credential_manager(windows: &Windows) {
    let server = FakeServer::start().await;
    let device = windows.device().registered(&server).await;
    let mut agent = device.run(&["run", "--supervised"]);
    eventually("the hello", || server.world().hellos.len() == 1).await;
    let file = device.file("ipc.secret");
    if file.exists() {
        fs::remove_file(&file).unwrap();
    }
    let status = device.output(&["status", "--json"]).await;
    let report: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert!(report["live"]["agent_state"].is_string(), "the agent that runs did not answer: {report}");
    drop(agent.stdin.take());
    assert_eq!(ended(&mut agent).await, Some(0));
}

pub async fn a_wrong_secret_is_refused(windows: &Windows) {
    let server = FakeServer::start().await;
    let device = windows.device().registered(&server).await;
    let mut agent = device.run(&["run", "--supervised"]);
    eventually("the hello", || server.world().hellos.len() == 1).await;
    fs::write(device.file("ipc.secret"), "0".repeat(64)).unwrap();
    let refused = device.output(&["run", "--force"]).await;
    assert_eq!(refused.status.code(), Some(i32::from(exit::SECRET_REFUSED)), "{}", said(&refused));
    assert!(agent.try_wait().unwrap().is_none(), "the agent goes on");
    drop(agent.stdin.take());
    assert_eq!(ended(&mut agent).await, Some(0));
}
