//! The agent's socket: hello, reports, acknowledgements, and every way it ends.

use crate::support::{
    agent::{FakeAgent, Socket, hello, metrics},
    people::send,
    server::{TestServer, each_engine, event},
};
use entity::{
    device::DeviceView,
    metric::History,
    portal_event::PortalEvent,
    presence::{DROP_GRACE_SECONDS, DisconnectReason, LinkKind, Presence},
    problem::ProblemCode,
    wire::{Heartbeat, Hello, PROTOCOL, ToAgent, ToServer},
};
use serde_json::json;
use tokio_tungstenite::tungstenite::Error;

#[tokio::test(flavor = "multi_thread")]
async fn samples_are_acknowledged_once_they_are_committed() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let (mut socket, welcome) = agent.connect().await;
        assert_eq!(welcome.protocol, PROTOCOL);
        socket.send(&ToServer::Metrics(metrics(30, 30))).await;
        assert_eq!(socket.next().await, ToAgent::Ack { position: 30 });
        assert_eq!(points(&server, &agent).await, 30, "what is acknowledged can be read");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_that_come_again_are_acknowledged_and_counted_once() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let (mut socket, _) = agent.connect().await;
        for position in [30, 30, 40, 30] {
            socket.send(&ToServer::Metrics(metrics(position, 20))).await;
            assert_eq!(socket.next().await, ToAgent::Ack { position });
        }
        assert_eq!(points(&server, &agent).await, 30, "minutes 11 to 40");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_messages_in_flight_are_acknowledged_in_order() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let (mut socket, _) = agent.connect().await;
        for position in 1..=20 {
            socket.send(&ToServer::Metrics(metrics(position * 5, 5))).await;
        }
        for position in 1..=20 {
            assert_eq!(socket.next().await, ToAgent::Ack { position: position * 5 });
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_ends_the_socket_at_once_and_the_token_stops_working() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let (mut socket, _) = agent.connect().await;
        let view: DeviceView =
            server.admin.call("DELETE", &format!("/agents/{}", agent.id), None).await.expect(200);
        assert_eq!(
            (view.presence, view.disconnect_reason),
            (Presence::Offline, Some(DisconnectReason::Revoked))
        );
        let goodbye = socket.next().await;
        assert!(matches!(goodbye, ToAgent::Goodbye { reason: DisconnectReason::Revoked, .. }), "{goodbye:?}");
        socket.closed().await;
        assert_eq!(
            agent.post("heartbeat", &json!({"link": "polling"})).await.problem(410).code,
            ProblemCode::Gone
        );
        assert_eq!(agent.fresh_token().await.expect_err("revoked").status, 410);
        assert_eq!(refusal(Socket::open(&server.url, Some(&agent.token)).await), 410);
    })
    .await;
}

/// How many minutes of samples the server has.
async fn points(server: &TestServer, agent: &FakeAgent) -> usize {
    let path = format!("/agents/{}/metrics/history?metric=cpu_percent&interval=1m", agent.id);
    let history: History = server.admin.get(&path).await.expect(200);
    history.series[0].points.len()
}

#[track_caller]
fn refusal(answer: Result<Socket, Box<Error>>) -> u16 {
    match answer.map_err(|error| *error) {
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("the socket was opened"),
    }
}

#[tokio::test]
async fn only_a_token_in_the_header_opens_a_socket() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    assert_eq!(refusal(Socket::open(&server.url, None).await), 401);
    assert_eq!(refusal(Socket::open(&server.url, Some("nonsense")).await), 401);
    for name in ["token", "agent_token", "access_token"] {
        let path = format!("/ws?{name}={}", agent.token);
        let request = server.stranger().request(reqwest::Method::GET, &path);
        let answer = send(request).await;
        assert_eq!(answer.problem(401).code, ProblemCode::SignedOut, "{name}");
    }
    let with_cookie = server.admin.request(reqwest::Method::GET, "/ws");
    assert_eq!(send(with_cookie).await.status, 401, "a person is no agent");
}

#[tokio::test]
async fn a_token_lives_for_a_quarter_of_an_hour() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    server.advance(15 * 60 - 1);
    drop(agent.dial().await);
    server.advance(1);
    assert_eq!(refusal(Socket::open(&server.url, Some(&agent.token)).await), 401);
    let fresh = agent.fresh_token().await.expect("the key still works");
    assert!(Socket::open(&server.url, Some(&fresh)).await.is_ok());
}

#[tokio::test]
async fn the_first_message_has_to_be_a_hello() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    let mut socket = agent.dial().await;
    socket
        .send(&ToServer::Heartbeat(Heartbeat { link: LinkKind::Socket, hello: None, agent_state: None }))
        .await;
    assert!(matches!(socket.next().await, ToAgent::Unsupported { .. }));
    socket.closed().await;
}

