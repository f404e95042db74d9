//! A test in the place of the supervisor: the real agent at the other end of its pipes.

use super::{Device, Running};
use entity::{release::Sha256Hex, update::Running as Build};
use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{ChildStdin, ChildStdout},
    time::{Instant, timeout, timeout_at},
};
use updater::channel::{CHANNEL, ToAgent, ToSupervisor};

/// The nonce of everything that is asked here.
pub const NONCE: &str = "00112233445566778899aabbccddeeff";

/// A supervisor of one agent.
pub struct Supervisor {
    running: Option<Running>,
    input: Option<ChildStdin>,
    output: tokio::io::Lines<BufReader<ChildStdout>>,
    /// Everything that the agent said.
    pub heard: Vec<ToSupervisor>,
    staging: PathBuf,
}

impl Supervisor {
    /// Starts an agent and hears its hello.
    pub async fn start(device: &Device) -> Self {
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(device.data().join("log")).unwrap();
        let mut command = device.agent(&["run", "--supervised", "--channel"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        let staging = device.data().join("updates/staging");
        std::fs::create_dir_all(&staging).unwrap();
        for folder in [device.data().join("updates"), staging.clone()] {
            std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        }
        let mut supervisor = Self {
            running: Some(Running::of(child)),
            input,
            output: BufReader::new(output).lines(),
            heard: Vec::new(),
            staging,
        };
        let first = supervisor.hear().await;
        assert!(matches!(first, ToSupervisor::Hello { channel: CHANNEL, .. }), "{first:?}");
        supervisor
    }

    /// The same, and welcomes it as this build.
    pub async fn welcomed(device: &Device, receipt_every_seconds: Option<u32>) -> Self {
        let mut supervisor = Self::start(device).await;
        let running = Build { sha256: Some(digest()), is_supervised: true, ..supervisor.build() };
        supervisor.welcome(running, receipt_every_seconds).await;
        supervisor
    }

    pub async fn welcome(&mut self, running: Build, receipt_every_seconds: Option<u32>) {
        let staging = self.staging.display().to_string();
        let nonce = NONCE.to_owned();
        self.say(&ToAgent::Welcome { channel: CHANNEL, running, nonce, receipt_every_seconds, staging })
            .await;
    }

    /// What the agent says that it is.
    pub fn build(&self) -> Build {
        match self.heard.first() {
            Some(ToSupervisor::Hello { running, .. }) => running.clone(),
            other => panic!("{other:?}"),
        }
    }

    pub fn staging(&self) -> &Path {
        &self.staging
    }

    pub async fn say(&mut self, message: &ToAgent) {
        let line = serde_json::to_string(message).unwrap() + "\n";
        self.input.as_mut().expect("open").write_all(line.as_bytes()).await.unwrap();
    }

    /// The next line.
    pub async fn hear(&mut self) -> ToSupervisor {
        let line = timeout(Duration::from_secs(30), self.output.next_line()).await;
        let line = line.expect("within thirty seconds").unwrap().expect("the agent still speaks");
        let message: ToSupervisor = serde_json::from_str(&line).expect(&line);
        self.heard.push(message.clone());
        message
    }

    /// The next line for which `pick` has an answer.
    pub async fn until<T>(&mut self, what: &str, pick: impl Fn(&ToSupervisor) -> Option<T>) -> T {
        let until = Instant::now() + Duration::from_secs(40);
        loop {
            let message = timeout_at(until, self.hear()).await;
            let message =
                message.unwrap_or_else(|_| panic!("{what}: not within 40 s; heard {:?}", self.heard));
            if let Some(found) = pick(&message) {
                return found;
            }
        }
    }

    /// Hears for a while; true when `pick` is said.
    pub async fn hears_within(&mut self, wait: Duration, pick: impl Fn(&ToSupervisor) -> bool) -> bool {
        let until = Instant::now() + wait;
        while let Ok(message) = timeout_at(until, self.hear()).await {
            if pick(&message) {
                return true;
            }
        }
        false
    }

    /// Answers the agent's next question what to ask the server.
    pub async fn answer_question(&mut self, highest_seq: u64, root_version: u64) {
        self.until("a question", |said| matches!(said, ToSupervisor::Ask).then_some(())).await;
        let nonce = NONCE.to_owned();
        self.say(&ToAgent::Question { nonce, highest_seq, root_version, is_updating: false }).await;
    }

    /// Closes the agent's input; it has some seconds to end in order.
    pub async fn close(mut self) -> ExitStatus {
        self.end().await
    }

    /// The same, where the rest of what belongs together is still needed.
    pub async fn end(&mut self) -> ExitStatus {
        drop(self.input.take());
        self.running.take().expect("it runs").wait().await
    }
}

/// The digest that this supervisor says it read.
pub fn digest() -> Sha256Hex {
    Sha256Hex::of(b"the program that runs")
}
