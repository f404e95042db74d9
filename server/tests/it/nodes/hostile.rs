//! Whoever can read and write on the bus learns nothing, and gets nobody to do anything.

use crate::{
    events::Stream,
    support::{
        PATIENCE,
        agent::{FakeAgent, metrics},
        nats::Nats,
        nodes::{acquainted, join, store_beside, two_with, until},
        world::{Engine, World},
    },
};
use chrono::Duration;
use domain::{BusState, Store};
use entity::{
    portal_event::PortalEvent,
    wire::{ToAgent, ToServer},
};
use futures::StreamExt as _;
use tokio::time::timeout;

/// Somebody else on the bus.
struct Stranger(async_nats::Client);

impl Stranger {
    async fn on(nats: &Nats) -> Self {
        Self(async_nats::connect(nats.url()).await.expect("a connection"))
    }

    /// What the servers of a database say from now on.
    async fn listen(&self, store: &Store) -> async_nats::Subscriber {
        let heard = self.0.subscribe(subject(store)).await.expect("listens");
        // What comes back to ourselves shows that NATS has taken the subscription before it.
        let mut echo = self.0.subscribe("echo").await.expect("listens");
        self.0.publish("echo", "".into()).await.expect("sent");
        next(&mut echo).await;
        heard
    }

    async fn say(&self, store: &Store, message: &[u8]) {
        self.0.publish(subject(store), message.to_vec().into()).await.expect("sent");
        self.0.flush().await.expect("sent");
    }
}

fn subject(store: &Store) -> String {
    format!("reeve.v1.{}.hints", store.cluster())
}

async fn next(heard: &mut async_nats::Subscriber) -> Vec<u8> {
    timeout(PATIENCE, heard.next()).await.expect("in time").expect("a message").payload.to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_strangers_say_is_ignored_and_what_they_hear_is_noise() {
    let nats = Nats::start();
    let (first, second) = two_with(&nats).await;
    let stranger = Stranger::on(&nats).await;
    let agent = FakeAgent::of(&first, first.ours).await;
    let (mut socket, _) = agent.connect().await;
    acquainted(&[first.store(), &second.store]).await;
    let mut page = Stream::open(&second.person(&first.world.admin_secret)).await;
    assert_eq!(page.next().await, Some(PortalEvent::Resync));

    // What they hear.
    let mut heard = stranger.listen(first.store()).await;
    socket.send(&ToServer::Metrics(metrics(5, 5))).await;
    assert_eq!(socket.next().await, ToAgent::Ack { position: 5 });
    let overheard = next(&mut heard).await;
    let text = String::from_utf8(overheard.clone()).expect("letters");
    assert!(!text.contains(&agent.id.to_string()) && !text.contains("metrics"), "{text}");

    // What they say: nothing in particular, what looks right, what was said before, and what others mean.
    let elsewhere = World::on(Engine::Postgres, "https://other.example").await;
    join(&elsewhere.store, &nats.url()).await;
    let mut foreign = stranger.listen(&elsewhere.store).await;
    until(|| elsewhere.store.bus_state() == BusState::Connected).await;
    elsewhere.store.missed();
    let foreign = next(&mut foreign).await;
    let plain = serde_json::json!({
        "node": uuid::Uuid::now_v7(),
        "number": 1,
        "at": first.store().clock().now().timestamp_millis(),
        "hints": [{"type": "wake", "devices": [agent.id]}, {"type": "event", "event": {"type": "resync"}}],
    });
    let mut damaged = overheard.clone();
    damaged[40] ^= 1;
    let plain = plain.to_string();
    let said: [&[u8]; 8] =
        [b"", b"{}", &[0xff; 64], plain.as_bytes(), &overheard, &damaged, &foreign, &vec![b'A'; 900 * 1024]];
    let before = second.store.bus_traffic();
    for message in said {
        stranger.say(first.store(), message).await;
    }
    // Too long ones are not even looked at.
    until(|| second.store.bus_traffic().refused >= before.refused + 7).await;
    assert_eq!(second.store.bus_traffic().refused, before.refused + 7);
    assert_eq!(elsewhere.store.bus_traffic().heard, 0, "another database's servers have their own subject");

    // Nobody moved: the socket lives, and the page hears what is true.
    socket.send(&ToServer::Metrics(metrics(10, 5))).await;
    assert_eq!(socket.next().await, ToAgent::Ack { position: 10 });
    let mut events = 0;
    while events < 2 {
        let event = page.next().await.expect("an event");
        assert!(
            matches!(event, PortalEvent::Metrics { device_id, .. } if device_id == agent.id),
            "{event:?}"
        );
        events += 1;
    }
}

/// A recording is worth nothing after a minute, and before that only once.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_believed_once_and_for_a_minute() {
    let nats = Nats::start();
    let world = World::on(Engine::Postgres, "https://reeve.example").await;
    let (soon, late) = (store_beside(&world).await, store_beside(&world).await);
    join(&world.store, &nats.url()).await;
    until(|| world.store.bus_state() == BusState::Connected).await;
    let stranger = Stranger::on(&nats).await;
    let mut heard = stranger.listen(&world.store).await;
    world.store.missed();
    let recorded = next(&mut heard).await;
    for (believed, refused) in [(1, 0), (1, 1)] {
        soon.hear(&recorded);
        let traffic = soon.bus_traffic();
        assert_eq!((traffic.heard, traffic.refused), (believed, refused));
    }
    world.store.hear(&recorded);
    assert_eq!(world.store.bus_traffic().heard, 0, "nobody hears themselves");
    world.clock.advance(Duration::seconds(61));
    late.hear(&recorded);
    let traffic = late.bus_traffic();
    assert_eq!((traffic.heard, traffic.refused), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_missed_is_noticed_with_the_next() {
    let nats = Nats::start();
    let world = World::on(Engine::Postgres, "https://reeve.example").await;
    let listener = store_beside(&world).await;
    join(&world.store, &nats.url()).await;
    until(|| world.store.bus_state() == BusState::Connected).await;
    let stranger = Stranger::on(&nats).await;
    let mut heard = stranger.listen(&world.store).await;
    let mut messages = Vec::new();
    for _ in 0..3 {
        world.store.missed();
        messages.push(next(&mut heard).await);
    }
    listener.hear(&messages[0]);
    assert_eq!(listener.bus_traffic().gaps, 0);
    listener.hear(&messages[2]);
    assert_eq!((listener.bus_traffic().gaps, listener.bus_traffic().heard), (1, 2));
}
