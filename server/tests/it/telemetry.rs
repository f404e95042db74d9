//! What an operator is shown: every family of metrics is listed here with what moves it, and moves; nobody sees any of it
//! without the token.

use crate::{
    events::Stream,
    support::{
        PATIENCE,
        agent::{FakeAgent, metrics, sample},
        people::send,
        release::{Trust, built, words},
        server::{TestServer, field},
        world::{Engine, PASSWORD, user_input, visitor},
    },
};
use async_trait::async_trait;
use chrono::DateTime;
use domain::{AgentCx, Bus, Clock as _, Letter, Mailer};
use entity::{
    error_report::ErrorReport,
    id::RolloutId,
    log_entry::{LogEntry, LogLevel},
    monitored_service::{ServiceEventData, ServiceEventKind},
    platform::{Arch, Os},
    presence::LinkKind,
    session::SignInInput,
    user::{Role, UserInput},
    wire::{Event, Logs, Metrics, Software, SpooledEntry, ToAgent, ToServer},
};
use prometheus_parse::{Scrape, Value as Reading};
use reqwest::Method;
use serde_json::{Value, json};
use server::{Limits, MetricsToken, Rate};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

const TOKEN: &str = "a-token-of-the-operator";
const NONCE: &str = "000102030405060708090a0b0c0d0e0f";

/// What moves which families.
const MOVED_BY: [(&str, &[&str]); 19] = [
    ("a request", &["reeve_http_requests", "reeve_http_request_seconds", "process_cpu_seconds"]),
    ("a change", &["reeve_database_write_wait_seconds"]),
    ("a device", &["reeve_devices"]),
    (
        "an agent with samples",
        &[
            "reeve_sockets",
            "reeve_frames",
            "reeve_samples_received",
            "reeve_samples_committed",
            "reeve_samples_outdated",
            "reeve_commit_seconds",
            "reeve_commit_batches",
            "reeve_metric_batches_unsealed",
        ],
    ),
    (
        "a burst of errors in logs",
        &["reeve_log_entries_received", "reeve_log_entries_committed", "reeve_alerts"],
    ),
    ("an error report", &["reeve_error_reports"]),
    ("processors that have too much to do", &["reeve_suggestions"]),
    ("a service that stops", &["reeve_service_events"]),
    ("a command", &["reeve_command_requests", "reeve_commands", "reeve_command_seconds"]),
    (
        "a release that is rolled out",
        &[
            "reeve_artifact_uploads",
            "reeve_artifact_sent_bytes",
            "reeve_rollouts_running",
            "reeve_update_questions",
            "reeve_updates",
            "reeve_updates_in_flight",
        ],
    ),
    ("a body that is on its way", &["reeve_ingest_bytes"]),
    ("a sign-in", &["reeve_sign_ins", "reeve_sessions"]),
    ("a wrong password", &["reeve_sign_ins_refused"]),
    ("open pages", &["reeve_event_streams", "process_open_fds"]),
    ("a letter", &["reeve_letters"]),
    ("a stranger's flood", &["reeve_limited"]),
    ("another server", &["reeve_bus_connected", "reeve_bus_messages"]),
    ("an inventory", &["reeve_database_size_bytes", "process_resident_memory_bytes"]),
    ("time", &["reeve_job_runs", "reeve_job_seconds", "reeve_job_last_success_timestamp_seconds"]),
];
/// Moved by many agents at once.
const BUSY: [&str; 2] = ["reeve_samples_queue_waiting", "reeve_database_connections"];
/// Moved by the end of the database.
const LAST: [&str; 3] = ["reeve_samples_refused", "reeve_log_entries_refused", "reeve_database_up"];
/// What stands still for as long as a process lives.
const CONSTANT: [&str; 6] = [
    "reeve_build",
    "reeve_command_key_root_present",
    "reeve_command_key_valid_seconds",
    "reeve_samples_queue_room",
    "process_max_fds",
    "process_start_time_seconds",
];

/// The readings of every family, by labels.
type Readings = BTreeMap<String, BTreeMap<String, f64>>;

