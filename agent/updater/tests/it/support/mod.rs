//! A data directory with a supervisor over it, and builds of the fake agent.

pub mod sign;

#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process};
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt as _;

use sign::{Keys, Release};
use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};
use updater::{
    fs::{Disk, Fs as _},
    patience,
};

#[cfg(unix)]
pub const TERMS: &str = r#"{"alive_ms": 1500, "hello_ms": 5000, "beat_ms": 300, "receipt_every_ms": 1000, "reach_ms": 2500,
    "control_every_ms": 500, "active_max_ms": 9000, "trial_max_ms": 120000, "quiesce_ms": 2000, "stop_ms": 1000,
    "probe_ms": 4000, "probe_every_ms": 500, "download_every_ms": 500, "go_every_ms": 500, "go_max_ms": 4000,
    "own_alive_ms": 1000, "crash_window_ms": 120000, "attempts_max": 50}"#;
/// Starting a program takes Wine a second or more on a machine that is busy. A restart of the machine is not told from one
/// of the supervisor there, so that the trial begins anew with each.
#[cfg(windows)]
pub const TERMS: &str = r#"{"alive_ms": 2500, "hello_ms": 20000, "beat_ms": 1000, "receipt_every_ms": 1000, "reach_ms": 12000,
    "control_every_ms": 1000, "active_max_ms": 60000, "trial_max_ms": 300000, "quiesce_ms": 10000, "stop_ms": 3000,
    "probe_ms": 20000, "probe_every_ms": 1000, "download_every_ms": 1000, "go_every_ms": 1000, "go_max_ms": 20000,
    "own_alive_ms": 1000, "crash_window_ms": 300000, "attempts_max": 50, "held_max_ms": 20000}"#;
/// The file of the program that the package installed.
pub const AGENT: &str = if cfg!(windows) { "reeve-agent.exe" } else { "reeve-agent" };

