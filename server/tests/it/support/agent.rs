//! An agent that speaks the wire: registers over HTTP, reports over WebSocket and HTTP.

use super::{
    PATIENCE,
    people::{Answer, send},
    server::{Estate, TestServer},
    world::noon,
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    agent_token::{AgentToken, Challenge},
    facts::Facts,
    id::DeviceId,
    metric::MetricSample,
    registration::RegisterAnswer,
    wire::{Hello, Metrics, ToAgent, ToServer, Welcome},
};
use reqwest::Client;
use serde::Serialize;
use sim::{Door, Key, register_request};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::timeout};
use tokio_tungstenite::tungstenite::{Error, protocol::frame::CloseFrame};

/// A device that a test plays.
pub struct FakeAgent {
    pub id: DeviceId,
    pub token: String,
    pub url: String,
    key: Key,
    http: Client,
}

impl FakeAgent {
    /// A machine that has become a device of a business.
    pub async fn of(server: &TestServer, estate: Estate) -> Self {
        let token = server.token(estate).await.token;
        Self::register(server, &token).await.expect("registered")
    }

    /// A machine that tries to become a device.
    pub async fn register(server: &TestServer, token: &str) -> Result<Self, Answer> {
        let (key, http) = (Key::fresh(), Client::new());
        let facts = Facts { hostname: "fake".to_owned(), ..Facts::default() };
        let mut asked = serde_json::to_value(register_request(token, &key, facts)).expect("JSON");
        asked["a_field_of_a_newer_agent"] = true.into();
        let answer = send(http.post(format!("{}/api/v1/agents/register", server.url)).json(&asked)).await;
        if answer.status != 201 {
            return Err(answer);
        }
        let answer: RegisterAnswer = answer.expect(201);
        Ok(Self { id: answer.agent_id, token: answer.agent_token, url: server.url.clone(), key, http })
    }

    /// A fresh token for the device key, or why not.
    pub async fn fresh_token(&self) -> Result<String, Answer> {
        let challenge = self.post_as(None, "challenge", &()).await;
        if challenge.status != 200 {
            return Err(challenge);
        }
        let proof = self.key.prove(challenge.expect::<Challenge>(200).challenge);
        let answer = self.post_as(None, "token", &proof).await;
        if answer.status != 200 {
            return Err(answer);
        }
        Ok(answer.expect::<AgentToken>(200).agent_token)
    }

    /// Posts to this device's part of the API.
    pub async fn post(&self, path: &str, body: &impl Serialize) -> Answer {
        self.post_as(Some(&self.token), path, body).await
    }

    /// Posts to this device's part of the API with another credential.
    pub async fn post_as(&self, token: Option<&str>, path: &str, body: &impl Serialize) -> Answer {
        let request = self.http.post(format!("{}/api/v1/agents/{}/{path}", self.url, self.id)).json(body);
        send(if let Some(token) = token { request.bearer_auth(token) } else { request }).await
    }

    /// A post whose body is announced and sent but for its last byte; it is white space.
    pub async fn unfinished(&self, path: &str, bytes: usize) -> TcpStream {
        let address = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let head = format!(
            "POST /api/v1/agents/{}/{path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {bytes}\r\n\r\n",
            self.id, self.token
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream.write_all(&vec![b' '; bytes - 1]).await.expect("sent");
        stream
    }

    /// Opens a socket and says nothing yet.
    pub async fn dial(&self) -> Socket {
        Socket::open(&self.url, Some(&self.token)).await.expect("a socket")
    }

    /// Opens a socket and says hello.
    pub async fn connect(&self) -> (Socket, Welcome) {
        let mut socket = self.dial().await;
        socket.send(&ToServer::Hello(hello())).await;
        let ToAgent::Welcome(welcome) = socket.next().await else { panic!("no welcome") };
        (socket, welcome)
    }
}

/// One end of a socket, whose failures fail the test.
pub struct Socket(sim::Socket);

impl Socket {
    /// Opens a socket; the error has the status of a refusal.
    pub async fn open(url: &str, token: Option<&str>) -> Result<Self, Box<Error>> {
        let door = Door::new(url, None).expect("an address");
        sim::Socket::open(&door, token).await.map(Self)
    }

    pub async fn send(&mut self, message: &ToServer) {
        self.0.send(message).await.expect("sent");
    }

    pub async fn send_text(&mut self, text: String) {
        self.0.send_text(text).await.expect("sent");
    }

    /// Sends without caring whether the other end still listens.
    pub async fn try_send_text(&mut self, text: String) {
        let _ = self.0.send_text(text).await;
    }

    /// Sends bytes below the frames, without caring whether the other end still listens.
    pub async fn try_send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.0.wire().write_all(bytes).await;
        let _ = self.0.wire().flush().await;
    }

    /// The next message of the server.
    pub async fn next(&mut self) -> ToAgent {
        match self.next_or_close().await {
            Ok(message) => message,
            Err(frame) => panic!("closed: {frame:?}"),
        }
    }

    /// The close frame that ends the socket; a message before it fails the test.
    pub async fn closed(&mut self) -> Option<CloseFrame> {
        match self.next_or_close().await {
            Ok(message) => panic!("a message instead of the end: {message:?}"),
            Err(frame) => frame,
        }
    }

    /// The next message of the server; none when the socket has ended.
    pub async fn try_next(&mut self) -> Option<ToAgent> {
        self.0.next().await.ok()
    }

    async fn next_or_close(&mut self) -> Result<ToAgent, Option<CloseFrame>> {
        timeout(PATIENCE, self.0.next()).await.expect("something in time")
    }

    /// Closes in order, giving a reason.
    pub async fn close(self, reason: &str) {
        self.0.close(reason).await;
    }
}

/// What an agent says first.
pub fn hello() -> Hello {
    Hello {
        boot_id: Some("boot-1".to_owned()),
        capabilities: vec!["software.dpkg".to_owned()],
        agent_state: None,
        ..sim::hello()
    }
}

/// `count` samples, a minute apart, the last one at `position` minutes after the clocks began.
pub fn metrics(position: u64, count: u64) -> Metrics {
    let minutes = position + 1 - count..=position;
    Metrics { position, dropped_total: 0, samples: minutes.map(|minute| sample(minute_at(minute))).collect() }
}

fn minute_at(minute: u64) -> DateTime<Utc> {
    let minute = i64::try_from(minute).expect("a small number");
    noon() - TimeDelta::hours(4) + TimeDelta::minutes(minute)
}

/// A sample of a machine that has a quiet day.
pub fn sample(collected_at: DateTime<Utc>) -> MetricSample {
    MetricSample {
        collected_at,
        cpu_percent: Some(12.5),
        memory_used_bytes: Some(1 << 30),
        memory_percent: Some(25.0),
        swap_used_bytes: None,
        load_average: Some([0.5, 0.25, 0.125]),
        uptime_seconds: Some(3600),
        network_rx_bytes: Some(1000),
        network_tx_bytes: Some(500),
        process_count: Some(80),
        disks: vec![],
        top_processes: vec![],
    }
}
