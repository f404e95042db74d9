//! The link: settings, tokens, busy servers, blocked sockets, silence, ended access.

use crate::support::{Device, FakeServer, eventually};
use agent::{paths::Paths, run, timing::Timing};
use entity::{
    presence::{DisconnectReason, LinkKind},
    wire::{Settings, ToAgent},
};
use std::time::Duration;
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

/// An agent in this process, with short waits.
struct Quick {
    task: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl Quick {
    fn run(device: &Device, change: impl FnOnce(&mut Timing)) -> Self {
        let mut timing = Timing {
            reconnect_first: Duration::from_millis(50),
            reconnect_longest: Duration::from_millis(300),
            socket_first_retry: Duration::from_millis(300),
            socket_retry: Duration::from_millis(500),
            ..Timing::default()
        };
        change(&mut timing);
        let paths = Paths::under(device.data());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let stopped = async move { drop(stopped.await) };
            run::run(&paths, timing, stopped).await.unwrap();
        });
        Self { task, stop }
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        timeout(Duration::from_secs(5), self.task).await.expect("it stops within five seconds").unwrap();
    }
}

#[tokio::test]
async fn settings_apply_at_once_and_only_within_bounds() {
    let server = FakeServer::start().await;
    server.world().settings = Settings {
        heartbeat_interval_seconds: 300,
        metrics_interval_seconds: 3600,
        inventory_interval_seconds: 86_400,
        ..Settings::default()
    };
    let device = Device::registered(&server).await;
    let running = device.run();
    eventually("the first sample", || server.world().samples.len() == 1).await;
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(server.world().samples.len(), 1);
    assert_eq!(server.world().heartbeats(LinkKind::Socket), 0);
    // Zero is not a rate; the agent takes its own minimum of a second.
    let settings = Settings {
        heartbeat_interval_seconds: 0,
        metrics_interval_seconds: 0,
        inventory_interval_seconds: 0,
        ..Settings::default()
    };
    server.world().push(&ToAgent::Config { settings });
    eventually("samples and heartbeats", || {
        server.world().samples.len() >= 3 && server.world().heartbeats(LinkKind::Socket) >= 2
    })
    .await;
    assert!(server.world().samples.len() < 20);
    running.stop().await;
}

#[tokio::test]
async fn a_token_that_is_no_longer_taken_is_replaced_at_once() {
    let mut server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let agent = Quick::run(&device, |_| {});
    eventually("the hello", || server.world().hellos.len() == 1).await;
    server.vanish().await;
    server.world().agent_tokens.clear();
    server.come_back().await;
    eventually("the second hello", || server.world().hellos.len() == 2).await;
    assert_eq!(server.world().challenges, 2);
    agent.stop().await;
}

#[tokio::test]
async fn a_busy_server_gets_the_same_samples_later() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    server.world().busy = 2;
    let agent = Quick::run(&device, |_| {});
    eventually("samples", || server.world().samples.len() >= 3).await;
    assert_eq!(server.world().hellos.len(), 1, "the link stayed");
    assert!(server.world().samples.values().all(|times| *times == 1));
    agent.stop().await;
}

#[tokio::test]
async fn blocked_sockets_are_left_for_polling_and_come_back() {
    let server = FakeServer::start().await;
    server.world().block_sockets = true;
    let device = Device::registered(&server).await;
    let agent = Quick::run(&device, |_| {});
    eventually("polling", || server.world().heartbeats(LinkKind::Polling) >= 2).await;
    eventually("samples by HTTP", || server.world().samples.len() >= 2).await;
    eventually("the inventory by HTTP", || {
        server.world().facts.is_some() && server.world().services.is_some()
    })
    .await;
    assert!(device.status().await.contains("connected by HTTP"), "{}", device.status().await);
    assert!(server.world().hellos.iter().all(|(kind, _)| *kind == LinkKind::Polling));

    server.world().block_sockets = false;
    eventually("the socket", || server.world().heartbeats(LinkKind::Socket) >= 1).await;
    let told = server.world().reasons();
    assert_eq!(told.last(), Some(&(LinkKind::Socket, Some(DisconnectReason::LinkChanged))));

    // And once more the other way: the socket breaks and cannot be had again.
    let polled = server.world().heartbeats(LinkKind::Polling);
    let stored = server.world().samples.len();
    server.world().block_sockets = true;
    server.world().drop_sockets = true;
    eventually("polling again", || server.world().heartbeats(LinkKind::Polling) > polled).await;
    eventually("more samples", || server.world().samples.len() > stored + 1).await;
    let told = server.world().reasons();
    assert_eq!(told.last(), Some(&(LinkKind::Polling, Some(DisconnectReason::LinkChanged))));
    agent.stop().await;
    // The one that was stored and not acknowledged when the socket broke is sent again, and is the same row.
    let again = server.world().samples.values().filter(|times| **times > 1).count();
    assert!(again <= 1, "{again}");
}