/// A machine with a supervised agent.
pub struct Bench {
    folder: tempfile::TempDir,
    pub keys: Keys,
    supervisor: Option<Child>,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(TERMS, &build(1, "good"))
    }

    /// With these terms, and this program as the one that the package installed.
    pub fn with(terms: &str, installed: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bench = Self { folder, keys: Keys::new(7), supervisor: None };
        // As nobody else may write there, on every system.
        Disk.make_folder(&bench.root()).unwrap();
        Disk.make_folder(&bench.data()).unwrap();
        fs::write(
            bench.data().join("config.json"),
            r#"{"device_id":"019aa000-0000-7000-8000-000000000001"}"#,
        )
        .unwrap();
        fs::write(bench.path("terms.json"), terms).unwrap();
        #[cfg(unix)]
        fs::set_permissions(bench.path("terms.json"), fs::Permissions::from_mode(0o600)).unwrap();
        bench.write_program(&bench.path(AGENT), installed);
        bench
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("bench")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub fn write_program(&self, path: &Path, bytes: &[u8]) {
        fs::write(path, bytes).unwrap();
        #[cfg(unix)]
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn command(&self) -> Command {
        self.command_of(Command::new(program()))
    }

    /// The same by another hand, which is given the program and its arguments as its last words.
    pub fn command_under(&self, mut hand: Command) -> Command {
        hand.arg(program());
        self.command_of(hand)
    }

    /// The same by a program that understands the arguments.
    pub fn command_of(&self, mut command: Command) -> Command {
        command.arg("run").arg("--agent").arg(self.path(AGENT));
        command.arg("--terms").arg(self.path("terms.json"));
        command.arg("--").arg("--data-dir").arg(self.data()).stdin(Stdio::null()).stdout(Stdio::null());
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        command.stderr(log);
        command
    }

    pub fn start(&mut self) {
        self.start_as(self.command());
    }

    pub fn start_as(&mut self, mut command: Command) {
        let mut started = command.spawn();
        // Another test that is about to start something holds what was just written open for a moment.
        let is_busy =
            |error: &io::Error| error.kind() == io::ErrorKind::ExecutableFileBusy || patience::is_held(error);
        while started.as_ref().is_err_and(is_busy) {
            thread::sleep(Duration::from_millis(10));
            started = command.spawn();
        }
        self.supervisor = Some(started.unwrap());
    }

    /// True when the supervisor has ended by itself, or was ended.
    pub fn has_ended(&mut self) -> bool {
        self.supervisor.as_mut().is_none_or(|supervisor| supervisor.try_wait().unwrap().is_some())
    }

    /// Ends it as a power cut would, as far as processes are concerned; how it ended, if it had ended before.
    pub fn kill(&mut self) -> ExitStatus {
        let mut supervisor = self.supervisor.take().unwrap();
        supervisor.kill().unwrap();
        let status = supervisor.wait().unwrap();
        if cfg!(windows) {
            // What it had locked may be free a moment later only.
            thread::sleep(Duration::from_millis(200));
        }
        status
    }

    /// Asks it to end in order. Windows has no way to ask from outside that a test could go.
    #[cfg(unix)]
    pub fn stop(&mut self) -> ExitStatus {
        let mut supervisor = self.supervisor.take().unwrap();
        let pid = Pid::from_raw(i32::try_from(supervisor.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        supervisor.wait().unwrap()
    }

    /// Has the server offer this build.
    pub fn offer(&self, seq: u64, bytes: &[u8], attack: &str) {
        let manifest = self.keys.manifest(&release(seq, bytes), |_| ());
        self.offer_manifest(seq, bytes, &manifest, attack);
    }

    pub fn offer_manifest(&self, seq: u64, bytes: &[u8], manifest: &str, attack: &str) {
        let file = self.path(&format!("artifact-{seq}"));
        fs::write(&file, bytes).unwrap();
        let offer = serde_json::json!({
            "manifest": manifest, "file": file, "seq": seq, "version": format!("1.{seq}.0"), "attack": attack,
            "supervisor": self.path(&format!("supervisor-{seq}")),
        });
        let whole = self.data().join("offer.new");
        fs::write(&whole, offer.to_string()).unwrap();
        // The agent reads it now and then, and Wine lets nobody replace an open file.
        let most = Duration::from_secs(10);
        patience::retry(most, &patience::Thread::default(), || {
            Disk.rename(&whole, &self.data().join("offer.json"))
        })
        .unwrap();
    }

    pub fn withdraw(&self) {
        fs::remove_file(self.data().join("offer.json")).unwrap();
    }

    /// What the server was told, oldest first: state, reason, sequence that runs, gap.
    pub fn statuses(&self) -> Vec<serde_json::Value> {
        self.lines("statuses").iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn has_status(&self, state: &str) -> bool {
        self.statuses().iter().any(|status| status["state"] == state)
    }

    pub fn lines(&self, file: &str) -> Vec<String> {
        fs::read_to_string(self.data().join(file)).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// Which sequence was started last.
    pub fn runs(&self) -> String {
        self.lines("starts").last().cloned().unwrap_or_default()
    }

    pub fn wait_for(&self, what: &str, longest: Duration, done: impl Fn(&Self) -> bool) {
        let until = Instant::now() + longest;
        while !done(self) {
            assert!(Instant::now() < until, "{what} did not happen\n{}", self.log());
            thread::sleep(Duration::from_millis(30));
        }
    }

    pub fn log(&self) -> String {
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        format!("{log}\nstatuses: {:?}\nstarts: {:?}", self.lines("statuses"), self.lines("starts"))
    }

    /// What `reeve-updater status --json` says.
    pub fn status(&self) -> serde_json::Value {
        let output = Command::new(program())
            .args(["status", "--json", "--data-dir"])
            .arg(self.data())
            .output()
            .unwrap();
        assert!(output.status.success());
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Some(mut supervisor) = self.supervisor.take() {
            let _ = supervisor.kill();
            let _ = supervisor.wait();
        }
    }
}

/// The supervisor that cargo built. Under Wine its path is one of the drive on which the test was started.
pub fn program() -> PathBuf {
    std::path::absolute(env!("CARGO_BIN_EXE_reeve-updater")).unwrap()
}

/// A build of the fake agent: another stamp, and a habit at its end.
pub fn build(seq: u64, habit: &str) -> Vec<u8> {
    let name = format!("fake_agent{}", env::consts::EXE_SUFFIX);
    let program = program().with_file_name("examples").join(name);
    let mut bytes = stamped(&program, seq);
    bytes.extend(format!("{:64}", format!("habit={habit};")).bytes());
    bytes
}

/// A build of the supervisor: another stamp.
pub fn supervisor(seq: u64) -> Vec<u8> {
    stamped(&program(), seq)
}

fn stamped(program: &Path, seq: u64) -> Vec<u8> {
    let mut bytes = fs::read(program).expect("`cargo test` builds the examples");
    let mark = ["REEVE-STAMP", "-V1:{"].concat().into_bytes();
    let at = bytes.windows(mark.len()).position(|window| window == mark).expect("it has a stamp");
    let json = format!(r#"REEVE-STAMP-V1:{{"version":"1.{seq}.0","seq":{seq},"build_id":"b{seq}"}}"#);
    let stamp = &mut bytes[at..at + updater::built::STAMP_BYTES];
    stamp.fill(b' ');
    stamp[..json.len()].copy_from_slice(json.as_bytes());
    bytes
}

pub fn release(seq: u64, bytes: &[u8]) -> Release {
    Release { seq, version: format!("1.{seq}.0"), build_id: format!("b{seq}"), bytes: bytes.to_vec() }
}
