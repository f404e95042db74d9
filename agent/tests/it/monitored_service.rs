//! Services that are looked after, and the lock of the machine, with the real agent, a systemd that is played, and a
//! server: at once, through an outage, and never more often than once.
#![cfg(target_os = "linux")]

use crate::support::{Device, FakeServer, Running, eventually};
use entity::{
    device_lock::RefusalCode,
    monitored_service::MonitoredServiceSetting,
    system_service::ServiceStatus,
    wire::{Event, Settings, ToAgent},
};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A systemd that does what the test says.
struct Systemd {
    folder: TempDir,
}

impl Systemd {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("system")).unwrap();
        let program = folder.path().join("systemctl");
        fs::write(&program, include_str!("../../src/monitored_service/fixture/systemctl.sh")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a unit in place, in one step.
    fn unit(&self, name: &str, active: &str, run: &str) {
        let ended = if active == "failed" { "ExecMainCode=1\nExecMainStatus=3\n" } else { "" };
        let text = format!(
            "Id={name}\nLoadState=loaded\nActiveState={active}\nSubState=x\nMainPID=42\nNRestarts=0\nInvocationID={run}\n{ended}"
        );
        fs::write(self.path("next"), text).unwrap();
        fs::rename(self.path("next"), self.path(name)).unwrap();
    }

    fn run_agent(&self, device: &Device) -> Running {
        let mut command = device.agent(&["run"]);
        let path = format!("{}:{}", self.folder.path().display(), std::env::var("PATH").unwrap());
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        command.env("PATH", path).env("REEVE_TEST_SYSTEMD", self.folder.path()).stderr(log);
        Running::of(command.spawn().unwrap())
    }

    fn calls(&self, verb: &str) -> usize {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        calls.lines().filter(|line| line.starts_with(verb)).count()
    }

    fn restarts(&self) -> usize {
        self.calls("restart")
    }

    /// How often the service was looked at. A look is written down before it sees anything, so that only the next one
    /// proves that it is over.
    fn looks(&self) -> usize {
        self.calls("show web.service")
    }
}

fn settings() -> Settings {
    let setting = MonitoredServiceSetting {
        service_name: "web.service".to_owned(),
        should_be_running: true,
        auto_restart: true,
    };
    Settings { inventory_interval_seconds: 60, monitored_services: vec![setting], ..Settings::default() }
}

fn words(server: &FakeServer) -> Vec<String> {
    server.world().events.iter().map(|event| event.event_type.clone()).collect()
}

fn first(server: &FakeServer, word: &str) -> Option<Event> {
    server.world().events.iter().find(|event| event.event_type == word).cloned()
}

fn status(server: &FakeServer) -> Option<ServiceStatus> {
    server.world().monitored.last().and_then(|told| told.items.first()).and_then(|service| service.status)
}