#[tokio::test]
async fn a_socket_that_falls_silent_is_given_up() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let agent = Quick::run(&device, |timing| timing.silence = Duration::from_millis(1500));
    eventually("the hello", || server.world().hellos.len() == 1).await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(server.world().hellos.len(), 1, "a server that only answers pings is not silent");
    server.world().deaf = true;
    sleep(Duration::from_millis(2500)).await;
    server.world().deaf = false;
    eventually("another hello", || server.world().hellos.len() >= 2).await;
    assert_eq!(server.world().reasons()[1].1, Some(DisconnectReason::ConnectionLost));
    agent.stop().await;
}

#[tokio::test]
async fn samples_that_are_never_acknowledged_end_the_link_and_are_sent_again() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    server.world().keep_acks = true;
    let agent = Quick::run(&device, |timing| timing.ack = Duration::from_millis(500));
    eventually("a second link", || server.world().hellos.len() >= 2).await;
    server.world().keep_acks = false;
    eventually("an empty spool", || agent::spool::survey(&device.data().join("spool")).samples_waiting == 0)
        .await;
    agent.stop().await;
}

#[tokio::test]
async fn the_server_says_when_to_come_back() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let agent = Quick::run(&device, |_| {});
    eventually("the hello", || server.world().hellos.len() == 1).await;
    let left = Instant::now();
    server
        .world()
        .push(&ToAgent::Goodbye { reason: DisconnectReason::ServerStopped, retry_after_seconds: 2 });
    eventually("the return", || server.world().hellos.len() == 2).await;
    assert!(left.elapsed() >= Duration::from_secs(2), "{:?}", left.elapsed());
    assert_eq!(server.world().reasons()[1].1, Some(DisconnectReason::ServerStopped));
    agent.stop().await;
}

#[tokio::test]
async fn a_revoked_device_stops_asking_and_says_so() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let mut running = device.run();
    eventually("the hello", || server.world().hellos.len() == 1).await;
    server.world().revoked = true;
    server.world().agent_tokens.clear();
    server.world().push(&ToAgent::Goodbye { reason: DisconnectReason::Revoked, retry_after_seconds: 0 });
    sleep(Duration::from_secs(1)).await;
    let requests = server.world().requests;
    sleep(Duration::from_secs(3)).await;
    assert_eq!(server.world().requests, requests, "it leaves the server alone");
    assert!(running.is_alive(), "a supervisor would only start it again");
    assert!(device.status().await.contains("access was ended by the server"), "{}", device.status().await);
    assert!(running.stop().await.success());

    // One that learns of it only when it starts.
    let mut running = device.run();
    sleep(Duration::from_secs(3)).await;
    assert!(server.world().requests <= requests + 1, "one question is enough");
    assert!(running.is_alive());
    assert!(
        device.status().await.contains("The access of this device was ended."),
        "{}",
        device.status().await
    );
    running.stop().await;
}

/// Over the socket and over HTTP: a refusal is no end, because the business may be switched on again.
#[tokio::test]
async fn a_device_whose_business_is_switched_off_keeps_asking_and_comes_back() {
    for blocked in [false, true] {
        let server = FakeServer::start().await;
        server.world().block_sockets = blocked;
        let device = Device::registered(&server).await;
        let running = Quick::run(&device, |_| {});
        eventually("the hello", || server.world().hellos.len() == 1).await;
        {
            let mut world = server.world();
            world.switched_off = true;
            let reason = DisconnectReason::AccessChanged;
            world.push(&ToAgent::Goodbye { reason, retry_after_seconds: 0 });
        }
        sleep(Duration::from_millis(500)).await;
        let asked = server.world().requests;
        eventually("more questions", || server.world().requests >= asked + 5).await;
        let status = device.status().await;
        assert!(status.contains("down since") && !status.contains("ended by"), "{status}");
        assert_eq!(server.world().hellos.len(), 1);
        server.world().switched_off = false;
        eventually("another hello", || server.world().hellos.len() >= 2).await;
        running.stop().await;
    }
}

#[tokio::test]
async fn what_the_agent_does_not_understand_is_answered() {
    let server = FakeServer::start().await;
    let device = Device::registered(&server).await;
    let agent = Quick::run(&device, |_| {});
    eventually("the hello", || server.world().hellos.len() == 1).await;
    server.world().push(&ToAgent::Unknown);
    eventually("the answer", || {
        server.world().events.iter().any(|event| event.event_type == "unsupported_message")
    })
    .await;
    assert_eq!(server.world().hellos.len(), 1, "the link stays");
    agent.stop().await;
}
