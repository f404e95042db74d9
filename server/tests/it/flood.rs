//! A flood is its sender's problem: what one business's devices send too much of is held back, refused or not even read,
//! and every message of its neighbour's is served meanwhile.

use crate::support::{
    PATIENCE,
    agent::{FakeAgent, Socket, metrics},
    people::send as send_request,
    server::{Estate, TestServer},
    world::Engine,
};
use entity::{
    problem::ProblemCode,
    wire::{
        ToAgent, ToServer,
        limits::{INGEST_BYTES_MAX, MESSAGE_BYTES_MAX, SOCKET_MESSAGE_BYTES_MAX},
    },
};
use reqwest::Method;
use server::{Limits, MetricsToken, Rate};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

const TOKEN: &str = "a-token-of-the-operator";

/// One a second, and so many at once: what a test can use up before a second is over.
const fn few(burst: u32) -> Rate {
    Rate::new(1, burst)
}

/// What came back for what was sent.
#[derive(Debug, Default)]
struct Answers {
    acked: AtomicU64,
    busy: AtomicU64,
}

/// Sends so many messages at once over one socket, and counts what comes back, until everything has been answered.
async fn send(agent: &FakeAgent, messages: u64, answers: &Answers) {
    let (mut socket, _) = agent.connect().await;
    for position in 1..=messages {
        socket.send(&ToServer::Metrics(metrics(position, 1))).await;
    }
    for _ in 0..messages {
        match socket.next().await {
            ToAgent::Ack { .. } => answers.acked.fetch_add(1, Ordering::Relaxed),
            ToAgent::Busy { retry_after_seconds } => {
                assert!(retry_after_seconds >= 1);
                answers.busy.fetch_add(1, Ordering::Relaxed)
            }
            other => panic!("{other:?}"),
        };
    }
}

