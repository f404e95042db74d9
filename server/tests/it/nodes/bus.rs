//! The bus comes and goes: nothing is lost but time, and everybody can see how it stands.

use super::find;
use crate::{
    events::Stream,
    support::{
        agent::{FakeAgent, metrics},
        nats::Nats,
        nodes::{acquainted, join, store_beside, two, until},
        people::send,
        world::{Engine, World},
    },
};
use domain::BusState;
use entity::{
    portal_event::PortalEvent,
    wire::{ToAgent, ToServer},
};
use reqwest::Method;
use server::bus::BusConfig;

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_comes_and_goes_costs_time_and_nothing_else() {
    let mut nats = Nats::off(&[]);
    let (first, second) = two().await;
    let stores = [first.store(), &second.store];
    for store in stores {
        join(store, &nats.url()).await;
        assert_eq!(store.bus_state(), BusState::Unreachable);
    }
    let ready = async || send(first.stranger().request(Method::GET, "/readyz")).await;
    let answer = ready().await;
    assert_eq!(answer.status, 200, "without a bus the server serves");
    assert!(answer.body.contains("bus: unreachable"), "{}", answer.body);

    let admin = second.person(&first.world.admin_secret);
    let mut page = Stream::open(&admin).await;
    assert_eq!(page.next().await, Some(PortalEvent::Resync));
    let agent = FakeAgent::of(&first, first.ours).await;
    let (mut socket, _) = agent.connect().await;
    socket.send(&ToServer::Metrics(metrics(5, 5))).await;
    assert_eq!(socket.next().await, ToAgent::Ack { position: 5 }, "stored without a bus");
    let device: serde_json::Value = admin.get(&format!("/agents/{}", agent.id)).await.expect(200);
    assert_eq!(device["presence"], "online", "who looks sees it");

    for round in 2..=3 {
        nats.begin();
        for store in stores {
            until(|| store.bus_state() == BusState::Connected).await;
        }
        assert!(ready().await.body.contains("bus: connected"));
        // The page is told that it missed something, and what happens from now on.
        find(&mut page, |event| *event == PortalEvent::Resync).await;
        acquainted(&stores).await;
        socket.send(&ToServer::Metrics(metrics(5 * round, 5))).await;
        assert_eq!(socket.next().await, ToAgent::Ack { position: 5 * round });
        find(
            &mut page,
            |event| matches!(event, PortalEvent::Metrics { device_id, .. } if *device_id == agent.id),
        )
        .await;
        nats.kill();
        for store in stores {
            until(|| store.bus_state() == BusState::Unreachable).await;
        }
    }
    for store in stores {
        let traffic = store.bus_traffic();
        assert!(traffic.sent > 0 && traffic.heard > 0 && traffic.gaps > 0, "{traffic:?}");
    }
    assert!(first.store().bus_traffic().lost > 0, "what was said while it was gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_may_ask_who_comes() {
    let nats = Nats::with(&["--user", "reeve", "--pass", "s3cret"]);
    let world = World::on(Engine::Postgres, "https://reeve.example").await;
    let [good, by_file, bad] =
        [store_beside(&world).await, store_beside(&world).await, store_beside(&world).await];
    join(&good, &nats.url_as("reeve:s3cret")).await;
    let file = world.folder().join("bus-credentials");
    std::fs::write(&file, "reeve:s3cret\n").expect("written");
    let config = BusConfig::new(&nats.url(), Some(&file), None).expect("good");
    server::bus::Nats::start(&config, &by_file).await.expect("a bus");
    join(&bad, &nats.url_as("reeve:guess")).await;
    for store in [&good, &by_file] {
        until(|| store.bus_state() == BusState::Connected).await;
    }
    acquainted(&[&good, &by_file]).await;
    assert_eq!(bad.bus_state(), BusState::Unreachable);
    assert_eq!(bad.bus_traffic().heard, 0);
}

#[tokio::test]
async fn a_bus_is_of_no_use_to_an_embedded_database() {
    let world = World::on_sqlite().await;
    let config = BusConfig::new("nats://127.0.0.1:4222", None, None).expect("an address");
    let refused = server::bus::Nats::start(&config, &world.store).await.expect_err("no bus");
    assert!(refused.to_string().contains("--database-url"), "{refused}");
    assert_eq!(world.store.bus_state(), BusState::None);
}
