//! A server that keeps what it is sent in memory, and misbehaves on request.

use super::{World, http, releases::Endless, socket};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, VerifyingKey};
use entity::{
    agent_token::{
        AgentToken, Challenge, ChallengeProof, KeyRotation, challenge_message, key_rotation_message,
    },
    error_report::ErrorReport,
    id::{BusinessId, DeviceId},
    problem::{Problem, ProblemCode},
    registration::{RegisterAnswer, RegisterRequest},
    wire::{
        Chain, ChainAnswer, CommandsAnswer, Heartbeat, HeartbeatAnswer, Logs, LogsAnswer, Metrics,
        MetricsAnswer, websocket_url,
    },
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, sleep},
};

/// A registration token that works as often as it is used.
pub const GOOD_TOKEN: &str = "AGT-good";

/// A server on a port of its own.
pub struct FakeServer {
    pub url: String,
    address: SocketAddr,
    world: Arc<Mutex<World>>,
    tasks: JoinSet<()>,
}

impl FakeServer {
    pub async fn start() -> Self {
        let world = World::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = Self {
            url: format!("http://{address}"),
            address,
            world: Arc::new(Mutex::new(world)),
            tasks: JoinSet::new(),
        };
        server.listen(listener);
        server
    }

    fn listen(&mut self, listener: TcpListener) {
        let world = Arc::clone(&self.world);
        self.tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                connections.spawn(serve(stream, Arc::clone(&world)));
            }
        });
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it knows and how it behaves.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Goes away without a word, with every connection.
    pub async fn vanish(&mut self) {
        self.tasks.shutdown().await;
    }

    /// Comes back where it was. Somebody else's connection may have got the number meanwhile.
    pub async fn come_back(&mut self) {
        let until = Instant::now() + Duration::from_secs(20);
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(error) => assert!(Instant::now() < until, "{}: {error}", self.address),
            }
            sleep(Duration::from_millis(100)).await;
        };
        self.listen(listener);
    }
}

async fn serve(mut stream: TcpStream, world: Arc<Mutex<World>>) {
    let Some(request) = http::read(&mut stream).await else { return };
    world.lock().unwrap().requests += 1;
    if request.path == "/ws" {
        return socket::serve(stream, &request, world).await;
    }
    if let Some(name) = request.path.strip_prefix("/downloads/") {
        let file = world.lock().unwrap().downloads.get(name).cloned();
        let status = if file.is_some() { 200 } else { 404 };
        return http::answer_with(&mut stream, status, &file.unwrap_or_default()).await;
    }
    if let Some(sha256) = request.path.strip_prefix("/api/v1/artifacts/sha256/") {
        let endless = world.lock().unwrap().releases.endless;
        if let Some(endless) = endless {
            let length = match endless {
                Endless::WithLength(length) => Some(length),
                Endless::WithoutLength => None,
            };
            return http::answer_endless(&mut stream, length).await;
        }
        let (status, headers, part, length) = {
            let mut world = world.lock().unwrap();
            if request.bearer().is_some_and(|token| world.agent_tokens.contains(token)) {
                world.releases.part(&request, sha256)
            } else {
                (401, String::new(), Vec::new(), 0)
            }
        };
        return http::answer_part(&mut stream, status, &headers, &part, length).await;
    }
    world.lock().unwrap().asked_at.push(std::time::Instant::now());
    let (status, body) = respond(&request, &mut world.lock().unwrap());
    http::answer(&mut stream, status, &body).await;
}

fn problem(code: ProblemCode, detail: &str) -> (u16, Value) {
    (code.status(), json!(Problem::new(code, detail)))
}

fn read<T: DeserializeOwned>(request: &http::Request) -> T {
    serde_json::from_slice(&request.body).expect("the agent sends what the wire says")
}

fn respond(request: &http::Request, world: &mut World) -> (u16, Value) {
    let Some(path) = request.path.strip_prefix("/api/v1/agents/") else {
        return (404, json!("no such page"));
    };
    if path == "register" {
        return register(&read(request), world, request.headers.get("host").expect("a host"));
    }
    if path == "report_error" {
        return take_error(request, world);
    }
    if let Some(query) = path.strip_prefix("check_update?") {
        if !request.bearer().is_some_and(|token| world.agent_tokens.contains(token)) {
            return problem(ProblemCode::SignedOut, "The agent token is not good.");
        }
        return world.releases.check(query, request.headers.get("host").expect("a host"));
    }
    let (device, what) = path.split_once('/').expect("a device and a word");
    let device: DeviceId = device.parse().unwrap();
    if world.switched_off {
        return problem(ProblemCode::Forbidden, "The business of this device is switched off.");
    }
    if world.revoked && matches!(what, "challenge" | "token") {
        return problem(ProblemCode::Gone, "The access of this device was ended.");
    }
    match what {
        "challenge" => {
            world.challenges += 1;
            (200, json!(Challenge { challenge: format!("challenge-{}", world.challenges) }))
        }
        "token" => exchange(device, &read(request), world),
        _ if !request.bearer().is_some_and(|token| world.agent_tokens.contains(token)) => {
            problem(ProblemCode::SignedOut, "The agent token is not good.")
        }
        "key" => rotate(device, &read(request), world),
        _ => {
            let batches = world.samples.len() as u64;
            let answer = world.releases.of_device(device, what, &request.body, batches);
            answer.unwrap_or_else(|| report(what, request, world))
        }
    }
}