async fn agents(server: &TestServer, estate: Estate, count: usize) -> Vec<FakeAgent> {
    let mut agents = Vec::new();
    for _ in 0..count {
        agents.push(FakeAgent::of(server, estate).await);
    }
    agents
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_of_a_neighbour_is_served_while_a_business_floods() {
    let limits = Limits { fleet_message: few(60), ..Limits::default() };
    let server = TestServer::limited(Engine::Sqlite, limits).await;
    let (ours, theirs) = (agents(&server, server.ours, 5).await, agents(&server, server.theirs, 5).await);
    let (of_ours, of_theirs) = (Answers::default(), Answers::default());
    // A hundred times as much as the neighbour's; it stands for as long as the test.
    let flood = futures::future::join_all(ours.iter().map(|agent| send(agent, 300, &of_ours)));
    let quiet = async {
        while of_ours.busy.load(Ordering::Relaxed) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let acked = of_ours.acked.load(Ordering::Relaxed);
        assert!((40..200).contains(&acked), "{acked} of the flood were served");
        futures::future::join_all(theirs.iter().map(|agent| send(agent, 3, &of_theirs))).await;
    };
    tokio::select! {
        _ = flood => panic!("the flood was served"),
        () = quiet => {}
    }
    let of_theirs = (of_theirs.acked.into_inner(), of_theirs.busy.into_inner());
    assert_eq!(of_theirs, (15, 0), "every message of the neighbour's");
}

#[tokio::test]
async fn frames_without_content_are_counted_like_any_other() {
    let limits = Limits { message: few(20), ..Limits::default() };
    let server = TestServer::limited(Engine::Sqlite, limits).await;
    let agent = FakeAgent::of(&server, server.ours).await;
    let (mut socket, _) = agent.connect().await;
    let flood = sim::frame(1, true, b"{}").repeat(5_000);
    socket.try_send_bytes(&flood).await;
    let mut answered = 0;
    while let Ok(Some(answer)) = timeout(Duration::from_millis(600), socket.try_next()).await {
        assert!(matches!(answer, ToAgent::Unsupported { .. }), "{answer:?}");
        answered += 1;
    }
    assert!((15..40).contains(&answered), "{answered} of 5000 were answered");
}

/// How many bytes the server says that it has in memory.
async fn ingest_bytes(server: &TestServer) -> usize {
    let request = server.stranger().request(Method::GET, "/metrics").bearer_auth(TOKEN);
    let text = send_request(request).await.body;
    let line = text.lines().find_map(|line| line.strip_prefix("reeve_ingest_bytes ")).expect("the reading");
    line.parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_into_memory_is_not_read() {
    let server = TestServer::configured(Engine::Sqlite, |config| {
        config.metrics_token = Some(MetricsToken::of(TOKEN).expect("long enough"))
    })
    .await;
    let greedy = FakeAgent::of(&server, server.ours).await;
    let (colleague, neighbour) =
        (FakeAgent::of(&server, server.ours).await, FakeAgent::of(&server, server.theirs).await);
    let mut held = Vec::new();
    for _ in 0..INGEST_BYTES_MAX / 2 / MESSAGE_BYTES_MAX {
        held.push(greedy.unfinished("software", MESSAGE_BYTES_MAX).await);
    }
    // Nobody asks before everything is read: what is asked takes room too, and could push one of these out.
    let read = held.len() * (MESSAGE_BYTES_MAX - 1);
    let all_read = timeout(PATIENCE, async {
        while ingest_bytes(&server).await < read {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    all_read.await.expect("everything is read");
    let refused = colleague.post("metrics", &metrics(5, 5)).await;
    let seconds = refused.header("retry-after").to_owned();
    let problem = refused.problem(503);
    assert_eq!(problem.code, ProblemCode::Unavailable);
    assert_eq!(problem.retry_after_seconds.map(|seconds| seconds.to_string()), Some(seconds));
    let (mut socket, _) = colleague.connect().await;
    socket.send(&ToServer::Metrics(metrics(5, 5))).await;
    assert!(matches!(socket.next().await, ToAgent::Busy { .. }), "messages come out of the same budget");
    assert_eq!(neighbour.post("metrics", &metrics(5, 5)).await.status, 200, "the neighbour has a part");
    // One that ends makes room again.
    let mut one = held.pop().expect("one");
    one.write_all(b" ").await.expect("sent");
    let mut answer = [0; 12];
    one.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 422");
    let again = timeout(Duration::from_secs(10), async {
        while colleague.post("metrics", &metrics(5, 5)).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    again.await.expect("there is room again");
}

#[tokio::test]
async fn what_is_too_large_for_a_socket_goes_over_http() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    let padded =
        |bytes: usize| format!(r#"{{"type":"pong","nonce":1,"padding":"{}"}}"#, "x".repeat(bytes - 40));
    let (mut socket, _) = agent.connect().await;
    socket.send_text(padded(SOCKET_MESSAGE_BYTES_MAX)).await;
    socket.send(&ToServer::Metrics(metrics(5, 5))).await;
    assert_eq!(socket.next().await, ToAgent::Ack { position: 5 }, "just small enough");
    socket.try_send_text(padded(SOCKET_MESSAGE_BYTES_MAX + 100)).await;
    assert_eq!(socket.closed().await.map(|frame| u16::from(frame.code)), Some(1009));
    // A header is enough: what it announces is not waited for.
    let mut socket: Socket = agent.connect().await.0;
    let frame = sim::frame(1, true, &vec![b' '; SOCKET_MESSAGE_BYTES_MAX + 1]);
    socket.try_send_bytes(&frame[..20]).await;
    assert_eq!(socket.closed().await.map(|frame| u16::from(frame.code)), Some(1009));
    let items: Vec<_> = (0..2_000)
        .map(|number| serde_json::json!({"software_name": format!("program-{number}"), "software_version": "1", "source": "dpkg"}))
        .collect();
    let report = serde_json::json!({"digest": "d", "items": items});
    assert_eq!(agent.post("software", &report).await.status, 204);
}
