//! What open pages are told: their own business's events, for as long as the session lives.

use crate::support::{
    PATIENCE,
    agent::{FakeAgent, metrics},
    people::{Person, send},
    server::TestServer,
};
use entity::{
    portal_event::PortalEvent,
    user::{Role, UserQuery},
    wire::ToServer,
};
use reqwest::{Method, Response};
use tokio::time::timeout;

/// An open stream of events.
pub struct Stream {
    response: Response,
    read: String,
}

impl Stream {
    /// Opens one.
    pub async fn open(person: &Person) -> Self {
        let request = person.request(Method::GET, "/portal/events").header("accept-encoding", "br, gzip");
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(!response.headers().contains_key("content-encoding"), "a compressed stream is held back");
        Self { response, read: String::new() }
    }

    /// The next event; `None` when the server ended the stream.
    pub async fn next(&mut self) -> Option<PortalEvent> {
        loop {
            if let Some((block, rest)) = self.read.split_once("\n\n") {
                let data = block.lines().find_map(|line| line.strip_prefix("data: ")).map(ToOwned::to_owned);
                self.read = rest.to_owned();
                match data {
                    Some(data) => return Some(serde_json::from_str(&data).expect("an event")),
                    None => continue,
                }
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.expect("something in time");
            self.read.push_str(std::str::from_utf8(&chunk.ok()??).expect("text"));
        }
    }
}

#[tokio::test]
async fn a_stranger_gets_no_events() {
    let server = TestServer::start().await;
    assert_eq!(send(server.stranger().request(Method::GET, "/portal/events")).await.problem(401).field, None);
}

#[tokio::test]
async fn people_are_told_of_their_own_business_alone() {
    let server = TestServer::start().await;
    let contact = server.person(Role::Contact, server.ours).await;
    let neighbour = server.person(Role::Contact, server.theirs).await;
    let (mut ours, mut theirs) = (Stream::open(&contact).await, Stream::open(&neighbour).await);
    assert_eq!(ours.next().await, Some(PortalEvent::Resync), "what is shown may be stale");
    assert_eq!(theirs.next().await, Some(PortalEvent::Resync));
    for estate in [server.ours, server.theirs] {
        let agent = FakeAgent::of(&server, estate).await;
        let (mut socket, _) = agent.connect().await;
        socket.send(&ToServer::Metrics(metrics(5, 5))).await;
        socket.next().await;
    }
    for (stream, estate) in [(&mut ours, server.ours), (&mut theirs, server.theirs)] {
        loop {
            let event = stream.next().await.expect("an event");
            assert_eq!(event.business_id(), Some(estate.business), "{event:?}");
            if matches!(event, PortalEvent::Metrics { .. }) {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_stream_ends_with_the_server() {
    let mut server = TestServer::start().await;
    let mut stream = Stream::open(&server.admin).await;
    assert_eq!(stream.next().await, Some(PortalEvent::Resync));
    let (end, ()) = tokio::join!(stream.next(), server.stop());
    assert_eq!(end, None);
}

#[tokio::test]
async fn one_person_may_have_many_pages_open_but_not_endlessly_many() {
    let server = TestServer::start().await;
    let mut open = Vec::new();
    for _ in 0..32 {
        open.push(Stream::open(&server.admin).await);
    }
    let refused = send(server.admin.request(Method::GET, "/portal/events")).await;
    assert_eq!(refused.problem(429).retry_after_seconds, Some(60));
}

/// Access that ends while a stream is open: the stream ends, or goes on with what is left, within seconds.
#[tokio::test]
async fn a_stream_follows_what_its_person_may_still_see() {
    let server = TestServer::start().await;
    let admin = server.world.admin_now().await;
    let both = [server.ours.business, server.theirs.business];
    let technician = server.world.session(Role::Technician, None, &both).await;
    let technician = Person::with_session(&server.url, &technician);
    let contact = server.person(Role::Contact, server.ours).await;
    let (mut open, mut removed) = (Stream::open(&technician).await, Stream::open(&contact).await);
    assert_eq!(open.next().await, Some(PortalEvent::Resync));
    assert_eq!(removed.next().await, Some(PortalEvent::Resync));

    let people = domain::user::list(&admin, &UserQuery::default()).await.expect("a list").items;
    let who = |role: Role| people.iter().find(|user| user.role == role).expect("somebody").clone();
    let confirmed = admin.confirmed().expect("just now");
    domain::user::set_active(&confirmed, who(Role::Contact).id, false).await.expect("switched off");
    assert_eq!(removed.next().await, None, "who is switched off is told nothing more");

    let tom = who(Role::Technician);
    let input = entity::user::UserInput {
        email: tom.email.clone(),
        full_name: tom.full_name.clone(),
        role: Role::Technician,
        granted: vec![server.ours.business],
        ..crate::support::world::user_input()
    };
    domain::user::change(&confirmed, tom.id, input).await.expect("one grant less");
    assert_eq!(open.next().await, Some(PortalEvent::Resync), "what is shown is not theirs any more");
    for estate in [server.theirs, server.ours] {
        let agent = FakeAgent::of(&server, estate).await;
        let (mut socket, _) = agent.connect().await;
        socket.send(&ToServer::Metrics(metrics(5, 5))).await;
        socket.next().await;
    }
    let told = open.next().await.expect("an event");
    assert_eq!(told.business_id(), Some(server.ours.business), "nothing of what was taken away: {told:?}");

    let owner = server.person(Role::BusinessOwner, server.ours).await;
    let mut of_business = Stream::open(&owner).await;
    assert_eq!(of_business.next().await, Some(PortalEvent::Resync));
    domain::business::set_active(&admin.confirmed().expect("just now"), server.ours.business, false)
        .await
        .expect("off");
    while of_business.next().await.is_some() {}
    assert_eq!(owner.get("/me").await.status, 401, "and the session is over");
}
