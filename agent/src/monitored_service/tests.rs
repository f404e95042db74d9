//! The watcher against a service manager that is played by a script: what it tells, and what it restarts.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use super::{Told, Watcher, os::Manager};
use crate::{
    device_lock::{self, ArmInput, LockInput, LockVerb},
    event::Events,
    paths::Paths,
    timing::Timing,
};
use entity::{
    device_lock::RefusalCode,
    monitored_service::{MonitoredServiceSetting, MonitoredServiceState, RESTARTS_PER_HOUR_MAX},
    system_service::ServiceStatus,
    wire::{Event, Settings},
};
use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::{Instant, sleep},
};

/// A machine with a systemd that does what the test says.
struct Machine {
    _folder: tempfile::TempDir,
    paths: Paths,
    play: PathBuf,
    settings: watch::Sender<Settings>,
    events: Events,
    told: watch::Receiver<Told>,
    task: JoinHandle<()>,
}

impl Machine {
    fn start(services: &[(&str, bool)], stage: impl FnOnce(&std::path::Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (data, play) = (folder.path().join("data"), folder.path().join("play"));
        fs::create_dir_all(play.join("system")).unwrap();
        crate::paths::make_private(&data).unwrap();
        let program = play.join("systemctl");
        fs::write(&program, include_str!("fixture/systemctl.sh")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        stage(&play);
        let paths = Paths::under(data);
        let (settings, settings_seen) = watch::channel(wanted(services));
        let (told_out, told) = watch::channel(Told::default());
        let events = Events::open(&paths);
        let timing = Timing {
            service_check: Duration::from_millis(15),
            restart_first: Duration::from_millis(1),
            ..Timing::default()
        };
        let watcher = Watcher {
            paths: paths.clone(),
            settings: settings_seen,
            events: events.clone(),
            work: Arc::new(Notify::new()),
            told: told_out,
            timing,
        };
        let manager = Manager { program: program.to_string_lossy().into_owned(), run: play.clone() };
        let task = tokio::spawn(watcher.run_with(manager));
        Self { _folder: folder, paths, play, settings, events, told, task }
    }

    /// The next event, which has to be of this type.
    async fn event(&self, word: &str) -> Event {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(event) = self.events.oldest() {
                self.events.committed(event.id.unwrap());
                assert_eq!(event.event_type, word, "{}", event.summary);
                return event;
            }
            assert!(Instant::now() < until, "no {word} within 20 s");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// The service once the watcher tells that it is so.
    async fn service(&self, is_so: impl Fn(&MonitoredServiceState) -> bool) -> MonitoredServiceState {
        let mut told = self.told.clone();
        let first = |told: &Told| told.services.as_ref().and_then(|services| services.items.first().cloned());
        let found = told.wait_for(|told| first(told).is_some_and(|service| is_so(&service)));
        let found = tokio::time::timeout(Duration::from_secs(20), found).await.expect("within 20 s").unwrap();
        first(&found).unwrap()
    }

    /// Done once the watcher has told that the lock is open.
    async fn open_lock(&self) {
        let mut told = self.told.clone();
        let open = told.wait_for(|told| told.lock.remaining_seconds.is_some());
        tokio::time::timeout(Duration::from_secs(20), open).await.expect("within 20 s").unwrap();
    }

    fn lock(&self, verb: LockVerb) {
        device_lock::carry_out(&self.paths, &LockInput { verb }).unwrap();
    }

    fn calls(&self, verb: &str) -> usize {
        let calls = fs::read_to_string(self.play.join("calls")).unwrap_or_default();
        calls.lines().filter(|line| line.starts_with(verb)).count()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn wanted(services: &[(&str, bool)]) -> Settings {
    let setting = |(name, auto_restart): &(&str, bool)| MonitoredServiceSetting {
        service_name: (*name).to_owned(),
        should_be_running: true,
        auto_restart: *auto_restart,
    };
    Settings { monitored_services: services.iter().map(setting).collect(), ..Settings::default() }
}

/// Puts a unit in place, in one step.
fn unit(play: &std::path::Path, name: &str, active: &str, run: &str, more: &str) {
    let text = format!(
        "Id={name}\nLoadState=loaded\nActiveState={active}\nSubState=x\nMainPID=42\nNRestarts=0\nInvocationID={run}\n{more}"
    );
    let next = play.join("next");
    fs::write(&next, text).unwrap();
    fs::rename(next, play.join(name)).unwrap();
}

const CRASHED: &str = "ExecMainCode=2\nExecMainStatus=11\n";

#[tokio::test]
async fn what_happens_is_told_once_and_shown() {
    let machine = Machine::start(&[("a.service", false)], |play| unit(play, "a.service", "active", "1", ""));
    machine.service(|service| service.status == Some(ServiceStatus::Running)).await;
    assert_eq!(machine.events.oldest(), None, "the first look is no change");
    unit(&machine.play, "a.service", "failed", "1", CRASHED);
    let crashed = machine.event("service_crashed").await;
    let data = crashed.data.unwrap();
    assert_eq!((data.pid, data.exit_code), (Some(42), Some(139)));
    assert!(crashed.summary.ends_with("(exit code 139)"), "{}", crashed.summary);
    machine.service(|service| service.exit_code == Some(139)).await;
    unit(&machine.play, "a.service", "activating", "2", "");
    machine.service(|service| service.status == Some(ServiceStatus::Starting)).await;
    unit(&machine.play, "a.service", "active", "2", "");
    machine.event("service_started").await;
    unit(&machine.play, "a.service", "active", "3", "");
    machine.event("service_restarted").await;
    let shown = machine.service(|service| service.restart_count == 1).await;
    assert!(shown.last_restart_at.is_some());
    unit(&machine.play, "a.service", "inactive", "", "");
    machine.event("service_stopped").await;
    fs::remove_file(machine.play.join("a.service")).unwrap();
    machine.event("service_missing").await;
    machine.service(|service| service.status.is_none()).await;
    assert_eq!(machine.calls("restart"), 0, "nobody asked for that");
}

#[tokio::test]
async fn a_crashed_service_is_restarted_only_while_the_lock_is_open() {
    let machine = Machine::start(&[("a.service", true)], |play| unit(play, "a.service", "active", "1", ""));
    machine.service(|service| service.status == Some(ServiceStatus::Running)).await;
    unit(&machine.play, "a.service", "failed", "1", CRASHED);
    machine.event("service_crashed").await;
    let refused = machine.event("service_restart_refused").await;
    assert_eq!(refused.data.unwrap().refusal, Some(RefusalCode::LockedLocal));
    assert!(refused.summary.contains("locked_local"), "{}", refused.summary);
    assert!(
        refused.summary.contains("reeve-agent lock arm --for 2h --allow restart_service:a"),
        "{}",
        refused.summary
    );
    machine.service(|service| service.refusal == Some(RefusalCode::LockedLocal)).await;
    sleep(Duration::from_millis(200)).await;
    assert_eq!(machine.events.oldest(), None, "told once, however often it is asked");

    let arm = |allow: &[&str]| {
        let allow = allow.iter().map(|entry| entry.parse().unwrap()).collect();
        LockVerb::Arm(ArmInput { for_seconds: 3_600, allow })
    };
    machine.lock(arm(&["restart_service:b"]));
    let refused = machine.event("service_restart_refused").await;
    assert_eq!(refused.data.unwrap().refusal, Some(RefusalCode::NotAllowed), "armed for something else");
    assert_eq!(machine.calls("restart"), 0);
    // The lock may have been opened between a look at it and the refusal.
    machine.open_lock().await;

    unit(&machine.play, "a.service.restarted", "active", "2", "");
    machine.lock(arm(&["restart_service:a"]));
    machine.event("service_restarted").await;
    let now = machine.service(|service| service.restart_count == 1).await;
    assert_eq!(machine.calls("restart"), 1);
    assert!(now.last_restart_at.is_some());
    let now = machine.service(|service| service.status == Some(ServiceStatus::Running)).await;
    assert_eq!(now.refusal, None);
    assert_eq!(machine.events.oldest(), None, "its own restart is told once");

    // What somebody stopped stays stopped.
    unit(&machine.play, "a.service", "inactive", "", "");
    machine.event("service_stopped").await;
    sleep(Duration::from_millis(100)).await;
    assert_eq!(machine.calls("restart"), 1);
    machine.lock(LockVerb::Disarm);
    let mut told = machine.told.clone();
    told.wait_for(|told| told.lock.remaining_seconds.is_none()).await.unwrap();
}

#[tokio::test]
async fn what_fails_again_and_again_is_left_after_some_tries() {
    let machine = Machine::start(&[("a.service", true)], |play| {
        unit(play, "a.service", "failed", "1", CRASHED);
        unit(play, "a.service.restarted", "failed", "1", CRASHED);
    });
    let allow = vec!["restart_service:*".parse().unwrap()];
    machine.lock(LockVerb::Arm(ArmInput { for_seconds: 3_600, allow }));
    // It may have been refused before the lock was open.
    let mut restarts = 0;
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        assert!(Instant::now() < until, "it is not left alone within 20 s");
        let Some(event) = machine.events.oldest() else {
            sleep(Duration::from_millis(5)).await;
            continue;
        };
        machine.events.committed(event.id.unwrap());
        match event.event_type.as_str() {
            "service_restarted" => restarts += 1,
            "service_restarts_exhausted" => break,
            _ => {}
        }
    }
    assert_eq!((restarts, machine.calls("restart")), (RESTARTS_PER_HOUR_MAX, RESTARTS_PER_HOUR_MAX));
    let told = machine.service(|service| service.restart_count == 6).await;
    assert_eq!(told.status, Some(ServiceStatus::Failed));
    sleep(Duration::from_millis(200)).await;
    assert_eq!(machine.calls("restart"), RESTARTS_PER_HOUR_MAX, "and stays left");
    assert_eq!(machine.events.oldest(), None, "told once");
}

#[tokio::test]
async fn systemd_is_asked_only_when_something_happened() {
    let run = |play: &std::path::Path, run: &str| {
        let link = play.join("units/invocation:a.service");
        let _ = fs::remove_file(&link);
        symlink(run, link).unwrap();
    };
    let machine = Machine::start(&[("a.service", false)], |play| {
        fs::create_dir(play.join("units")).unwrap();
        run(play, "1");
        unit(play, "a.service", "active", "1", "");
    });
    machine.service(|service| service.status == Some(ServiceStatus::Running)).await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(machine.calls("show"), 1, "twenty checks, one question");
    unit(&machine.play, "a.service", "active", "2", "");
    run(&machine.play, "2");
    machine.event("service_restarted").await;
}

#[tokio::test]
async fn settings_take_effect_at_once_and_what_is_no_longer_looked_after_is_forgotten() {
    let machine = Machine::start(&[], |play| {
        unit(play, "a.service", "active", "1", "");
        unit(play, "b.service", "active", "1", "");
    });
    assert_eq!(machine.calls("show"), 0, "nothing is asked while nothing is looked after");
    machine.settings.send_replace(wanted(&[("b.service", false), ("c.service", false)]));
    machine.service(|service| service.service_name == "b.service").await;
    let missing = machine.event("service_missing").await;
    assert_eq!(missing.data.unwrap().service_name, "c.service");
    machine.settings.send_replace(wanted(&[]));
    let mut told = machine.told.clone();
    let empty =
        told.wait_for(|told| told.services.as_ref().is_some_and(|services| services.items.is_empty()));
    tokio::time::timeout(Duration::from_secs(20), empty).await.expect("within 20 s").unwrap();
    let kept = fs::read_to_string(machine.paths.folder().join("monitored-services.json")).unwrap();
    assert!(!kept.contains("b.service"), "{kept}");
}
