//! The installer as the server hands it out: what it checks, what it installs, and that half of it does nothing.

use crate::support::{FakeServer, eventually};
use agent::machine;
use entity::presence::LinkKind;
use rustix::process::{Pid, Signal, kill_process};
use sha2::{Digest as _, Sha256};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, process::Command};

/// Starts the agent and passes the request to stop on, as the real one does; that one is built by another package.
const UPDATER: &str = r#"#!/bin/sh
[ "$1 $2 $4 $6" = "run --agent --data-dir --" ] || exit 2
agent=$3
shift 6
"$agent" run "$@" &
child=$!
trap 'kill "$child"; wait "$child"; exit 0' TERM
wait "$child"
"#;

fn artifacts(agent: &[u8], updater: &[u8]) -> String {
    let digest = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
    let (os, arch) = (machine::OS.word(), machine::ARCH.word());
    format!("plan9 x86_64 0 0\n{os} {arch} {} {}", digest(agent), digest(updater))
}

fn script(server: &FakeServer, artifacts: &str) -> String {
    include_str!("../../package/linux/install.sh")
        .replace("@PUBLIC_URL@", &server.url)
        .replace("@ARTIFACTS@", artifacts)
}

struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn prefix(&self) -> PathBuf {
        self.folder.path().join("lib")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs the script as `curl … | sh -s -- TOKEN` does.
    async fn install(&self, script: &str, token: &str) -> Output {
        let mut child = Command::new("sh")
            .args(["-s", "--", token])
            .env("REEVE_PREFIX", self.prefix())
            .env("REEVE_DATA_DIR", self.data())
            .env("REEVE_SERVICE", "none")
            .env_remove("REEVE_TOKEN")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may end before it has read everything.
        let _ = child.stdin.take().unwrap().write_all(script.as_bytes()).await;
        child.wait_with_output().await.unwrap()
    }

    fn supervisor(&self) -> Option<Pid> {
        Pid::from_raw(fs::read_to_string(self.data().join("updater.pid")).ok()?.trim().parse().ok()?)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(pid) = self.supervisor() {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A server with an agent for this machine, and the script that belongs to it.
async fn server() -> (FakeServer, String) {
    let server = FakeServer::start().await;
    let agent = fs::read(Path::new(env!("CARGO_BIN_EXE_reeve-agent"))).unwrap();
    let script = script(&server, &artifacts(&agent, UPDATER.as_bytes()));
    let name = |program: &str| format!("{program}-{}-{}", machine::OS.word(), machine::ARCH.word());
    let mut world = server.world();
    world.downloads.insert(name("reeve-agent"), agent);
    world.downloads.insert(name("reeve-updater"), UPDATER.as_bytes().to_vec());
    drop(world);
    (server, script)
}

#[tokio::test]
async fn one_command_installs_registers_and_starts_and_the_next_one_upgrades() {
    let (server, script) = server().await;
    let machine = Machine::new();
    let output = machine.install(&script, "AGT-good").await;
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("will not survive a restart"), "{}", said(&output));
    assert!(!said(&output).contains("AGT-good"), "the token is not repeated");
    eventually("the hello", || server.world().hellos.len() == 1).await;
    let mode = fs::metadata(machine.prefix().join("reeve-agent")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    let first = machine.supervisor().unwrap();

    let again = machine.install(&script, "").await;
    assert!(again.status.success(), "{}", said(&again));
    assert!(said(&again).contains("registration is kept"), "{}", said(&again));
    assert_ne!(machine.supervisor().unwrap(), first);
    eventually("the hello after the upgrade", || server.world().hellos.len() == 2).await;
    let world = server.world();
    assert_eq!(world.devices.len(), 1);
    assert!(world.hellos.iter().all(|(kind, _)| *kind == LinkKind::Socket));
}

#[tokio::test]
async fn what_is_not_what_was_promised_is_not_installed() {
    let (server, script) = server().await;
    for downloads in server.world().downloads.values_mut() {
        downloads.push(b'!');
    }
    let machine = Machine::new();
    let output = machine.install(&script, "AGT-good").await;
    assert!(!output.status.success());
    assert!(said(&output).contains("not what the server promised"), "{}", said(&output));
    assert!(!machine.prefix().exists() && !machine.data().exists());
}

#[tokio::test]
async fn a_refused_token_and_a_missing_one_are_said_clearly() {
    let (_server, script) = server().await;
    for (token, sentence) in [
        ("AGT-used", "This registration token was used already."),
        ("nonsense", "a registration token starts with AGT-"),
        ("", "a registration token is needed"),
    ] {
        let machine = Machine::new();
        let output = machine.install(&script, token).await;
        assert!(!output.status.success());
        assert!(said(&output).contains(sentence), "{token}: {}", said(&output));
        assert_eq!(machine.supervisor(), None, "nothing was started");
    }
}

#[tokio::test]
async fn a_server_without_an_agent_for_this_machine_says_so() {
    let server = FakeServer::start().await;
    let machine = Machine::new();
    let output = machine.install(&script(&server, ""), "AGT-good").await;
    assert!(!output.status.success());
    assert!(said(&output).contains("this server has no agent for"), "{}", said(&output));
}

#[tokio::test]
async fn a_script_that_was_cut_off_does_nothing() {
    let (_server, script) = server().await;
    let machine = Machine::new();
    let whole = script.trim_end();
    let cuts = (1..whole.len()).step_by(whole.len() / 40).chain(whole.len() - 14..whole.len());
    for cut in cuts.filter(|cut| whole.is_char_boundary(*cut)) {
        machine.install(&whole[..cut], "AGT-good").await;
        assert!(!machine.prefix().exists() && !machine.data().exists(), "cut at {cut} of {}", whole.len());
    }
}
