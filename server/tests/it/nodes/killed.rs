//! Two real servers, agents that a balancer leads to either, and one server killed in the middle: what was acknowledged
//! is stored, and what was not is sent again and counts once.

use crate::support::{
    PATIENCE,
    agent::{FakeAgent, hello, sample},
    nats::Nats,
    server::TestServer,
    world::{Engine, noon},
};
use chrono::{DateTime, Duration, Utc};
use domain::clock::{Clock as _, SystemClock};
use entity::{
    device::DeviceView,
    metric::{HistoryQuery, Metric},
    presence::Presence,
    wire::{Metrics, ToAgent, ToServer},
};
use sim::{Door, Socket};
use std::{
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

const AGENTS: usize = 6;
/// Samples of each agent, one a minute.
const SAMPLES: u64 = 60;
/// Samples of one message.
const TOGETHER: u64 = 3;

/// A server in a process of its own.
struct Process {
    child: Child,
    url: String,
    _folder: TempDir,
}

impl Process {
    async fn start(server: &TestServer, nats: &Nats, site: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        super::keys::copy_keys(server.world.folder(), folder.path());
        let mut child = Command::new(env!("CARGO_BIN_EXE_reeve"))
            .args(["serve", "--listen", "127.0.0.1:0", "--bus", &nats.url()])
            .arg("--data-dir")
            .arg(folder.path())
            .arg("--site-root")
            .arg(site)
            .env("REEVE_DATABASE_URL", &server.world.database_url)
            .env("REEVE_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a server");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let url = timeout(PATIENCE, async {
            while let Some(line) = lines.next_line().await.expect("text") {
                if let Some(url) = line.strip_prefix("Reeve is at ") {
                    return url.to_owned();
                }
            }
            panic!("it ended")
        });
        Self { url: url.await.expect("it serves in time"), child, _folder: folder }
    }
}

/// What leads agents to a server that answers.
struct Balancer {
    urls: Vec<String>,
    next: AtomicUsize,
}

impl Balancer {
    async fn socket(&self, token: &str) -> Socket {
        loop {
            let url = &self.urls[self.next.fetch_add(1, Ordering::Relaxed) % self.urls.len()];
            let door = Door::new(url, None).expect("an address");
            if let Ok(mut socket) = Socket::open(&door, Some(token)).await
                && socket.greet(hello()).await.is_ok()
            {
                return socket;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

/// An agent with a spool: sends what is not acknowledged, wherever it gets to.
async fn report(
    balancer: Arc<Balancer>,
    agent: FakeAgent,
    begin: DateTime<Utc>,
    acknowledged: Arc<AtomicU64>,
) {
    let mut stored = 0;
    while stored < SAMPLES {
        let mut socket = balancer.socket(&agent.token).await;
        let mut sent = stored;
        loop {
            while sent < SAMPLES && sent < stored + 2 * TOGETHER {
                let minutes = sent..sent + TOGETHER;
                sent += TOGETHER;
                let at = |minute| begin + Duration::minutes(i64::try_from(minute).expect("small"));
                let samples = minutes.map(|minute| sample(at(minute))).collect();
                let message = ToServer::Metrics(Metrics { position: sent, dropped_total: 0, samples });
                if socket.send(&message).await.is_err() {
                    break;
                }
            }
            match timeout(PATIENCE, socket.next()).await.expect("something in time") {
                Ok(ToAgent::Ack { position }) => {
                    acknowledged.fetch_add(position - stored, Ordering::Relaxed);
                    stored = position;
                    if stored >= SAMPLES {
                        // It stays connected, as agents do.
                        tokio::spawn(async move { while socket.next().await.is_ok() {} });
                        break;
                    }
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_killed_servers_agents_move_over_and_lose_nothing() {
    let nats = Nats::start();
    let server = TestServer::on(Engine::Postgres).await;
    server.world.clock.advance(SystemClock.now() - noon());
    let site = tempfile::tempdir().expect("a folder");
    crate::support::server::write_site(site.path());
    let (mut one, two) = tokio::join!(
        Process::start(&server, &nats, site.path()),
        Process::start(&server, &nats, site.path())
    );
    let balancer =
        Arc::new(Balancer { urls: vec![one.url.clone(), two.url.clone()], next: AtomicUsize::default() });
    let begin = SystemClock.now() - Duration::minutes(90);
    let acknowledged = Arc::<AtomicU64>::default();
    let (mut devices, mut tasks) = (Vec::new(), Vec::new());
    for _ in 0..AGENTS {
        let token = server.world.token().await;
        let agent = FakeAgent::register(&server, &token).await.expect("registered");
        devices.push(agent.id);
        tasks.push(tokio::spawn(report(Arc::clone(&balancer), agent, begin, Arc::clone(&acknowledged))));
    }
    let all = SAMPLES * AGENTS as u64;
    crate::support::nodes::until(|| acknowledged.load(Ordering::Relaxed) >= all / 4).await;
    one.child.kill().await.expect("killed");
    for task in tasks {
        task.await.expect("every sample is acknowledged");
    }
    assert_eq!(acknowledged.load(Ordering::Relaxed), all);

    let query = HistoryQuery {
        metrics: vec![Metric::CpuPercent],
        start: begin - Duration::minutes(5),
        end: begin + Duration::minutes(85),
        interval_seconds: Some(60),
    };
    for device in devices {
        let history = domain::metric::history(&server.world.admin, device, &query).await.expect("a history");
        assert_eq!(history.series[0].points.len() as u64, SAMPLES, "one a minute, each once");
        let view: DeviceView = domain::device::get(&server.world.admin, device).await.expect("a device");
        assert_eq!((view.presence, view.samples_dropped), (Presence::Online, 0));
    }
}
