//! Whole updates: the real supervisor, real agents that differ in their stamps, real signatures, a server that grants.

use crate::support::{Device, FakeServer, Keys, eventually, stamped, updater};
use entity::{
    release::stamp::Stamp,
    update::{UpdateRequired, UpdateState, UpdateStatus},
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

fn stamp(seq: u64) -> Stamp {
    Stamp { version: format!("9.{seq}.0"), seq, build_id: format!("build-{seq}"), build_time: None }
}

fn program() -> Vec<u8> {
    fs::read(env!("CARGO_BIN_EXE_reeve-agent")).unwrap()
}

fn put(path: &Path, bytes: &[u8], mode: u32) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A machine on which release 1 is installed and supervised.
struct Machine {
    server: FakeServer,
    device: Device,
    says: PathBuf,
    supervisor: Child,
}

impl Machine {
    async fn start(updater: &Path) -> Self {
        let server = FakeServer::start().await;
        {
            let mut world = server.world();
            world.protocol = 4;
            world.releases.root = Some(Keys::new().root());
        }
        let device = Device::registered(&server).await;
        let beside = device.data().parent().unwrap().to_owned();
        let (installed, terms, says) =
            (beside.join("reeve-agent"), beside.join("terms.json"), beside.join("says"));
        put(&installed, &stamped(&program(), &stamp(1)), 0o755);
        put(&terms, TERMS.as_bytes(), 0o600);
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
    fn runs(&self) -> Option<u64> {
        self.server.world().hellos.last().and_then(|(_, hello)| Some(hello.running.as_ref()?.seq))
    }

    fn hellos(&self) -> usize {
        self.server.world().hellos.len()
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.says).unwrap_or_default()
    }

    /// Publishes a release, waits for its end; what was said last.
    async fn update(&self, seq: u64, program: Vec<u8>, served: Vec<u8>) -> UpdateStatus {
        let due = Keys::new().release(&stamp(seq), &program);
        let hint = ToAgent::UpdateRequired(UpdateRequired {
            new_version: due.version.clone(),
            seq,
            within_seconds: 0,
        });
        let mut world = self.server.world();
        world.releases.publish(due, served);
        world.push(&hint);
        drop(world);
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

    fn slots(&self) -> Vec<String> {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_takes_the_place_of_the_one_before_and_stays() {
    let Some(updater) = updater() else { return };
    let machine = Machine::start(&updater).await;
    let new = stamped(&program(), &stamp(2));
    let last = machine.update(2, new.clone(), new).await;
    assert_eq!(last.state, UpdateState::Confirmed, "{last:?}\n{}", machine.said());
    assert_eq!((last.running.seq, machine.runs()), (2, Some(2)));
    assert_eq!(machine.slots().len(), 1);
    let states = machine.server.world().releases.states();
    let way = ["accepted", "downloading", "staged", "switched", "confirmed"];
    assert!(way.iter().all(|state| states.contains(state)), "{states:?}");
    let gap_ms = last.gap_ms.expect("it was measured");
    eprintln!("agent gap: {gap_ms} ms");
    assert!(gap_ms < 10_000, "{gap_ms} ms");
    let status = machine.device.status().await;
    assert!(status.contains("release 2") && status.contains("in slot 2-"), "{status}");
    let world = machine.server.world();
    assert_eq!(world.hellos.len(), 2, "one agent before, one after");
    assert!(world.errors.is_empty(), "{:?}", world.errors);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_that_cannot_work_never_takes_the_place_of_one_that_does() {
    let Some(updater) = updater() else { return };
    let machine = Machine::start(&updater).await;
    // A program, for this machine, with a right stamp and signature: it just is no agent.
    let mut other = fs::read("/bin/false").unwrap();
    other.extend_from_slice(&stamp(2).bytes().unwrap());
    let last = machine.update(2, other.clone(), other).await;
    assert_eq!(last.state, UpdateState::FailedPre, "{last:?}");
    assert_eq!(last.reason.map(entity::release::Reason::word), Some("probe_failed"));

    let (good, mut tampered) = (stamped(&program(), &stamp(3)), stamped(&program(), &stamp(3)));
    *tampered.last_mut().unwrap() ^= 1;
    let last = machine.update(3, good, tampered).await;
    assert_eq!(last.state, UpdateState::FailedPre, "{last:?}");
    assert_eq!(last.reason.map(entity::release::Reason::word), Some("hash_mismatch"));
    assert_eq!((machine.hellos(), machine.runs()), (1, Some(1)), "the old one was never stopped");
    assert!(machine.slots().is_empty(), "{:?}", machine.slots());
    eventually("the report", || {
        machine.server.world().errors.iter().any(|error| {
            error.error_type == "update_checksum_mismatch" && error.failed_version.as_deref() == Some("9.3.0")
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_that_the_server_hears_no_more_is_taken_back() {
    let Some(updater) = updater() else { return };
    let machine = Machine::start(&updater).await;
    // One for the question beforehand, none when it runs.
    machine.server.world().releases.receipts_left.insert("build-2".to_owned(), 1);
    let new = stamped(&program(), &stamp(2));
    let last = machine.update(2, new.clone(), new).await;
    assert_eq!(last.state, UpdateState::RolledBack, "{last:?}\n{}", machine.said());
    assert_eq!(last.reason.map(entity::release::Reason::word), Some("cannot_reach_server"));
    eventually("the one before", || machine.runs() == Some(1)).await;
    eventually("the report", || {
        machine.server.world().errors.iter().any(|error| {
            error.error_type == "update_rolled_back" && error.failed_version.as_deref() == Some("9.2.0")
        })
    })
    .await;
}
