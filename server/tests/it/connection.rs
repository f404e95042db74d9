//! Connections: how many there may be, of whom, and what those hear for whom there is no room.

use crate::support::{
    PATIENCE,
    agent::{FakeAgent, metrics},
    people::send,
    server::TestServer,
    world::Engine,
};
use entity::wire::{ToAgent, ToServer};
use reqwest::Method;
use server::Caps;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const QUESTION: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";

async fn with_caps(all: usize, per_address: usize) -> TestServer {
    TestServer::configured(Engine::Sqlite, |config| config.caps = Caps { all, per_address }).await
}

async fn open(server: &TestServer) -> TcpStream {
    TcpStream::connect(server.url.trim_start_matches("http://")).await.expect("connected")
}

/// Asks over a connection; what came first.
async fn ask(stream: &mut TcpStream) -> String {
    // One that was refused may be closed already.
    let _ = stream.write_all(QUESTION).await;
    let mut bytes = [0; 4096];
    let read = timeout(PATIENCE, stream.read(&mut bytes)).await.expect("an answer").unwrap_or(0);
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

/// Tries until there is room.
async fn ask_until_answered(server: &TestServer) -> TcpStream {
    let again = async {
        loop {
            let mut stream = open(server).await;
            if ask(&mut stream).await.contains(" 200 OK") {
                return stream;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, again).await.expect("room")
}

#[tokio::test]
async fn whoever_comes_too_many_is_told_so_and_there_is_room_again() {
    for (all, per_address, why) in
        [(100, 3, "too many connections from this address"), (3, 100, "as many connections as it can hold")]
    {
        let server = with_caps(all, per_address).await;
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(ask_until_answered(&server).await);
        }
        let mut refused = open(&server).await;
        let answer = ask(&mut refused).await;
        assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
        assert!(answer.contains("retry-after: 5\r\n") && answer.contains(why), "{answer}");
        assert!(
            answer.contains("application/problem+json") && answer.contains("\"unavailable\""),
            "{answer}"
        );
        for stream in &mut held {
            assert!(ask(stream).await.contains(" 200 OK"), "those who are in stay in");
        }
        drop(held.pop());
        ask_until_answered(&server).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sockets_of_a_site_do_not_shut_out_its_people() {
    let server = with_caps(1000, 6).await;
    let mut sockets = Vec::new();
    for _ in 0..5 {
        // Dropped with its idle connection: the socket alone stays.
        let agent = FakeAgent::of(&server, server.ours).await;
        sockets.push(agent.connect().await.0);
        drop(agent);
    }
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(ask_until_answered(&server).await);
    }
    for socket in &mut sockets {
        socket.send(&ToServer::Metrics(metrics(10, 10))).await;
        assert_eq!(socket.next().await, ToAgent::Ack { position: 10 });
    }
}

#[tokio::test]
async fn a_proxy_has_no_share_of_its_own() {
    let server = TestServer::configured(Engine::Sqlite, |config| {
        config.caps = Caps { all: 100, per_address: 1 };
        config.trusted_proxies = vec!["127.0.0.1".parse().expect("an address")];
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..5 {
        let mut stream = open(&server).await;
        assert!(ask(&mut stream).await.contains(" 200 OK"));
        held.push(stream);
    }
}

#[tokio::test]
async fn the_server_says_who_it_is_and_whether_it_can_serve() {
    let mut server = with_caps(100, 100).await;
    let get = |path: &'static str| send(server.stranger().request(Method::GET, path));
    let alive = get("/healthz").await;
    assert_eq!((alive.status.as_u16(), alive.body.as_str()), (200, "ok\n"));
    assert_eq!(alive.header("x-reeve-server"), server.store().fingerprint());
    assert!(get("/readyz").await.body.starts_with("ready\n"));
    // What was asked a moment ago is not asked again.
    server.store().close().await;
    assert_eq!(get("/readyz").await.status, 200);
    let gone = async {
        while get("/readyz").await.status == 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, gone).await.expect("the truth after a second");
    server.stop().await;
}
