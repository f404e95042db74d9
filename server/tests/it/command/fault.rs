//! Commands under faults: servers that are killed in the middle of everything, and a database that is. Every command ends in
//! one state, is done once, and what was said to be stored is stored. Programs of their own, on both engines.

use crate::support::{
    own_cluster::OwnCluster,
    people::Person,
    program::{Program, session_of_today, store_of_today},
    server::TestServer,
    world::{Engine, World, visitor},
};
use domain::{Cx, SessionSecret};
use entity::{
    audit::AuditQuery,
    command::{CommandDetail, CommandQuery, CommandState},
    id::{CommandId, DeviceId},
};
use futures::{StreamExt as _, stream};
use serde_json::json;
use sim::{Door, Fleet, Identity, Machine, Manner, Rhythm, Tally};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{task::JoinHandle, time::sleep};

/// Agents; every tenth polls.
const AGENTS: usize = 100;
/// Commands that have to be answered between two faults.
const BETWEEN: usize = 25;
/// What is awaited longer than this will not come, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_end_once_while_servers_are_killed_on_sqlite() {
    servers_are_killed(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_end_once_while_servers_are_killed_on_postgres() {
    servers_are_killed(Engine::Postgres).await;
}

async fn servers_are_killed(engine: Engine) {
    let mut trial = Trial::begin(TestServer::on(engine).await, true).await;
    for is_killed in [true, true, false] {
        trial.answered(BETWEEN).await;
        let program = trial.program.take().expect("it runs");
        if is_killed {
            drop(program);
        } else {
            program.stop().await;
        }
        trial.start().await;
    }
    trial.answered(BETWEEN).await;
    trial.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_end_once_while_the_database_is_killed() {
    let mut cluster = OwnCluster::start();
    let (url, folder) = (cluster.database(), tempfile::tempdir().expect("a folder"));
    let server = TestServer::upon(async |public| World::at(folder, url, &public).await, |_| {}).await;
    let trial = Trial::begin(server, false).await;
    for _ in 0..2 {
        trial.answered(BETWEEN).await;
        cluster.kill();
        sleep(Duration::from_millis(500)).await;
        cluster.resume();
    }
    trial.answered(BETWEEN).await;
    trial.end().await;
}

/// A program, agents that obey it, and somebody who asks.
struct Trial {
    server: TestServer,
    address: SocketAddr,
    program: Option<Program>,
    fleet: Fleet,
    tally: Arc<Tally>,
    asker: JoinHandle<()>,
    is_over: Arc<AtomicBool>,
    /// Commands that whoever asked was told of.
    told: Arc<Mutex<BTreeSet<CommandId>>>,
    secret: SessionSecret,
}

impl Trial {
    async fn begin(mut server: TestServer, some_poll: bool) -> Self {
        let tally = Arc::<Tally>::default();
        let agents = devices(&server, &tally).await;
        let ids: Vec<DeviceId> = agents.iter().map(|agent| agent.device).collect();
        server.stop().await;
        let secret = session_of_today(&server.world, &server.url).await;
        let (folder, database_url) = (server.world.folder(), server.world.database_url.as_str());
        let program = Program::start(folder, database_url).await;
        let address = program.url.trim_start_matches("http://").parse().expect("an address");
        let door = Door::new(&program.url, None).expect("a door");
        let manner = |number: usize, _: &Identity| Manner {
            polls: some_poll && number.is_multiple_of(10),
            ..Manner::default()
        };
        let fleet = Fleet::start(&door, agents, rhythm(), 1, &tally, manner);
        let (told, is_over) = (Arc::<Mutex<_>>::default(), Arc::<AtomicBool>::default());
        let person = Person::with_session(&program.url, &secret);
        let asking = ask_on_and_on(person, ids, Arc::clone(&told), Arc::clone(&is_over), Arc::clone(&tally));
        let asker = tokio::spawn(asking);
        Self { server, address, program: Some(program), fleet, tally, asker, is_over, told, secret }
    }

    async fn start(&mut self) {
        let (folder, database_url) = (self.server.world.folder(), self.server.world.database_url.as_str());
        self.program = Some(Program::start_at(self.address, folder, database_url).await);
    }

    /// Waits until so many more results are acknowledged.
    async fn answered(&self, more: usize) {
        let enough = self.tally.commands().acknowledged + more as u64;
        wait(|| self.tally.commands().acknowledged >= enough, || self.state()).await;
    }

    fn state(&self) -> String {
        let log = self.program.as_ref().map(Program::log).unwrap_or_default();
        let end = log.char_indices().rev().nth(3_000).map_or(0, |(at, _)| at);
        format!("{:?} {:?}\n{}", self.tally.commands(), self.tally.troubles(), &log[end..])
    }

    async fn end(mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        (&mut self.asker).await.expect("asked to the end");
        let told = self.told.lock().expect("whole").clone();
        let all_done = || {
            let done = self.tally.executions();
            let sum = self.tally.commands();
            told.iter().all(|id| done.get(id).is_some_and(|times| *times > 0))
                && sum.acknowledged == sum.executed
        };
        wait(all_done, || self.state()).await;
        assert_eq!(self.tally.unexpected_count(), 0, "{:?}", self.tally.troubles());
        let executions = self.tally.executions();
        self.fleet.stop().await;
        self.program.take().expect("it runs").stop().await;
        is_as_it_was_said(&self.server, &self.secret, &told, &executions).await;
    }
}

/// Looks into the database: what everybody was told is there, once, and nothing else happened.
async fn is_as_it_was_said(
    server: &TestServer,
    secret: &SessionSecret,
    told: &BTreeSet<CommandId>,
    executions: &BTreeMap<CommandId, u32>,
) {
    let store = store_of_today(&server.world, &server.url).await;
    let admin = domain::access::session_cx(&store, &visitor(), secret).await.expect("a session");
    let stored = states(&admin).await;
    assert!(told.iter().all(|id| stored.contains_key(id)), "what was asked for is stored");
    for (id, state) in &stored {
        // What was stored while the answer to whoever asked was lost is done like everything else.
        assert_eq!(executions.get(id), Some(&1), "{id} {state:?}: done once");
        assert_eq!(*state, CommandState::Completed, "{id}");
    }
    assert_eq!(executions.len(), stored.len(), "nothing was done that nobody asked for");
    let mut ends = BTreeMap::<String, u32>::new();
    let mut cursor = None;
    loop {
        let query = AuditQuery {
            action: Some("command.result".to_owned()),
            limit: Some(200),
            cursor,
            ..AuditQuery::default()
        };
        let page = domain::audit::list(&admin, &query).await.expect("a page");
        for entry in page.items {
            let after = entry.after.expect("what ended");
            let id = after["command_id"].as_str().expect("an id").to_owned();
            *ends.entry(id).or_default() += 1;
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert!(ends.values().all(|times| *times == 1), "each ended once: {ends:?}");
    assert_eq!(ends.len(), stored.len());
    assert!(domain::audit::verify(&admin, None).await.expect("checked").broken.is_none());
    store.close().await;
}

async fn states(admin: &Cx) -> BTreeMap<CommandId, CommandState> {
    let (mut states, mut cursor) = (BTreeMap::new(), None);
    loop {
        let query = CommandQuery { limit: Some(200), cursor, ..CommandQuery::default() };
        let page = domain::command::list(admin, &query).await.expect("a page");
        states.extend(page.items.into_iter().map(|row| (row.id, row.state)));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return states;
        }
    }
}

/// Asks one device after the other, some thirty a second, whatever becomes of it.
async fn ask_on_and_on(
    person: Person,
    devices: Vec<DeviceId>,
    told: Arc<Mutex<BTreeSet<CommandId>>>,
    is_over: Arc<AtomicBool>,
    tally: Arc<Tally>,
) {
    let asked = json!({ "payload": { "kind": "patch_scan" } });
    for device in devices.iter().cycle() {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        sleep(Duration::from_millis(30)).await;
        let path = format!("/api/v1/agents/{device}/commands");
        let answer = person.request(reqwest::Method::POST, &path).json(&asked).send().await;
        // A server that is away or has lost its database makes nobody any promise.
        let Ok(answer) = answer else {
            tally.note("asked, and nobody answered");
            continue;
        };
        tally.note(&format!("asked, and answered {}", answer.status().as_u16()));
        if answer.status() == 201
            && let Ok(made) = answer.json::<CommandDetail>().await
        {
            told.lock().expect("whole").insert(made.command.id);
        }
    }
}

/// Quiet but for commands, and in a hurry to come back.
fn rhythm() -> Rhythm {
    Rhythm {
        heartbeat: Some(Duration::from_secs(1)),
        metrics: Some(Duration::from_secs(20)),
        inventory: Some(Duration::from_secs(600)),
        software: 3,
        services: 3,
        ack_within: Duration::from_secs(5),
        reconnect_first: Duration::from_millis(200),
        reconnect_longest: Duration::from_secs(1),
        ..Rhythm::default()
    }
}

async fn devices(server: &TestServer, tally: &Tally) -> Vec<Identity> {
    let door = Door::new(&server.url, None).expect("a door");
    let register = async |number| {
        let token = server.token(server.ours).await.token;
        Identity::register(&door, &token, &Machine::of_fleet(1, number), 0, tally).await.expect("registered")
    };
    stream::iter(0..AGENTS).map(register).buffer_unordered(8).collect().await
}

async fn wait(until: impl Fn() -> bool, state: impl Fn() -> String) {
    let since = Instant::now();
    while !until() {
        assert!(since.elapsed() < PATIENCE, "it did not come: {}", state());
        sleep(Duration::from_millis(20)).await;
    }
}
