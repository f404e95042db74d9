//! The lines of a log on the whole way, from the file on a real machine to the database: each is stored once, or was left out
//! or dropped and counted, whoever was killed in between. The real agent and the real server, on both engines.

use crate::support::{
    people::Person,
    program::{Program, agent_program, session_of_today, store_of_today},
    server::TestServer,
    world::{Engine, visitor},
};
use domain::SessionSecret;
use entity::{id::DeviceId, log_entry::LogQuery};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::time::sleep;

/// Lines of one round.
const LINES: usize = 120;
/// What begins a line of the test; the agent's own notes begin otherwise.
const MARK: &str = "ERROR line ";
/// What is awaited longer than this will not come, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_is_stored_once_or_counted_on_sqlite() {
    conserves(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_is_stored_once_or_counted_on_postgres() {
    conserves(Engine::Postgres).await;
}

async fn conserves(engine: Engine) {
    let mut server = TestServer::on(engine).await;
    let mut machine = Machine::of(&server).await;
    server.stop().await;
    let secret = session_of_today(&server.world, &server.url).await;
    let (folder, database_url) = (server.world.folder(), server.world.database_url.as_str());
    let address: SocketAddr = server.url.trim_start_matches("http://").parse().expect("an address");
    let mut program = Some(Program::start_at(address, folder, database_url).await);
    let admin = Person::with_session(&server.url, &secret);
    machine.start();
    machine.look(&admin).await;
    machine.has_looked().await;
    for round in 0..4 {
        machine.write(round);
        // Under way when somebody dies: the agent first, the server first, both at once, the server alone.
        machine.look(&admin).await;
        sleep(Duration::from_millis(60 * round as u64)).await;
        if round != 3 {
            machine.kill();
        }
        if round != 0 {
            drop(program.take());
            program = Some(Program::start_at(address, folder, database_url).await);
        }
        machine.start();
    }
    let written = 4 * LINES;
    let since = Instant::now();
    let found = loop {
        // Whoever looked away looks again.
        machine.look(&admin).await;
        sleep(Duration::from_millis(500)).await;
        let found = Found::of(&admin, machine.id).await;
        if found.lines.len() as u64 + found.dropped + found.left_out >= written as u64 {
            break found;
        }
        assert!(since.elapsed() < PATIENCE, "of {written} lines came {}", found.lines.len());
    };
    machine.kill();
    program.take().expect("it runs").stop().await;
    is_stored_once(&server, &secret, &machine, found, written).await;
}

/// What nobody has asked the server for cannot have changed since.
async fn is_stored_once(
    server: &TestServer,
    secret: &SessionSecret,
    machine: &Machine,
    told: Found,
    written: usize,
) {
    let store = store_of_today(&server.world, &server.url).await;
    let admin = domain::access::session_cx(&store, &visitor(), secret).await.expect("a session");
    let (mut lines, mut cursor) = (BTreeMap::<String, u32>::new(), None);
    loop {
        let query = LogQuery { limit: Some(200), cursor, ..LogQuery::default() };
        let page = domain::log_entry::of_device(&admin, machine.id, &query).await.expect("a page");
        for entry in page.items.into_iter().filter(|entry| entry.message.starts_with(MARK)) {
            *lines.entry(entry.message).or_default() += 1;
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    store.close().await;
    assert!(lines.values().all(|times| *times == 1), "each once: {lines:?}");
    let (stored, missing) = (lines.len() as u64, told.dropped + told.left_out);
    assert_eq!(
        stored + missing,
        written as u64,
        "{stored} stored, {} dropped, {} left out",
        told.dropped,
        told.left_out
    );
}

/// What the API says of a device's lines.
struct Found {
    lines: Vec<String>,
    dropped: u64,
    left_out: u64,
}

impl Found {
    async fn of(admin: &Person, id: DeviceId) -> Self {
        let (mut lines, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let behind = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let page: Value = admin.get(&format!("/agents/{id}/logs?limit=200{behind}")).await.expect(200);
            let items = page["items"].as_array().expect("items");
            let message = |item: &Value| item["message"].as_str().map(str::to_owned);
            lines.extend(items.iter().filter_map(message).filter(|message| message.starts_with(MARK)));
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        let sources: Value = admin.get(&format!("/agents/{id}/log-sources")).await.expect(200);
        let total = |name: &str| sources["totals"][name].as_u64().unwrap_or_default();
        Self { lines, dropped: total("dropped"), left_out: total("suppressed") }
    }
}

/// A machine with a log, and the agent on it.
struct Machine {
    id: DeviceId,
    program: PathBuf,
    data: PathBuf,
    logs: TempDir,
    agent: Option<Child>,
    turn: u32,
    _folder: TempDir,
}

impl Machine {
    async fn of(server: &TestServer) -> Self {
        let program = tokio::task::spawn_blocking(agent_program).await.expect("built");
        let (folder, logs) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let token = server.token(server.ours).await.token;
        let (data, tokens) = (folder.path().join("data"), folder.path().join("token"));
        fs::write(&tokens, &token).expect("written");
        let mut register = Command::new(&program);
        register.args(["register", "--server", &server.url, "--token-file", "-", "--data-dir"]).arg(&data);
        register.env_remove("REEVE_TOKEN").stdin(fs::File::open(&tokens).expect("a token"));
        let registered = tokio::task::spawn_blocking(move || register.output()).await.expect("ran");
        let registered = registered.expect("it runs");
        assert!(registered.status.success(), "{}", String::from_utf8_lossy(&registered.stderr));
        let devices: Value = server.admin.get("/agents").await.expect(200);
        let id = devices["items"][0]["id"].as_str().expect("a device").parse().expect("an id");
        write(logs.path(), "a line from before\n");
        Self { id, program, data, logs, agent: None, turn: 0, _folder: folder }
    }

    /// Starts the agent, unless it runs.
    fn start(&mut self) {
        if self.agent.is_none() {
            let mut run = Command::new(&self.program);
            run.args(["run", "--data-dir"]).arg(&self.data).env_remove("REEVE_LOG");
            run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            self.agent = Some(run.spawn().expect("it runs"));
        }
    }

    /// Ends it without a word.
    fn kill(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            agent.kill().expect("it ran");
            agent.wait().expect("it ended");
        }
    }

    /// Names its logs, each time with another file beside that does not exist, so that the agent looks at once.
    async fn look(&mut self, admin: &Person) {
        self.turn += 1;
        let folder = self.logs.path().display();
        let files = format!("{folder}/app.log\n{folder}/turn-{}", self.turn);
        let sources = json!({ "system_log": false, "files": files });
        let answer = admin.call("PUT", &format!("/agents/{}/log-sources", self.id), Some(&sources)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Waits until it knows the log: what is written from now on counts.
    async fn has_looked(&self) {
        let since = Instant::now();
        while !fs::read_to_string(self.data.join("log_tail.json")).is_ok_and(|text| text.contains("app.log"))
        {
            assert!(since.elapsed() < PATIENCE, "it did not look");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Writes the lines of a round.
    fn write(&self, round: usize) {
        let lines: String = (0..LINES).map(|number| format!("{MARK}{}\n", round * LINES + number)).collect();
        write(self.logs.path(), &lines);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.kill();
    }
}

fn write(logs: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(logs.join("app.log")).expect("a file");
    file.write_all(text.as_bytes()).expect("written");
}