#[tokio::test]
async fn a_crash_is_told_at_once_refused_by_the_lock_and_repaired_once_it_is_open() {
    let server = FakeServer::start().await;
    server.world().protocol = 2;
    let device = Device::registered(&server).await;
    let systemd = Systemd::new();
    systemd.unit("web.service", "active", "1");
    let running = systemd.run_agent(&device);
    eventually("a hello", || !server.world().hellos.is_empty()).await;
    {
        let world = server.world();
        let hello = &world.hellos[0].1;
        assert!(hello.capabilities.iter().any(|word| word == "monitored_services"));
        assert_eq!(hello.device_lock.as_ref().unwrap().remaining_seconds, None, "locked by default");
    }
    server.world().settings = settings();
    server.world().push(&ToAgent::Config { settings: settings() });
    eventually("the service", || status(&server) == Some(ServiceStatus::Running)).await;

    systemd.unit("web.service", "failed", "1");
    eventually("the refusal", || first(&server, "service_restart_refused").is_some()).await;
    let crashed = first(&server, "service_crashed").expect("the crash was told before");
    assert_eq!(crashed.data.unwrap().exit_code, Some(3));
    let refused = first(&server, "service_restart_refused").unwrap();
    assert_eq!(refused.data.unwrap().refusal, Some(RefusalCode::LockedLocal));
    assert_eq!(systemd.restarts(), 0);

    systemd.unit("web.service.restarted", "active", "2");
    let output = device.output(&["lock", "arm", "--for", "1h", "--allow", "restart_service:web"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    eventually("the open lock", || server.world().locks.iter().any(|lock| lock.remaining_seconds.is_some()))
        .await;
    eventually("the restart", || first(&server, "service_restarted").is_some()).await;
    eventually("the count", || {
        server.world().monitored.last().is_some_and(|told| told.items[0].restart_count == 1)
    })
    .await;
    eventually("the service again", || status(&server) == Some(ServiceStatus::Running)).await;
    assert_eq!(systemd.restarts(), 1);
    assert!(device.output(&["lock", "disarm"]).await.status.success());
    eventually("the closed lock", || {
        server.world().locks.last().is_some_and(|lock| lock.remaining_seconds.is_none())
    })
    .await;
    assert!(running.stop().await.success());
    let told = words(&server);
    assert_eq!(told, ["service_crashed", "service_restart_refused", "service_restarted"], "each once");
}

#[tokio::test]
async fn what_happens_in_an_outage_waits_on_disk_through_a_crash_of_the_agent() {
    let mut server = FakeServer::start().await;
    server.world().protocol = 2;
    server.world().settings = settings();
    let device = Device::registered(&server).await;
    let systemd = Systemd::new();
    systemd.unit("web.service", "active", "1");
    let running = systemd.run_agent(&device);
    eventually("the service", || status(&server) == Some(ServiceStatus::Running)).await;
    server.vanish().await;
    systemd.unit("web.service", "inactive", "");
    let kept = device.data().join("events.json");
    eventually("the event on disk", || holds(&kept, "service_stopped")).await;
    running.kill().await;
    let looks = systemd.looks();
    let running = systemd.run_agent(&device);
    // What it finds when it begins is no event; what changes after that is.
    eventually("two more looks", || systemd.looks() > looks + 1).await;
    systemd.unit("web.service", "active", "2");
    eventually("the next event on disk", || holds(&kept, "service_started")).await;
    assert!(words(&server).is_empty());

    // It comes back, stores what it is sent, and its acknowledgements are lost.
    server.world().keep_event_acks = true;
    server.come_back().await;
    eventually("the first event", || !words(&server).is_empty()).await;
    running.kill().await;
    server.world().keep_event_acks = false;
    let running = systemd.run_agent(&device);
    eventually("the last event", || first(&server, "service_started").is_some()).await;
    eventually("nothing that waits", || !holds(&kept, "service_")).await;
    let status = running.stop().await;
    assert!(status.success(), "{status}");
    // What was told and not acknowledged, one event or both, is told again under the same name.
    let world = server.world();
    let mut told: Vec<Event> = Vec::new();
    for event in &world.events {
        let id = event.id.expect("each has a name");
        match told.iter().find(|before| before.id == Some(id)) {
            Some(before) => assert_eq!(before, event),
            None => told.push(event.clone()),
        }
    }
    let words: Vec<&str> = told.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(words, ["service_stopped", "service_started"]);
    assert!(world.events.len() > told.len(), "told again: {:?}", world.events);
}

fn holds(path: &Path, word: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.contains(word))
}

#[tokio::test]
async fn a_server_from_before_gets_events_and_nothing_else_that_it_does_not_know() {
    let server = FakeServer::start().await;
    server.world().settings = settings();
    let device = Device::registered(&server).await;
    let systemd = Systemd::new();
    systemd.unit("web.service", "active", "1");
    let running = systemd.run_agent(&device);
    eventually("a hello", || !server.world().hellos.is_empty()).await;
    eventually("a look", || holds(&device.data().join("monitored-services.json"), "running")).await;
    systemd.unit("web.service", "inactive", "");
    eventually("the event", || first(&server, "service_stopped").is_some()).await;
    assert!(running.stop().await.success());
    let world = server.world();
    assert!(world.monitored.is_empty() && world.locks.is_empty());
    assert_eq!(world.events.len(), 1, "told once, and not waited for");
}

#[tokio::test]
async fn where_sockets_are_blocked_everything_goes_over_http() {
    let server = FakeServer::start().await;
    server.world().block_sockets = true;
    server.world().settings = settings();
    let device = Device::registered(&server).await;
    let systemd = Systemd::new();
    systemd.unit("web.service", "active", "1");
    let running = systemd.run_agent(&device);
    eventually("the service", || status(&server) == Some(ServiceStatus::Running)).await;
    systemd.unit("web.service", "inactive", "");
    eventually("the event", || first(&server, "service_stopped").is_some()).await;
    eventually("the service's status", || status(&server) == Some(ServiceStatus::Stopped)).await;
    assert!(device.output(&["lock", "arm", "--for", "1h"]).await.status.success());
    eventually("the lock", || server.world().locks.iter().any(|lock| lock.remaining_seconds.is_some())).await;
    assert!(running.stop().await.success());
}

#[tokio::test]
async fn the_lock_is_changed_at_the_machine_and_bad_input_changes_nothing() {
    let server = FakeServer::start().await;
    let device = Device::new();
    let output = device.output(&["lock", "show"]).await;
    assert_eq!(output.status.code(), Some(3), "there is no agent yet");
    device.register(&server, "AGT-good", &[]).await;
    let show = async || String::from_utf8(device.output(&["lock", "show"]).await.stdout).unwrap();
    assert!(show().await.starts_with("Locked"));
    for bad in [
        ["lock", "arm", "--for", "31d"].as_slice(),
        &["lock", "arm", "--for", "forever"],
        &["lock", "arm"],
        &["lock", "arm", "--for", "2h", "--allow", "everything"],
        &["lock", "arm", "--for", "2h", "--allow", "run_script:*"],
        &["lock", "allow"],
        &["lock", "deny", "reboot"],
    ] {
        let output = device.output(bad).await;
        assert!(!output.status.success(), "{bad:?}");
        assert!(!output.stderr.is_empty(), "{bad:?}");
    }
    assert!(!device.data().join("device-lock.toml").exists());
    assert!(
        device
            .output(&["lock", "arm", "--for", "30m", "--allow", "restart_service:web"])
            .await
            .status
            .success()
    );
    assert!(show().await.starts_with("Armed until"));
    fs::set_permissions(device.data().join("device-lock.toml"), fs::Permissions::from_mode(0o666)).unwrap();
    assert!(show().await.contains("changed by others"), "{}", show().await);
}
