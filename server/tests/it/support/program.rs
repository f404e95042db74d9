//! The program `reeve` itself, as a process of its own.

use super::{
    PATIENCE,
    server::write_site,
    world::{PASSWORD, World, session_of, visitor},
};
use domain::{SessionSecret, Store, clock::SystemClock};
use entity::session::SignInInput;
use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Instant,
};
use tempfile::TempDir;

/// `reeve serve`, killed when it is dropped.
pub struct Program {
    pub url: String,
    child: Child,
    site: TempDir,
}

impl Program {
    /// Starts it on a free port with the data of a store that was closed, and waits until it is ready.
    pub async fn start(data_dir: &Path, database_url: &str) -> Self {
        // Free a moment ago; the worst that can come of it is a test that fails to start.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        Self::start_at(free, data_dir, database_url).await
    }

    /// Starts it at an address, such as that of one that has ended.
    pub async fn start_at(free: SocketAddr, data_dir: &Path, database_url: &str) -> Self {
        let site = tempfile::tempdir().expect("a folder");
        write_site(site.path());
        let url = format!("http://{free}");
        let log = fs::File::create(site.path().join("log")).expect("a file");
        let child = Command::new(env!("CARGO_BIN_EXE_reeve"))
            .arg("serve")
            .args(["--listen", &free.to_string(), "--public-url", &url, "--database-url", database_url])
            .arg("--data-dir")
            .arg(data_dir)
            .arg("--site-root")
            .arg(site.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the program starts");
        let mut program = Self { url, child, site };
        program.wait_until_ready().await;
        program
    }

    async fn wait_until_ready(&mut self) {
        let (client, since) = (reqwest::Client::new(), Instant::now());
        let ready = format!("{}/readyz", self.url);
        while !client.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()) {
            let log = || fs::read_to_string(self.site.path().join("log")).unwrap_or_default();
            assert!(self.child.try_wait().expect("asked").is_none(), "it ended:\n{}", log());
            assert!(since.elapsed() < PATIENCE, "it is not ready:\n{}", log());
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.site.path().join("log")).unwrap_or_default()
    }

    /// The most memory that it ever had, in bytes.
    pub fn memory_peak_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// Stops it as an operator would, and waits for its end.
    pub async fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill starts").success());
        while self.child.try_wait().expect("asked").is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The store of a world by the system's clock, which is a program's.
pub async fn store_of_today(world: &World, url: &str) -> Store {
    let config = domain::Config {
        database_url: world.database_url.clone(),
        data_dir: world.folder().to_owned(),
        public_url: url.to_owned(),
        command_key_file: None,
    };
    Store::open(config, Arc::new(SystemClock)).await.expect("opens")
}

/// A session of the admin that a program takes.
pub async fn session_of_today(world: &World, url: &str) -> SessionSecret {
    let store = store_of_today(world, url).await;
    let input = SignInInput { email: "ada@msp.example".to_owned(), password: PASSWORD.to_owned() };
    let arrived = domain::access::sign_in(&store, &visitor(), input).await.expect("signs in");
    store.close().await;
    session_of(arrived)
}

/// The agent's program as cargo builds it beside these tests. Blocks.
pub fn agent_program() -> PathBuf {
    beside_these_tests(&["-p", "agent", "--bin", "reeve-agent"]).join("reeve-agent")
}

/// The supervisor's, likewise.
pub fn updater_program() -> PathBuf {
    beside_these_tests(&["-p", "updater", "--bin", "reeve-updater"]).join("reeve-updater")
}

/// An agent that crashes whenever it is started, likewise.
pub fn broken_agent_program() -> PathBuf {
    beside_these_tests(&["-p", "agent", "--example", "broken_agent"]).join("examples/broken_agent")
}

/// Builds something with the profile of these tests; the folder of that profile.
fn beside_these_tests(what: &[&str]) -> PathBuf {
    let here = std::env::current_exe().expect("this program");
    let profile = here.ancestors().nth(2).expect("the folder of the profile");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet"])
        .args(what)
        .arg("--target-dir")
        .arg(profile.parent().expect("the target folder"))
        .current_dir(super::workspace::root())
        .status()
        .expect("cargo");
    assert!(built.success());
    profile.to_owned()
}
