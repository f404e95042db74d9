//! An agent that speaks the wire: registers over HTTP, reports over WebSocket and HTTP.

use super::{
    PATIENCE,
    people::{Answer, send},
    server::{Estate, TestServer},
    world::noon,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::{Signer, SigningKey};
use entity::{
    agent_token::{AgentToken, Challenge, challenge_message},
    id::DeviceId,
    metric::MetricSample,
    platform::{Arch, Os},
    registration::RegisterAnswer,
    wire::{Hello, Metrics, PROTOCOL, ToAgent, ToServer, Welcome},
};
use futures::{SinkExt, StreamExt};
use reqwest::Client;
use serde::Serialize;
use serde_json::json;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, protocol::frame::CloseFrame},
};

/// A device that a test plays.
pub struct FakeAgent {
    pub id: DeviceId,
    pub token: String,
    pub url: String,
    key: SigningKey,
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
        let key = SigningKey::from_bytes(&random());
        let http = Client::new();
        let asked = json!({
            "token": token,
            "device_public_key": BASE64_URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes()),
            "hostname": "fake",
            "os_type": "linux",
            "os_architecture": "x86_64",
            "agent_version": "0.1.0",
            "a_field_of_a_newer_agent": true,
        });
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
        let challenge = challenge.expect::<Challenge>(200).challenge;
        let signature = self.key.sign(&challenge_message(&challenge)).to_bytes();
        let proof = json!({"challenge": challenge, "signature": BASE64_URL_SAFE_NO_PAD.encode(signature)});
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

/// One end of a socket.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens a socket; the error has the status of a refusal.
    pub async fn open(url: &str, token: Option<&str>) -> Result<Self, Box<Error>> {
        let url = format!("{}/ws", url.replacen("http", "ws", 1));
        let mut request = url.into_client_request().expect("a request");
        if let Some(token) = token {
            let bearer = format!("Bearer {token}").parse().expect("a header");
            request.headers_mut().insert("authorization", bearer);
        }
        timeout(PATIENCE, connect_async(request))
            .await
            .expect("an answer")
            .map(|(socket, _)| Self(socket))
            .map_err(Box::new)
    }

    pub async fn send(&mut self, message: &ToServer) {
        self.send_text(serde_json::to_string(message).expect("JSON")).await;
    }

    pub async fn send_text(&mut self, text: String) {
        self.0.send(Message::text(text)).await.expect("sent");
    }

    /// Sends without caring whether the other end still listens.
    pub async fn try_send_text(&mut self, text: String) {
        let _ = self.0.send(Message::text(text)).await;
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

    async fn next_or_close(&mut self) -> Result<ToAgent, Option<CloseFrame>> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("something in time") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("a message")),
                Some(Ok(Message::Close(frame))) => return Err(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// Closes in order, giving a reason.
    pub async fn close(mut self, reason: &str) {
        let frame = CloseFrame { code: 1000.into(), reason: reason.to_owned().into() };
        self.0.close(Some(frame)).await.expect("closed");
        while self.0.next().await.is_some_and(|frame| frame.is_ok()) {}
    }
}

/// What an agent says first.
pub fn hello() -> Hello {
    Hello {
        protocol: PROTOCOL,
        agent_version: "0.1.0".to_owned(),
        os_type: Os::Linux,
        os_architecture: Arch::X86_64,
        boot_id: Some("boot-1".to_owned()),
        previous: None,
        capabilities: vec!["software.dpkg".to_owned()],
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

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("randomness");
    bytes
}
