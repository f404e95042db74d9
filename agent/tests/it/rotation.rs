//! Another key takes the place of the device's: at once, after a crash at the worst moment, and under a running agent.

use crate::support::{Device, FakeServer, eventually};
use entity::presence::LinkKind;
use std::fs;

fn key(device: &Device) -> String {
    fs::read_to_string(device.data().join("device.key")).unwrap()
}

#[tokio::test]
async fn the_key_is_replaced_and_the_former_one_is_gone() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let former = key(&device);
    let output = device.output(&["rotate-key"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_ne!(key(&device), former);
    assert!(!device.data().join("device.key.next").exists());
    let fingerprint = String::from_utf8(output.stdout).unwrap();
    let shown = fingerprint.trim().trim_end_matches('.').rsplit(' ').next().unwrap().to_owned();
    assert!(device.status().await.contains(&shown), "status shows the new key");
    assert!(device.output(&["rotate-key"]).await.status.success(), "and once more");
}

#[tokio::test]
async fn a_lost_answer_locks_nobody_out() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let former = key(&device);
    server.world().lose_key_answer = true;
    assert!(!device.output(&["rotate-key"]).await.status.success());
    assert_eq!(key(&device), former, "nothing was settled");
    let next = fs::read_to_string(device.data().join("device.key.next")).unwrap();

    let agent = device.run();
    eventually("the agent finds the key that the server took", || {
        server.world().heartbeats(LinkKind::Socket) > 0
    })
    .await;
    assert_eq!(key(&device), next);
    assert!(!device.data().join("device.key.next").exists());
    agent.stop().await;
}

#[tokio::test]
async fn a_running_agent_goes_on_with_the_new_key() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let mut agent = device.run();
    eventually("it is linked", || server.world().heartbeats(LinkKind::Socket) > 0).await;
    assert!(device.output(&["rotate-key"]).await.status.success());
    let before = {
        let mut world = server.world();
        world.drop_sockets = true;
        world.hellos.len()
    };
    eventually("it is back with the new key", || server.world().hellos.len() > before).await;
    server.world().drop_sockets = false;
    assert!(agent.is_alive());
    agent.stop().await;
}