fn take_error(request: &http::Request, world: &mut World) -> (u16, Value) {
    if !request.bearer().is_some_and(|token| world.agent_tokens.contains(token)) {
        return problem(ProblemCode::SignedOut, "The agent token is not good.");
    }
    let report: ErrorReport = read(request);
    assert!(world.devices.contains_key(&report.agent_id), "it names the device that it is");
    if world.refuse_errors > 0 {
        world.refuse_errors -= 1;
        return problem(ProblemCode::Unavailable, "Too busy.");
    }
    world.errors.push(report);
    (204, Value::Null)
}

fn rotate(device: DeviceId, rotation: &KeyRotation, world: &mut World) -> (u16, Value) {
    let message = key_rotation_message(&rotation.challenge, &rotation.new_public_key);
    let signature = |text: &str| Signature::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
    let new: [u8; 32] = URL_SAFE_NO_PAD.decode(&rotation.new_public_key).unwrap().try_into().unwrap();
    let new = VerifyingKey::from_bytes(&new).unwrap();
    let former = world.devices.get(&device).expect("a registered device");
    former.verify_strict(&message, &signature(&rotation.signature)).expect("the former key signs");
    new.verify_strict(&message, &signature(&rotation.new_signature)).expect("the new key signs");
    world.devices.insert(device, new);
    world.agent_tokens.clear();
    if world.lose_key_answer {
        problem(ProblemCode::Internal, "The answer is lost.")
    } else {
        (204, Value::Null)
    }
}

fn register(request: &RegisterRequest, world: &mut World, host: &str) -> (u16, Value) {
    if request.token != GOOD_TOKEN {
        return problem(ProblemCode::Gone, "This registration token was used already.");
    }
    let key: [u8; 32] = URL_SAFE_NO_PAD.decode(&request.device_public_key).unwrap().try_into().unwrap();
    let id = DeviceId(uuid::Uuid::from_u128(0x1000 + world.devices.len() as u128));
    world.devices.insert(id, VerifyingKey::from_bytes(&key).unwrap());
    let answer = RegisterAnswer {
        agent_id: id,
        agent_token: "unused".to_owned(),
        agent_token_expires_in_seconds: 900,
        business_id: BusinessId(uuid::Uuid::from_u128(1)),
        service_location_id: None,
        device_name: request.hostname.clone(),
        api_url: format!("http://{host}/api/v1"),
        websocket_url: websocket_url(&format!("http://{host}")),
        settings: world.settings.clone(),
        command_root: world.command_root.clone(),
        release_root: world.releases.root.clone(),
    };
    (200, json!(answer))
}

fn exchange(device: DeviceId, proof: &ChallengeProof, world: &mut World) -> (u16, Value) {
    let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(&proof.signature).unwrap()).unwrap();
    let key = world.devices.get(&device).expect("a registered device");
    if key.verify_strict(&challenge_message(&proof.challenge), &signature).is_err() {
        return problem(ProblemCode::SignedOut, "The signature is wrong.");
    }
    let token = format!("token-{}", world.challenges);
    world.agent_tokens.insert(token.clone());
    (200, json!(AgentToken { agent_token: token, expires_in_seconds: 900 }))
}

fn report(what: &str, request: &http::Request, world: &mut World) -> (u16, Value) {
    match what {
        "heartbeat" => {
            let heartbeat: Heartbeat = read(request);
            world.agent_states.extend(heartbeat.agent_state);
            if let Some(hello) = heartbeat.hello {
                world.agent_states.extend(hello.agent_state);
                world.hellos.push((heartbeat.link, *hello));
            }
            world.count_heartbeat(heartbeat.link);
            let answer = HeartbeatAnswer {
                next_checkin_seconds: world.settings.heartbeat_interval_seconds,
                config_updated: false,
                settings: world.settings.clone(),
                known: world.known(),
            };
            return (200, json!(answer));
        }
        "metrics" => {
            let metrics: Metrics = read(request);
            if !world.store(&metrics) {
                return problem(ProblemCode::Unavailable, "Too busy.");
            }
            let received = metrics.samples.len() as u64;
            return (200, json!(MetricsAnswer { received, position: metrics.position }));
        }
        "logs" => {
            let logs: Logs = read(request);
            if !world.store_logs(&logs) {
                return problem(ProblemCode::Unavailable, "Too busy.");
            }
            let received = logs.entries.len() as u64;
            return (200, json!(LogsAnswer { received, position: logs.position() }));
        }
        "services" => world.services = Some(read(request)),
        "software" => world.software = Some(read(request)),
        "facts" => world.facts = Some(read(request)),
        "events" => {
            world.events.push(read(request));
            if world.keep_event_acks {
                return problem(ProblemCode::Unavailable, "Too busy.");
            }
        }
        "monitored-services" => world.monitored.push(read(request)),
        "device-lock" => world.locks.push(read(request)),
        "commands" => {
            let answer = CommandsAnswer {
                commands: std::mem::take(&mut world.orders),
                cancelled: Vec::new(),
                stops: Vec::new(),
                chain_seq: world.said.known_seq(),
                server_time: Some(chrono::Utc::now()),
            };
            return (200, json!(answer));
        }
        "chain" => {
            let chain: Chain = read(request);
            return (200, json!(ChainAnswer { seq: world.said.store(&chain.entries) }));
        }
        _ if what.ends_with("/receipt") => world.said.receipts.push(read(request)),
        _ if what.ends_with("/progress") => world.said.progress.push(read(request)),
        _ if what.ends_with("/result") => {
            if world.keep_command_acks {
                return problem(ProblemCode::Unavailable, "Too busy.");
            }
            world.said.results.push(read(request));
        }
        other => panic!("the agent posted to {other}"),
    }
    world.inventories += 1;
    (204, Value::Null)
}
