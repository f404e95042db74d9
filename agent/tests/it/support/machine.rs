//! A machine with the real supervisor and the real agent on it, and builds that differ from that agent in their stamps.

use super::{Device, FakeServer, Keys, eventually, stamped};
use entity::{
    release::stamp::Stamp,
    update::{UpdateRequired, UpdateStatus},
    wire::ToAgent,
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::time::sleep;

/// Minutes become seconds; what is asked of a build stays the same.
const TERMS: &str = r#"{
    "alive_ms": 7000, "receipt_every_ms": 1000, "reach_ms": 4000, "control_every_ms": 1000, "probe_every_ms": 1000,
    "active_max_ms": 60000, "spare_bytes": 1
}"#;

/// What a build of a release says that it is.
pub fn stamp(seq: u64) -> Stamp {
    Stamp { version: format!("9.{seq}.0"), seq, build_id: format!("build-{seq}"), build_time: None }
}

/// The agent, as it was built.
pub fn program() -> Vec<u8> {
    fs::read(env!("CARGO_BIN_EXE_reeve-agent")).unwrap()
}

fn put(path: &Path, bytes: &[u8], mode: u32) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A machine on which release 1 is installed and supervised.
pub struct Machine {
    pub server: FakeServer,
    pub device: Device,
    says: PathBuf,
    supervisor: Child,
}

impl Machine {
    pub async fn start(updater: &Path) -> Self {
        Self::with_terms(updater, TERMS).await
    }

    /// The same with other terms of updates.
    pub async fn with_terms(updater: &Path, lines: &str) -> Self {
        let server = Self::server().await;
        let device = Device::registered(&server).await;
        Self::begin(updater, lines, server, device).await
    }

    /// The same where the device was registered otherwise.
    pub async fn of(updater: &Path, server: FakeServer, device: Device) -> Self {
        Self::begin(updater, TERMS, server, device).await
    }

    /// A server that knows of releases.
    pub async fn server() -> FakeServer {
        let server = FakeServer::start().await;
        {
            let mut world = server.world();
            world.protocol = 4;
            world.releases.root = Some(Keys::new().root());
        }
        server
    }

    async fn begin(updater: &Path, lines: &str, server: FakeServer, device: Device) -> Self {
        let beside = device.data().parent().unwrap().to_owned();
        let (installed, terms, says) =
            (beside.join("reeve-agent"), beside.join("terms.json"), beside.join("says"));
        put(&installed, &stamped(&program(), &stamp(1)), 0o755);
        put(&terms, lines.as_bytes(), 0o600);
        let supervisor = Command::new(updater)
            .args(["run", "--agent"])
            .arg(&installed)
            .arg("--data-dir")
            .arg(device.data())
            .arg("--terms")
            .arg(&terms)
            .args(["--", "--data-dir"])
            .arg(device.data())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&says).unwrap())
            .spawn()
            .unwrap();
        let machine = Self { server, device, says, supervisor };
        eventually("release 1", || machine.runs() == Some(1)).await;
        machine
    }

    /// The release of the last hello.
    pub fn runs(&self) -> Option<u64> {
        self.server.world().hellos.last().and_then(|(_, hello)| Some(hello.running.as_ref()?.seq))
    }

    pub fn hellos(&self) -> usize {
        self.server.world().hellos.len()
    }

    pub fn said(&self) -> String {
        fs::read_to_string(&self.says).unwrap_or_default()
    }

    /// Lets the agent ask at once.
    pub fn hint(&self, seq: u64) {
        let new_version = stamp(seq).version;
        let hint = UpdateRequired { new_version, seq, within_seconds: 0 };
        self.server.world().push(&ToAgent::UpdateRequired(hint));
    }

    /// Publishes a release, waits for its end; what was said last.
    pub async fn update(&self, seq: u64, program: Vec<u8>, served: Vec<u8>) -> UpdateStatus {
        let due = Keys::new().release(&stamp(seq), &program);
        self.server.world().releases.publish(due, served);
        self.hint(seq);
        for _ in 0..600 {
            let last = self.last(seq);
            if let Some(last) = last.filter(|status| status.state.is_terminal()) {
                return last;
            }
            sleep(Duration::from_millis(100)).await;
        }
        panic!("release {seq} came to no end: {:?}\n{}", self.server.world().releases.states(), self.said());
    }

    fn last(&self, seq: u64) -> Option<UpdateStatus> {
        let world = self.server.world();
        world
            .releases
            .statuses
            .iter()
            .filter(|status| status.seq == seq)
            .max_by_key(|status| status.step)
            .cloned()
    }

    pub fn slots(&self) -> Vec<String> {
        let entries = fs::read_dir(self.device.data().join("updates/slots")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.supervisor.id()).unwrap()).unwrap();
        let _ = kill_process(pid, Signal::TERM);
        let _ = self.supervisor.wait();
    }
}