#[tokio::test]
async fn an_older_agent_is_spoken_to_in_its_own_protocol() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    for (theirs, both) in [(0, 0), (PROTOCOL + 7, PROTOCOL)] {
        let mut socket = agent.dial().await;
        socket.send(&ToServer::Hello(Hello { protocol: theirs, ..hello() })).await;
        let ToAgent::Welcome(welcome) = socket.next().await else { panic!("no welcome") };
        assert_eq!(welcome.protocol, both);
    }
}

#[tokio::test]
async fn what_the_server_does_not_know_is_answered_and_ends_nothing() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    let (mut socket, _) = agent.connect().await;
    for strange in [r#"{"type":"teleport","to":"mars"}"#, r#"{"type":"metrics"}"#, "no JSON", "[]", "{}"] {
        socket.send_text(strange.to_owned()).await;
        let answer = socket.next().await;
        assert!(matches!(answer, ToAgent::Unsupported { .. }), "{strange}: {answer:?}");
    }
    socket.send(&ToServer::Hello(hello())).await;
    assert!(matches!(socket.next().await, ToAgent::Unsupported { .. }), "one hello is enough");
    socket.send(&ToServer::Metrics(metrics(5, 5))).await;
    assert_eq!(socket.next().await, ToAgent::Ack { position: 5 });
}

#[tokio::test]
async fn too_many_samples_are_refused_and_end_nothing() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    let (mut socket, _) = agent.connect().await;
    // So many are too large for the socket: they go over HTTP beside it.
    let problem = agent.post("metrics", &metrics(200, 121)).await.problem(422);
    assert_eq!(problem.field.as_deref(), Some("samples"));
    assert_eq!(agent.post("metrics", &metrics(200, 120)).await.status, 200);
    socket.send(&ToServer::Metrics(metrics(205, 5))).await;
    assert_eq!(socket.next().await, ToAgent::Ack { position: 205 });
}

#[tokio::test]
async fn a_second_socket_of_a_device_replaces_the_first() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    let (mut first, _) = agent.connect().await;
    let (mut second, _) = agent.connect().await;
    first.closed().await;
    second.send(&ToServer::Metrics(metrics(5, 5))).await;
    assert_eq!(second.next().await, ToAgent::Ack { position: 5 });
    server.advance(29);
    server.sweep().await;
    assert_eq!(
        device(&server, &agent).await.presence,
        Presence::Online,
        "the end of the first changes nothing"
    );
}

#[tokio::test]
async fn a_stopping_server_says_goodbye_and_when_to_come_back() {
    let mut server = TestServer::start().await;
    let agents = [FakeAgent::of(&server, server.ours).await, FakeAgent::of(&server, server.theirs).await];
    let mut sockets = Vec::new();
    for agent in &agents {
        sockets.push(agent.connect().await.0);
    }
    let farewells = async {
        for socket in &mut sockets {
            let goodbye = socket.next().await;
            let ToAgent::Goodbye { reason: DisconnectReason::ServerStopped, retry_after_seconds } = goodbye
            else {
                panic!("{goodbye:?}");
            };
            assert!((1..=8).contains(&retry_after_seconds));
            socket.closed().await;
        }
    };
    tokio::join!(server.stop(), farewells);
}

#[tokio::test]
async fn reports_reach_the_device_page() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    let (mut socket, _) = agent.connect().await;
    let mut events = server.store().events();
    let facts = json!({"type": "facts", "digest": "f", "facts": {"hostname": "reported", "cpu_threads": 8}});
    socket.send_text(facts.to_string()).await;
    event(&mut events, |event| matches!(event, PortalEvent::Device { .. })).await;
    let view = device(&server, &agent).await;
    assert_eq!((view.facts.hostname.as_str(), view.facts.cpu_threads), ("reported", Some(8)));
    let software = json!({"type": "software", "digest": "s", "items": [
        {"software_name": "nginx", "software_version": "1.22", "source": "dpkg"}]});
    socket.send_text(software.to_string()).await;
    event(&mut events, |event| matches!(event, PortalEvent::Device { .. })).await;
    let listed = server.admin.get(&format!("/agents/{}/software?search=ngi", agent.id)).await;
    assert!(listed.body.contains("nginx"), "{}", listed.body);
    drop(socket);
    let (_, welcome) = agent.connect().await;
    assert_eq!((welcome.known.facts.as_deref(), welcome.known.software.as_deref()), (Some("f"), Some("s")));
}

async fn device(server: &TestServer, agent: &FakeAgent) -> DeviceView {
    server.admin.get(&format!("/agents/{}", agent.id)).await.expect(200)
}

#[tokio::test]
async fn a_socket_that_drops_is_offline_after_the_grace_with_the_agents_reason() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    let (socket, _) = agent.connect().await;
    socket.close(DisconnectReason::AgentStopped.word()).await;
    server.advance(DROP_GRACE_SECONDS - 1);
    server.sweep().await;
    assert_eq!(device(&server, &agent).await.presence, Presence::Online, "it may come back");
    server.advance(1);
    server.sweep().await;
    let view = device(&server, &agent).await;
    assert_eq!(
        (view.presence, view.disconnect_reason),
        (Presence::Offline, Some(DisconnectReason::AgentStopped))
    );
}
