//! Several servers on one PostgreSQL: what happens on one is seen on the others at once through the bus, and soon
//! without it.

mod bus;
mod hostile;
mod job;
mod keys;
mod killed;
mod presence;

use crate::{
    events::Stream,
    support::{
        agent::{FakeAgent, Socket, metrics},
        nats::Nats,
        nodes::{Beside, two, two_with},
        people::Person,
        server::TestServer,
    },
};
use entity::{
    portal_event::PortalEvent,
    presence::{DisconnectReason, Presence},
    registration::IssuedRegistrationToken,
    user::Role,
    wire::{ToAgent, ToServer},
};
use serde_json::{Value, json};

/// A device that reaches another server from now on.
fn moved(mut agent: FakeAgent, url: &str) -> FakeAgent {
    url.clone_into(&mut agent.url);
    agent
}

/// The first event that is one of these.
async fn find(stream: &mut Stream, wanted: impl Fn(&PortalEvent) -> bool) -> PortalEvent {
    loop {
        let event = stream.next().await.expect("an event");
        if wanted(&event) {
            return event;
        }
    }
}

/// The first server's admin, asking the second.
fn admin_at(first: &TestServer, second: &Beside) -> Person {
    second.person(&first.world.admin_secret)
}

async fn goodbye(socket: &mut Socket) -> DisconnectReason {
    let ToAgent::Goodbye { reason, .. } = socket.next().await else { panic!("no goodbye") };
    reason
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_on_one_server_hears_what_a_device_on_another_does() {
    let nats = Nats::start();
    let (first, second) = two_with(&nats).await;
    let ours = first.world.session(Role::Contact, Some(first.ours.business), &[]).await;
    let theirs = first.world.session(Role::Contact, Some(first.theirs.business), &[]).await;
    let (ours, theirs) = (second.person(&ours), second.person(&theirs));
    let (mut page, mut other) = (Stream::open(&ours).await, Stream::open(&theirs).await);
    for estate in [first.ours, first.theirs] {
        let agent = FakeAgent::of(&first, estate).await;
        let (mut socket, _) = agent.connect().await;
        socket.send(&ToServer::Metrics(metrics(5, 5))).await;
        assert_eq!(socket.next().await, ToAgent::Ack { position: 5 });
    }
    for (stream, estate) in [(&mut page, first.ours), (&mut other, first.theirs)] {
        let is_online =
            |event: &PortalEvent| matches!(event, PortalEvent::Presence { presence: Presence::Online, .. });
        for wanted in [&is_online as &dyn Fn(&PortalEvent) -> bool, &|event| {
            matches!(event, PortalEvent::Metrics { .. })
        }] {
            loop {
                let event = stream.next().await.expect("an event");
                let business = event.business_id();
                assert!(business.is_none_or(|business| business == estate.business), "another's: {event:?}");
                if wanted(&event) {
                    break;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_decided_on_one_server_ends_sockets_and_streams_on_another() {
    let nats = Nats::start();
    let (first, second) = two_with(&nats).await;
    let admin = admin_at(&first, &second);

    let revoked = FakeAgent::of(&first, first.ours).await;
    let (mut socket, _) = revoked.connect().await;
    let answer = admin.call("DELETE", &format!("/agents/{}", revoked.id), None).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(goodbye(&mut socket).await, DisconnectReason::Revoked);

    let given = FakeAgent::of(&first, first.ours).await;
    let (mut socket, _) = given.connect().await;
    let there = json!({"business_id": first.theirs.business});
    let answer = admin.post(&format!("/agents/{}/transfer", given.id), &there).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(goodbye(&mut socket).await, DisconnectReason::AccessChanged);

    let off = FakeAgent::of(&first, first.ours).await;
    let (mut socket, _) = off.connect().await;
    let contact = first.person(Role::Contact, first.ours).await;
    let mut page = Stream::open(&contact).await;
    let path = format!("/businesses/{}/active", first.ours.business);
    let answer = admin.post(&path, &json!({"is_active": false})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(goodbye(&mut socket).await, DisconnectReason::AccessChanged);
    while page.next().await.is_some() {}
    assert_eq!(contact.get("/me").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_socket_has_the_seat_wherever_it_is() {
    let nats = Nats::start();
    let (first, second) = two_with(&nats).await;
    let agent = FakeAgent::of(&first, first.ours).await;
    let (mut old, _) = agent.connect().await;
    let agent = moved(agent, &second.url);
    let (mut new, _) = agent.connect().await;
    let frame = old.closed().await.expect("a reason");
    assert_eq!(u16::from(frame.code), 1008, "replaced, not said goodbye to");
    new.send(&ToServer::Metrics(metrics(3, 3))).await;
    assert_eq!(new.next().await, ToAgent::Ack { position: 3 });
    // The old socket's end is not the device's.
    first.advance(20);
    first.sweep().await;
    let view: Value = admin_at(&first, &second).get(&format!("/agents/{}", agent.id)).await.expect(200);
    assert_eq!(view["presence"], "online");
}

/// Behind a balancer without stickiness each step of something may come to another server. No bus is needed for that.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_on_one_server_is_finished_on_another() {
    let (first, second) = two().await;
    let world = &first.world;
    let there =
        domain::access::session_cx(&second.store, &crate::support::world::visitor(), &world.admin_secret)
            .await
            .expect("a session is everywhere");

    // A token that was made here is shown there, once, and to its maker alone.
    let issued: IssuedRegistrationToken = first.token(first.ours).await;
    let neighbour = first.world.session(Role::MspAdmin, None, &[]).await;
    let neighbour = crate::support::world::cx(&second.store, &neighbour).await;
    let take = async |cx| domain::registration::take_secret(cx, issued.id).await.expect("asks");
    assert_eq!(take(&neighbour).await, None);
    assert_eq!(take(&there).await.map(|shown| shown.token), Some(issued.token.clone()));
    assert_eq!(take(&there).await, None);
    assert_eq!(take(&world.admin).await, None, "here neither");

    // The machine registers here, proves who it is there, and uses the token here.
    let agent = FakeAgent::register(&first, &issued.token).await.expect("registered");
    let agent = moved(agent, &second.url);
    let token = agent.fresh_token().await.expect("a token");
    let mut agent = moved(agent, &first.url);
    agent.token = token;
    agent.connect().await;

    // Signed out there is signed out here.
    let session = world.session(Role::Contact, Some(first.ours.business), &[]).await;
    let contact = crate::support::world::cx(&second.store, &session).await;
    domain::access::sign_out(&contact).await.expect("signed out");
    assert_eq!(Person::with_session(&first.url, &session).get("/me").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_wait_for_their_page_in_bounded_number_and_for_ten_minutes() {
    crate::support::world::each_engine(|world| async move {
        let issue = async || {
            let input = entity::registration::RegistrationTokenInput {
                business_id: world.business,
                service_location_id: None,
                device_name: String::new(),
                expires_in_hours: None,
            };
            world.clock.advance(chrono::Duration::milliseconds(10));
            domain::registration::issue(&world.admin, input).await.expect("issued").id
        };
        let take =
            async |id| domain::registration::take_secret(&world.admin, id).await.expect("asks").is_some();
        let oldest = issue().await;
        let next = issue().await;
        for _ in 0..49 {
            issue().await;
        }
        assert!(!take(oldest).await, "the oldest made room");
        assert!(take(next).await);
        let late = issue().await;
        world.clock.advance(chrono::Duration::minutes(10));
        assert!(!take(late).await, "it waited too long");
    })
    .await;
}
