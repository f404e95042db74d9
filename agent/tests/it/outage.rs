//! The server goes away and the agent is killed meanwhile: nothing is lost, nothing is kept twice.

use crate::support::{Device, FakeServer, eventually};
use entity::presence::DisconnectReason;
use std::{collections::BTreeSet, time::Duration};
use tokio::time::sleep;

#[tokio::test]
async fn an_outage_with_a_crash_in_between_loses_and_repeats_nothing() {
    let mut server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let running = device.run();
    eventually("samples", || server.world().samples.len() >= 2).await;
    server.vanish().await;
    // What lies in the spool and is not in the server's hands yet.
    let before = device.spooled().len();
    eventually("samples that wait", || device.spooled().len() >= before + 3).await;
    running.kill().await;
    let waiting_at_the_crash = device.spooled();

    let running = device.run();
    eventually("samples after the crash", || device.spooled().len() >= waiting_at_the_crash.len() + 2).await;
    running.kill().await;
    let running = device.run();
    sleep(Duration::from_millis(1500)).await;
    let expected: BTreeSet<_> = device.spooled();
    assert!(expected.is_superset(&waiting_at_the_crash), "a crash takes nothing from the spool");

    server.come_back().await;
    eventually("everything in the server", || {
        let world = server.world();
        expected.iter().all(|moment| world.samples.contains_key(moment))
    })
    .await;
    assert!(running.stop().await.success());
    let world = server.world();
    let repeated: Vec<_> = world.samples.iter().filter(|(_, times)| **times > 1).collect();
    // Only what was on its way when the server vanished may be sent again, and is the same row.
    assert!(repeated.len() <= 1, "{repeated:?}");
    assert_eq!(world.dropped_total, 0);
    let reason = world.reasons().last().and_then(|(_, reason)| *reason);
    assert_eq!(reason, Some(DisconnectReason::NetworkUnreachable), "the link was down before the crash");
}

#[tokio::test]
async fn a_crash_between_sending_and_acknowledging_is_the_same_row_again() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    server.world().keep_acks = true;
    let running = device.run();
    eventually("samples", || !server.world().samples.is_empty()).await;
    sleep(Duration::from_secs(2)).await;
    running.kill().await;
    let sent: BTreeSet<_> = server.world().samples.keys().copied().collect();
    let spooled = device.spooled();
    assert!(spooled.is_superset(&sent), "what was sent stays until it is acknowledged");
    server.world().keep_acks = false;
    let running = device.run();
    eventually("the rest", || spooled.iter().all(|moment| server.world().samples.contains_key(moment))).await;
    assert!(running.stop().await.success());
}
