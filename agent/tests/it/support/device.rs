//! A machine with the real agent on it.

use super::{FakeServer, server::GOOD_TOKEN};
use chrono::{DateTime, Utc};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
    time::timeout,
};

/// A data directory of its own.
pub struct Device {
    _folder: TempDir,
    data: PathBuf,
}

impl Device {
    /// A machine that nobody registered.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        Self { _folder: folder, data }
    }

    /// A machine that the server knows.
    pub async fn registered(server: &FakeServer) -> Self {
        let device = Self::new();
        let output = device.register(server, GOOD_TOKEN, &[]).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        device
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The agent with these arguments and nothing of this process's environment that matters to it.
    pub fn agent(&self, arguments: &[&str]) -> Command {
        let built = || env!("CARGO_BIN_EXE_reeve-agent").into();
        let program = std::env::var_os("REEVE_TEST_AGENT").unwrap_or_else(built);
        let mut command = Command::new(program);
        command.args(arguments).arg("--data-dir").arg(&self.data);
        command.env_remove("REEVE_TOKEN").env_remove("REEVE_LOG").stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    pub async fn output(&self, arguments: &[&str]) -> Output {
        self.agent(arguments).output().await.unwrap()
    }

    /// Registers with the token on standard input.
    pub async fn register(&self, server: &FakeServer, token: &str, more: &[&str]) -> Output {
        let mut arguments = vec!["register", "--server", &server.url];
        arguments.extend(more);
        let mut command = self.agent(&arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It does not read the token when it refuses before that.
        let _ = child.stdin.take().unwrap().write_all(format!("{token}\n").as_bytes()).await;
        child.wait_with_output().await.unwrap()
    }

    /// Starts `reeve-agent run`.
    pub fn run(&self) -> Running {
        self.run_with(&["run"])
    }

    /// The same with other arguments.
    pub fn run_with(&self, arguments: &[&str]) -> Running {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.data.join("log")).unwrap();
        let mut command = self.agent(arguments);
        Running { process: command.stderr(log).spawn().unwrap() }
    }

    pub async fn status(&self) -> String {
        let output = self.output(&["status"]).await;
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }

    /// When the samples that lie in the spool were taken.
    pub fn spooled(&self) -> BTreeSet<DateTime<Utc>> {
        let mut moments = BTreeSet::new();
        for entry in fs::read_dir(self.data.join("spool")).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "jsonl") {
                for line in fs::read_to_string(path).unwrap().lines() {
                    let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else { continue };
                    moments.insert(line["sample"]["collected_at"].as_str().unwrap().parse().unwrap());
                }
            }
        }
        moments
    }
}

/// An agent that runs.
pub struct Running {
    process: Child,
}

impl Running {
    /// One that was started otherwise.
    pub const fn of(process: Child) -> Self {
        Self { process }
    }

    /// How it ended, when it does so by itself.
    pub async fn wait(mut self) -> ExitStatus {
        let ended = timeout(Duration::from_secs(15), self.process.wait()).await;
        ended.expect("it ends within fifteen seconds").unwrap()
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.process.id().expect("it runs")).unwrap()
    }

    pub fn is_alive(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Asks it to stop; it has five seconds.
    pub async fn stop(mut self) -> ExitStatus {
        kill_process(Pid::from_raw(self.pid()).unwrap(), Signal::TERM).unwrap();
        timeout(Duration::from_secs(5), self.process.wait())
            .await
            .expect("it stops within five seconds")
            .unwrap()
    }

    /// Ends it as a crash or a power cut would.
    pub async fn kill(mut self) {
        kill_process(Pid::from_raw(self.pid()).unwrap(), Signal::KILL).unwrap();
        self.process.wait().await.unwrap();
    }
}