async fn scrape(server: &TestServer) -> Readings {
    let request = server.stranger().request(Method::GET, "/metrics").bearer_auth(TOKEN);
    let answer = send(request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    read(&answer.body)
}

fn read(text: &str) -> Readings {
    assert!(text.ends_with("# EOF\n"));
    let families: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let scrape = Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).expect("the format");
    let mut readings: Readings = families.iter().map(|name| ((*name).to_owned(), BTreeMap::new())).collect();
    for one in &scrape.samples {
        let family = families
            .iter()
            .filter(|family| one.metric.starts_with(**family))
            .max_by_key(|family| family.len())
            .unwrap_or_else(|| panic!("{} belongs to no family", one.metric));
        let values = readings.entry((*family).to_owned()).or_default();
        let mut put = |name: &str, value: f64| {
            values.insert(format!("{name}{:?}", one.labels), value);
        };
        match &one.value {
            Reading::Counter(value) | Reading::Gauge(value) | Reading::Untyped(value) => {
                put(&one.metric, *value)
            }
            Reading::Histogram(counts) => counts
                .iter()
                .for_each(|count| put(&format!("{} {}", one.metric, count.less_than), count.count)),
            Reading::Summary(_) => panic!("{} is a summary", one.metric),
        }
    }
    readings
}

