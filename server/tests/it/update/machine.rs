//! A machine with the real supervisor and the real agent on it, and releases that differ from that agent in their
//! stamps.

use crate::support::{
    PATIENCE,
    program::{agent_program, broken_agent_program, updater_program},
    release::{Built, Trust, Words, document},
    server::{TestServer, field},
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::DeviceId,
    release::{ArtifactKind, Channel, stamp::Stamp},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};
use tempfile::TempDir;
use tokio::{task::spawn_blocking, time::sleep};

/// Minutes become seconds; what is asked of a build stays the same.
const TERMS: &str = r#"{
    "alive_ms": 4000, "receipt_every_ms": 1000, "reach_ms": 4000, "control_every_ms": 1000, "probe_every_ms": 1000,
    "download_every_ms": 2000, "go_every_ms": 1000, "active_max_ms": 120000, "spare_bytes": 1
}"#;

/// The programs of all machines.
pub(super) struct Programs {
    /// One that works.
    pub(super) agent: Vec<u8>,
    /// One that crashes whenever it is started.
    pub(super) broken: Vec<u8>,
    updater: PathBuf,
    /// What the agent says of itself.
    said: Value,
}

impl Programs {
    /// Has cargo build them.
    pub(super) async fn built() -> Self {
        let built = || (agent_program(), broken_agent_program(), updater_program());
        let (agent, broken, updater) = spawn_blocking(built).await.expect("built");
        let folder = tempfile::tempdir().expect("a folder");
        let nonce = "0".repeat(32);
        let mut check = Command::new(&agent);
        check.args(["selfcheck", "--nonce", &nonce, "--data-dir"]).arg(folder.path().join("data"));
        let said = spawn_blocking(move || check.output()).await.expect("ran").expect("it runs").stdout;
        Self {
            agent: fs::read(agent).expect("a program"),
            broken: fs::read(broken).expect("a program"),
            updater,
            said: serde_json::from_slice(&said).expect("what it says of itself"),
        }
    }

    /// A release of a program for this machine: its version, its signed manifest and its file.
    pub(super) fn release(&self, trust: &Trust, program: &[u8], seq: u64) -> (String, String, Built) {
        let built = stamp(seq);
        let file = Built {
            kind: ArtifactKind::Agent,
            os: field(&self.said, "os"),
            arch: field(&self.said, "arch"),
            libc: field(&self.said, "libc"),
            bytes: stamped(program, seq),
        };
        let expires = now() + TimeDelta::days(30);
        let words = Words { seq, version: &built.version, channel: Channel::Stable, expires };
        let mut manifest = document(&words, std::slice::from_ref(&file));
        for artifact in &mut manifest.artifacts {
            artifact.build_id.clone_from(&built.build_id);
            artifact.config_schema = field(&self.said, "config_schema");
            artifact.spool_schema = field(&self.said, "spool_schema");
        }
        (built.version, trust.sign(&manifest), file)
    }
}

fn stamp(seq: u64) -> Stamp {
    Stamp { version: format!("9.{seq}.0"), seq, build_id: format!("build-{seq}"), build_time: None }
}

/// A copy of a program that says it is another build.
fn stamped(program: &[u8], seq: u64) -> Vec<u8> {
    let mut copy = program.to_vec();
    stamp(seq).write(&mut copy).expect("it has a stamp");
    copy
}

/// The present of programs.
fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

fn put(path: &Path, bytes: &[u8], mode: u32) {
    fs::write(path, bytes).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
}

/// A machine on which release 1 is installed.
pub(super) struct Machine {
    pub(super) id: DeviceId,
    folder: TempDir,
    updater: PathBuf,
    supervisor: Option<Child>,
}

impl Machine {
    /// Makes it a device of the server that is reached by this address.
    pub(super) async fn registered(programs: &Programs, server: &TestServer, url: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        put(&folder.path().join("reeve-agent"), &stamped(&programs.agent, 1), 0o755);
        put(&folder.path().join("terms.json"), TERMS.as_bytes(), 0o600);
        let token = folder.path().join("token");
        put(&token, server.token(server.ours).await.token.as_bytes(), 0o600);
        let mut register = Command::new(folder.path().join("reeve-agent"));
        register.args(["register", "--server", url, "--token-file", "-", "--data-dir"]);
        register.arg(folder.path().join("data")).env_remove("REEVE_TOKEN");
        register.stdin(fs::File::open(&token).expect("a token"));
        let registered = spawn_blocking(move || register.output()).await.expect("ran").expect("it runs");
        assert!(registered.status.success(), "{}", String::from_utf8_lossy(&registered.stderr));
        let devices: Value = server.admin.get("/agents").await.expect(200);
        let id = field(&devices["items"][0], "id");
        Self { id, folder, updater: programs.updater.clone(), supervisor: None }
    }

    /// Starts the supervisor, and waits until its agent is connected.
    pub(super) async fn start(&mut self) {
        let data = self.path("data");
        let mut run = Command::new(&self.updater);
        run.args(["run", "--agent"]).arg(self.path("reeve-agent")).arg("--data-dir").arg(&data);
        run.arg("--terms").arg(self.path("terms.json")).args(["--", "--data-dir"]).arg(&data);
        run.env_remove("REEVE_LOG").stdin(Stdio::null()).stdout(Stdio::null());
        run.stderr(fs::File::create(self.path("says")).expect("a file"));
        self.supervisor = Some(run.spawn().expect("it runs"));
        self.connected().await;
    }

    /// Waits until an agent is there and connected.
    pub(super) async fn connected(&self) {
        let since = Instant::now();
        while !self.status(&["--json"]).await.contains("\"socket\"") {
            assert!(since.elapsed() < 2 * PATIENCE, "no agent is connected:\n{}", self.said());
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// What the agent that runs says of itself.
    pub(super) async fn status(&self, more: &[&str]) -> String {
        let mut status = tokio::process::Command::new(self.path("reeve-agent"));
        status.arg("status").args(more).arg("--data-dir").arg(self.path("data"));
        let output = status.output().await.expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What the supervisor said.
    pub(super) fn said(&self) -> String {
        fs::read_to_string(self.path("says")).unwrap_or_default()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let Some(mut supervisor) = self.supervisor.take() else { return };
        let pid = i32::try_from(supervisor.id()).ok().and_then(Pid::from_raw).expect("a process");
        let _ = kill_process(pid, Signal::TERM);
        let _ = supervisor.wait();
    }
}
