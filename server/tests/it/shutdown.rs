//! The end of a server under load: what was acknowledged is stored, what was stored is acknowledged, nobody who asked
//! is left without an answer, and whoever asks twice gets their way at once.

use crate::support::{
    PATIENCE,
    agent::{FakeAgent, Socket, metrics},
    process::Place,
    server::TestServer,
    world::{self, Engine},
};
use chrono::TimeDelta;
use domain::{Store, clock::ManualClock};
use entity::{
    id::DeviceId,
    metric::{HistoryQuery, Metric},
    presence::DisconnectReason,
    wire::{ToAgent, ToServer},
};
use rustix::process::Signal;
use server::{Limits, Rate};
use std::{os::unix::net::UnixDatagram, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Samples that an agent sends at a time.
const BATCH: u64 = 1;
/// Later ones would be of the future.
const POSITION_MAX: u64 = 240;

/// Sends samples without waiting for the answers until the server says goodbye; the last position that was acknowledged.
async fn over_the_socket(mut socket: Socket) -> u64 {
    let mut acknowledged = 0;
    let mut sent = 0;
    loop {
        while sent < (acknowledged + 4 * BATCH).min(POSITION_MAX) {
            sent += BATCH;
            socket
                .try_send_text(serde_json::to_string(&ToServer::Metrics(metrics(sent, BATCH))).expect("JSON"))
                .await;
        }
        match socket.next().await {
            ToAgent::Ack { position } => {
                acknowledged = position;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            ToAgent::Goodbye { reason, .. } => {
                assert_eq!(reason, DisconnectReason::ServerStopped);
                return acknowledged;
            }
            // It was not stored, and comes again.
            ToAgent::Busy { .. } => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                sent = acknowledged;
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Posts samples until nobody listens any more; the last position that was acknowledged. A request that was taken is
/// answered.
async fn over_http(url: String, token: String, id: DeviceId) -> u64 {
    let mut acknowledged = 0;
    while acknowledged < POSITION_MAX {
        let body = serde_json::to_string(&metrics(acknowledged + BATCH, BATCH)).expect("JSON");
        let Ok(mut stream) = TcpStream::connect(url.trim_start_matches("http://")).await else {
            return acknowledged;
        };
        let request = format!(
            "POST /api/v1/agents/{id}/metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(request.as_bytes()).await.is_err() {
            return acknowledged;
        }
        let mut answer = String::new();
        // Nothing at all: the connection was never taken.
        if stream.read_to_string(&mut answer).await.is_err() || answer.is_empty() {
            return acknowledged;
        }
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        acknowledged += BATCH;
    }
    acknowledged
}

/// How many samples of a device are stored.
async fn stored(store: &Store, server: &TestServer, device: DeviceId) -> u64 {
    let admin = world::cx(store, &server.world.admin_secret).await;
    let start = world::noon() - TimeDelta::hours(5);
    let mut count = 0;
    // In parts, none of which has more points than an answer may.
    for part in 0..2 {
        let start = start + TimeDelta::hours(part * 4);
        let query = HistoryQuery {
            metrics: vec![Metric::CpuPercent],
            start,
            end: start + TimeDelta::hours(4),
            interval_seconds: Some(60),
        };
        let history = domain::metric::history(&admin, device, &query).await.expect("a history");
        count += history.series[0].points.len() as u64;
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_is_stored_and_what_is_stored_is_acknowledged() {
    // Nobody is held back: what was refused in between would be stored without being acknowledged.
    let plenty = Rate::new(100_000, 1_000_000);
    let limits = Limits {
        message: plenty,
        fleet_message: plenty,
        device: plenty,
        fleet: plenty,
        newcomer: plenty,
        ..Limits::default()
    };
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut server = TestServer::limited(engine, limits).await;
        let (mut sockets, mut posts) = (Vec::new(), Vec::new());
        for _ in 0..6 {
            let agent = FakeAgent::of(&server, server.ours).await;
            let (socket, _) = agent.connect().await;
            sockets.push((agent.id, tokio::spawn(over_the_socket(socket))));
            let agent = FakeAgent::of(&server, server.theirs).await;
            posts.push((agent.id, tokio::spawn(over_http(agent.url.clone(), agent.token.clone(), agent.id))));
        }
        let events =
            server.admin.request(reqwest::Method::GET, "/portal/events").send().await.expect("a stream");
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.stop().await;
        timeout(PATIENCE, events.text()).await.expect("the stream ends").expect("in order");

        let config = domain::Config {
            database_url: server.world.database_url.clone(),
            data_dir: server.world.folder().to_owned(),
            public_url: server.url.clone(),
            command_key_file: None,
        };
        let later = world::noon() + TimeDelta::minutes(1);
        let store = Store::open(config, Arc::new(ManualClock::new(later))).await.expect("opens again");
        let mut most = 0;
        for (device, task) in sockets {
            let acknowledged = timeout(PATIENCE, task).await.expect("a goodbye").expect("in order");
            assert_eq!(stored(&store, &server, device).await, acknowledged, "over the socket");
            most = most.max(acknowledged);
        }
        for (device, task) in posts {
            let acknowledged =
                timeout(PATIENCE, task).await.expect("an end").expect("every request is answered");
            assert_eq!(stored(&store, &server, device).await, acknowledged, "over HTTP");
        }
        assert!(most > 0, "there was no load");
        store.close().await;
    }
}

/// A request that was begun, so that the server has something to wait for.
async fn half_a_request(url: &str) -> TcpStream {
    let mut stream =
        TcpStream::connect(url.replace("http://localhost", "127.0.0.1")).await.expect("connected");
    let head = "POST /portal/sign-in HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\ninput";
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream
}

#[tokio::test]
async fn a_second_signal_ends_the_server_at_once() {
    let place = Place::new();
    let mut server = place.serve(&["--log-level", "debug"]).await;
    let _held = half_a_request(&server.url).await;
    // The request has to have been taken before.
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.signal(Signal::TERM);
    server.logged("stopping").await;
    server.signal(Signal::INT);
    assert!(!server.ended().await);
    assert!(server.log().contains("ended at once"), "{}", server.log());
    // Nothing is broken by it.
    place.serve(&[]).await.stop().await;
}

#[tokio::test]
async fn the_service_manager_is_told_when_the_server_is_there_and_when_it_goes() {
    let mut place = Place::new();
    let socket = UnixDatagram::bind(place.path("notify")).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("set");
    place.set("NOTIFY_SOCKET", &place.path("notify").display().to_string());
    let heard = || {
        let mut word = [0; 64];
        let length = socket.recv(&mut word).expect("a word");
        String::from_utf8_lossy(&word[..length]).into_owned()
    };
    let server = place.serve(&[]).await;
    assert_eq!(heard(), "READY=1");
    server.stop().await;
    assert_eq!(heard(), "STOPPING=1");
}