/// Waits until every one of these families has moved.
async fn moved(server: &TestServer, before: &Readings, families: &[&str], why: &str) {
    let begun = Instant::now();
    loop {
        let after = scrape(server).await;
        let still: Vec<_> = families.iter().filter(|name| before.get(**name) == after.get(**name)).collect();
        if still.is_empty() {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{why} did not move {still:?}: {:?}", after.get(*still[0]));
        tokio::task::yield_now().await;
    }
}

async fn watched() -> TestServer {
    let plenty = Rate::new(100_000, 1_000_000);
    let limits = Limits {
        actor: plenty,
        tenant: plenty,
        device: plenty,
        newcomer: plenty,
        stranger: Rate::new(1, 40),
        ..Limits::default()
    };
    TestServer::configured(Engine::Sqlite, |config| {
        config.limits = limits;
        config.metrics_token = Some(MetricsToken::of(TOKEN).expect("long enough"));
    })
    .await
}

struct Pigeon;

#[async_trait]
impl Mailer for Pigeon {
    async fn send(&self, _: Letter) -> domain::Result<()> {
        Ok(())
    }
}

struct Wire;

#[async_trait]
impl Bus for Wire {
    fn send(&self, _: String) -> bool {
        true
    }

    fn is_connected(&self) -> bool {
        true
    }

    async fn close(&self) {}
}

/// What is held open while the readings are taken.
#[derive(Default)]
struct Held {
    socket: Option<crate::support::agent::Socket>,
    body: Option<tokio::net::TcpStream>,
    streams: Vec<Stream>,
    agent: Option<FakeAgent>,
}

/// The device, as the server knows it.
async fn device(server: &TestServer, held: &Held) -> AgentCx {
    let token = &held.agent.as_ref().expect("a device").token;
    domain::agent_token::authenticate(server.store(), token).await.expect("the device")
}

/// So many errors of now, from a position on.
fn errors(server: &TestServer, count: u64, from: u64) -> Logs {
    let at = server.world.clock.now();
    let entry = |position| SpooledEntry {
        position,
        entry: LogEntry {
            at,
            level: LogLevel::Error,
            source: "app.log".to_owned(),
            message: "failed".to_owned(),
        },
    };
    Logs { entries: (from..from + count).map(entry).collect(), dropped_total: 0, suppressed_total: 0 }
}

/// Brings a release; a device asks whether it is due, and fetches its file.
async fn release(server: &TestServer, held: &Held) {
    let trust = Trust::of(server);
    trust.begin(server).await;
    let file = built(Os::Linux, Arch::X86_64, 1, 9_000);
    let release = trust.released(server, &words(1, "1.0.0"), std::slice::from_ref(&file)).await;
    let agent = held.agent.as_ref().expect("a device");
    let running =
        json!({"version": "0.9.0", "seq": 0, "build_id": "b-0", "libc": "gnu", "is_supervised": true});
    let receipt = json!({"nonce": NONCE, "running": running});
    assert_eq!(agent.post("receipt", &receipt).await.status, 200);
    let target = json!({"scope": "devices", "device_ids": [agent.id]});
    let wave = json!({"percent": 100, "soak_seconds": 0, "min_successes": 1, "success_percent": 95});
    let asked = json!({"name": "One", "release_id": release, "target": target, "waves": [wave]});
    let made: Value = server.admin.post("/rollouts", &asked).await.expect(201);
    let rollout: RolloutId = field(&made["rollout"], "id");
    for step in ["submit", "start"] {
        let _: Value =
            server.admin.post(&format!("/rollouts/{rollout}/{step}"), &Value::Null).await.expect(200);
    }
    for path in [
        format!(
            "/api/v1/agents/check_update?version=0.9.0&os=linux&arch=x86_64&libc=gnu&seq=0&nonce={NONCE}"
        ),
        format!("/api/v1/artifacts/sha256/{}", file.sha256()),
    ] {
        let asked = reqwest::Client::new().get(format!("{}{path}", server.url)).bearer_auth(&agent.token);
        let answer = asked.send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        answer.bytes().await.expect("a body");
    }
}

/// Asks a device for something that it does at once.
async fn command(server: &TestServer, held: &mut Held) {
    let path = format!("/agents/{}/commands", held.agent.as_ref().expect("a device").id);
    let asked = json!({ "payload": { "kind": "notify_ops", "message": "Hello" } });
    server.admin.post(&path, &asked).await.expect::<Value>(201);
    let socket = held.socket.as_mut().expect("a socket");
    let ToAgent::Command(envelope) = socket.next().await else { panic!("no command") };
    for message in sim::Asked::read(&envelope).expect("an order").obeyed() {
        socket.send(&message).await;
    }
    assert!(matches!(socket.next().await, ToAgent::ResultAck { .. }));
}

async fn act(server: &TestServer, what: &str, held: &mut Held) {
    match what {
        "a request" => drop(server.admin.get("/me").await),
        "a change" => drop(
            server.admin.post("/businesses", &json!({"business_name": "Moved"})).await.expect::<Value>(201),
        ),
        "a device" => held.agent = Some(FakeAgent::of(server, server.ours).await),
        "an agent with samples" => {
            let (mut socket, _) = held.agent.as_ref().expect("a device").connect().await;
            let mut batch = metrics(2, 1);
            batch.samples.push(sample(DateTime::UNIX_EPOCH));
            socket.send(&ToServer::Metrics(batch)).await;
            assert!(matches!(socket.next().await, ToAgent::Ack { position: 2 }));
            held.socket = Some(socket);
        }
        "a burst of errors in logs" => {
            let logs = errors(server, 200, 1);
            domain::log_entry::append(&device(server, held).await, LinkKind::Polling, logs)
                .await
                .expect("taken");
        }
        "processors that have too much to do" => {
            let now = server.world.clock.now();
            let busy = [60, 0].map(|ago| crate::metric::sample(now - chrono::Duration::seconds(ago), 99.0));
            let cx = device(server, held).await;
            crate::metric::append(&cx, busy.to_vec()).await.expect("stored");
        }
        "an error report" => {
            let cx = device(server, held).await;
            let report = ErrorReport {
                report_id: None,
                agent_id: cx.device_id(),
                error_type: "other".to_owned(),
                error_message: "it broke".to_owned(),
                details: Value::Null,
                timestamp: server.world.clock.now(),
                first_at: None,
                count: 1,
                agent_version: "0.1.0".to_owned(),
                failed_version: None,
                log_snippet: None,
            };
            domain::error_report::receive(&cx, report).await.expect("taken");
        }
        "a service that stops" => {
            let word = ServiceEventKind::Stopped.word();
            let data = ServiceEventData { service_name: "nginx".to_owned(), ..ServiceEventData::default() };
            let event = Event {
                data: Some(data),
                ..Event::plain(server.world.clock.now(), word, "nginx has stopped")
            };
            domain::report::event(&device(server, held).await, event).await.expect("taken");
        }
        "a command" => command(server, held).await,
        "a release that is rolled out" => release(server, held).await,
        "a body that is on its way" => {
            held.body = Some(held.agent.as_ref().expect("a device").unfinished("software", 10_000).await);
        }
        "a sign-in" => drop(server.world.sign_in("ada@msp.example", PASSWORD).await.expect("signs in")),
        "a wrong password" => {
            let input =
                SignInInput { email: "ada@msp.example".to_owned(), password: "a wrong password".to_owned() };
            assert!(domain::access::sign_in(server.store(), &visitor(), input).await.is_err());
        }
        // Several: connections that nobody needs any more may end meanwhile.
        "open pages" => {
            for _ in 0..5 {
                held.streams.push(Stream::open(&server.admin).await);
            }
        }
        "a letter" => {
            server.store().set_mailer(Arc::new(Pigeon));
            let admin = server.world.admin_now().await;
            let input =
                UserInput { role: Role::Contact, business_id: Some(server.ours.business), ..user_input() };
            domain::user::add(&admin.confirmed().expect("just now"), input).await.expect("invited");
        }
        "a stranger's flood" => {
            for _ in 0..60 {
                drop(server.stranger().get("/me").await);
            }
        }
        "another server" => server.store().set_bus(Arc::new(Wire)),
        "an inventory" => {
            let items = (0..4_000).map(|number| entity::software_item::SoftwareItem {
                software_name: format!("package-{number}"),
                software_version: "1".to_owned(),
                vendor: None,
                architecture: None,
                source: "dpkg".to_owned(),
            });
            let software = Software { digest: "0".repeat(64), items: items.collect() };
            assert_eq!(held.agent.as_ref().expect("a device").post("software", &software).await.status, 204);
        }
        // Jobs run at their own pace, and say when by the clock of the server.
        "time" => server.advance(1),
        other => panic!("nobody knows how to do {other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_family_is_moved_by_what_it_counts() {
    let server = watched().await;
    let mut held = Held::default();
    for (what, families) in MOVED_BY {
        let before = scrape(&server).await;
        act(&server, what, &mut held).await;
        moved(&server, &before, families, what).await;
    }
    let agent = held.agent.as_ref().expect("a device");
    let cx = domain::agent_token::authenticate(server.store(), &agent.token).await.expect("the device");
    let before = scrape(&server).await;
    let busy = tokio::spawn({
        let cx = cx.clone();
        async move {
            for round in 0.. {
                let all = (0..64).map(|_| {
                    domain::metric::append(
                        &cx,
                        LinkKind::Polling,
                        Metrics { position: round, ..metrics(1, 1) },
                    )
                });
                futures::future::join_all(all).await;
            }
        }
    });
    moved(&server, &before, &BUSY, "many at once").await;
    busy.abort();
    let _ = busy.await;
    let before = scrape(&server).await;
    for name in CONSTANT {
        let readings = before.get(name).unwrap_or_else(|| panic!("{name} is not shown"));
        assert!(!readings.is_empty() && readings.values().all(|value| *value > 0.0), "{name}: {readings:?}");
    }
    server.store().close().await;
    assert!(domain::metric::append(&cx, LinkKind::Polling, metrics(3, 1)).await.is_err());
    assert!(domain::log_entry::append(&cx, LinkKind::Polling, errors(&server, 1, 1_000)).await.is_err());
    moved(&server, &before, &LAST, "the end of the database").await;
    let listed: BTreeSet<&str> = MOVED_BY
        .iter()
        .flat_map(|(_, families)| families.iter().copied())
        .chain(BUSY)
        .chain(LAST)
        .chain(CONSTANT)
        .collect();
    let shown = scrape(&server).await;
    let shown: BTreeSet<&str> = shown.keys().map(String::as_str).collect();
    assert_eq!(shown, listed, "every family is listed here with what moves it");
}

#[tokio::test]
async fn nobody_reads_them_without_the_token_and_nobody_is_named() {
    let server = watched().await;
    let ask = async |server: &TestServer, token: Option<&str>| {
        let request = server.stranger().request(Method::GET, "/metrics");
        send(if let Some(token) = token { request.bearer_auth(token) } else { request }).await
    };
    for wrong in [None, Some(""), Some("guess"), Some("a-token-of-the-operato")] {
        ask(&server, wrong).await.problem(401);
    }
    let agent = FakeAgent::of(&server, server.ours).await;
    ask(&server, Some(&agent.token)).await.problem(401);
    let by_session = server.admin.request(Method::GET, "/metrics");
    send(by_session).await.problem(401);
    drop(send(server.admin.request(Method::GET, &format!("/api/v1/agents/{}", agent.id))).await);
    drop(send(server.admin.request(Method::GET, "/nothing/of/this")).await);
    let text = ask(&server, Some(TOKEN)).await.body;
    assert!(text.contains("route=\"/api/v1/agents/{id}\"") && text.contains("route=\"none\""), "{text}");
    for name in [agent.id.to_string(), server.ours.business.to_string(), "nothing/of".to_owned()] {
        assert!(!text.contains(&name), "{name} is named");
    }
    let closed = TestServer::start().await;
    ask(&closed, Some(TOKEN)).await.problem(404);
}
