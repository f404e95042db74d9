//! The task that looks after the services: looks, tells, restarts, and tells what the lock of this machine says.

use super::{
    Told,
    keep::{self, Kept, Memory},
    machine::{Happened, Seen, happened},
    os::Manager,
    restart::{Turn, forget_old, turn},
};
use crate::{device_lock, event::Events, machine as this_machine, paths::Paths, timing::Timing};
use chrono::{DateTime, Utc};
use entity::{
    device_lock::{Decision, RefusalCode, StrongKind, arm_for_service},
    monitored_service::{MonitoredServiceSetting, MonitoredServiceState, ServiceEventData, ServiceEventKind},
    system_service::ServiceStatus,
    wire::{Event, MonitoredServices, Settings},
};
use std::{collections::BTreeMap, sync::Arc, time::SystemTime};
use tokio::{
    sync::{Notify, watch},
    task::spawn_blocking,
    time::{Instant, sleep},
};

/// What looking after services needs.
#[derive(Debug)]
pub struct Watcher {
    /// Where the lock is, and what is remembered.
    pub paths: Paths,
    /// Which services.
    pub settings: watch::Receiver<Settings>,
    /// Where events go.
    pub events: Events,
    /// Told of every event.
    pub work: Arc<Notify>,
    /// Where it goes what the server is to know.
    pub told: watch::Sender<Told>,
    /// Waits.
    pub timing: Timing,
}

/// What the task knows.
struct State {
    manager: Manager,
    settings: Vec<MonitoredServiceSetting>,
    names: Vec<String>,
    kept: Kept,
    /// The services as they were found last.
    seen: Option<BTreeMap<String, Seen>>,
    /// Why a service that would be restarted is not.
    refused: BTreeMap<String, RefusalCode>,
    /// Services of which it was told that they are restarted no more for now.
    exhausted: Vec<String>,
    stamp: Option<u64>,
    looked_at: Option<Instant>,
    lock_stamp: Option<(SystemTime, u64)>,
    spent_kept_at: Option<Instant>,
}

impl Watcher {
    /// Looks after the services until it is dropped.
    pub async fn run(self) {
        self.run_with(Manager::usual()).await;
    }

    /// The same with a service manager of choice.
    pub(super) async fn run_with(mut self, manager: Manager) {
        let kept = keep::load(&self.paths, this_machine::boot_id().as_deref());
        let mut state = State {
            manager,
            settings: Vec::new(),
            names: Vec::new(),
            kept,
            seen: None,
            refused: BTreeMap::new(),
            exhausted: Vec::new(),
            stamp: None,
            looked_at: None,
            lock_stamp: device_lock::stamp(&self.paths),
            spent_kept_at: None,
        };
        self.tell_lock();
        self.take_settings(&mut state);
        loop {
            self.look_at_lock(&mut state).await;
            self.look(&mut state).await;
            tokio::select! {
                () = sleep(self.timing.service_check) => {}
                changed = self.settings.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.take_settings(&mut state);
                }
            }
        }
    }

    fn take_settings(&mut self, state: &mut State) {
        let settings = self.settings.borrow_and_update().monitored_services.clone();
        if settings == state.settings && (state.looked_at.is_some() || settings.is_empty()) {
            // What is remembered from before may be of services that are no longer looked after.
            if settings.is_empty() && !state.kept.services.is_empty() {
                state.kept.services.clear();
                self.keep(state);
                self.told.send_modify(|told| told.services = Some(MonitoredServices { items: Vec::new() }));
            }
            return;
        }
        state.names = settings.iter().map(|setting| setting.service_name.clone()).collect();
        state.settings = settings;
        let names = &state.names;
        state.kept.services.retain(|name, _| names.contains(name));
        state.refused.retain(|name, _| names.contains(name));
        state.exhausted.retain(|name| names.contains(name));
        // All are looked at and told anew: what is wanted of them may be another thing now.
        state.looked_at = None;
        if state.names.is_empty() {
            state.seen = None;
            self.keep(state);
            self.told.send_modify(|told| told.services = Some(MonitoredServices { items: Vec::new() }));
        }
    }

    /// Looks whether anything happened, and what.
    async fn look(&self, state: &mut State) {
        if state.names.is_empty() {
            return;
        }
        let stamp = state.manager.stamp(&state.names);
        let is_due = state.looked_at.is_none_or(|at| at.elapsed() >= self.timing.service_look);
        let is_moving = state.seen.as_ref().is_some_and(|seen| seen.values().any(Seen::is_moving));
        if stamp.is_none() || stamp != state.stamp || is_due || is_moving {
            state.stamp = stamp;
            state.looked_at = Some(Instant::now());
            self.ask(state).await;
        }
        if self.restart_what_crashed(state).await {
            self.ask(state).await;
        }
        self.tell_services(state);
    }

    /// Asks the service manager, and tells what happened since it was asked last.
    async fn ask(&self, state: &mut State) {
        let Some(found) = state.manager.look(&state.names).await else {
            state.seen = None;
            return;
        };
        let mut has_changed = false;
        for (name, after) in &found {
            if after.is_moving() {
                continue;
            }
            let memory = state.kept.services.entry(name.clone()).or_default();
            if memory.seen.as_ref() == Some(after) {
                continue;
            }
            let events = happened(name, memory.seen.as_ref(), after);
            let pid = memory.seen.as_ref().and_then(|seen| seen.pid);
            for event in &events {
                if event.kind == ServiceEventKind::Restarted {
                    note_restart(memory);
                }
                self.tell_event(name, pid, after, event, None);
            }
            if after.status == Some(ServiceStatus::Running) {
                state.refused.remove(name);
                state.exhausted.retain(|other| other != name);
            }
            memory.seen = Some(after.clone());
            has_changed = true;
        }
        state.seen = Some(found);
        if has_changed {
            self.keep(state);
        }
    }

    /// Restarts what has crashed, as far as it may; true when something was restarted.
    async fn restart_what_crashed(&self, state: &mut State) -> bool {
        let failed = |state: &State, name: &str| {
            let status = state.seen.as_ref().and_then(|seen| seen.get(name)).and_then(|seen| seen.status);
            status == Some(ServiceStatus::Failed)
        };
        let names: Vec<String> = state
            .settings
            .iter()
            .filter(|setting| setting.auto_restart && setting.should_be_running)
            .map(|setting| setting.service_name.clone())
            .filter(|name| failed(state, name))
            .collect();
        let wanted = |name: &String| names.contains(name);
        state.refused.retain(|name, _| wanted(name));
        let mut has_restarted = false;
        for name in &names {
            match device_lock::decide(&self.paths, StrongKind::RestartService, name) {
                Decision::Refused(code) => self.refuse(state, name, code),
                Decision::Open => {
                    state.refused.remove(name);
                    has_restarted |= self.try_restart(state, name).await;
                }
            }
        }
        has_restarted
    }

    /// Told once, until it may or the reason is another one.
    fn refuse(&self, state: &mut State, name: &str, code: RefusalCode) {
        if state.refused.insert(name.to_owned(), code) == Some(code) {
            return;
        }
        let command = arm_for_service(name);
        tracing::warn!(service = name, code = code.word(), "not restarted; to allow it, type: {command}");
        let summary = format!(
            "{name} was not restarted: {} ({}). To allow it, type there: {command}",
            code.sentence(),
            code.word()
        );
        let event = Happened { kind: ServiceEventKind::RestartRefused, summary };
        self.tell_event(name, None, &Seen::default(), &event, Some(code));
    }

    async fn try_restart(&self, state: &mut State, name: &str) -> bool {
        let now = Utc::now();
        let memory = state.kept.services.entry(name.to_owned()).or_default();
        forget_old(&mut memory.tries, now);
        match turn(&memory.tries, self.timing.restart_first, now) {
            Turn::Later => return false,
            Turn::Exhausted => {
                if !state.exhausted.iter().any(|other| other == name) {
                    state.exhausted.push(name.to_owned());
                    let summary = format!(
                        "{name} was restarted {} times within an hour and is left for now",
                        memory.tries.len()
                    );
                    tracing::warn!(service = name, "{summary}");
                    let event = Happened { kind: ServiceEventKind::RestartsExhausted, summary };
                    self.tell_event(name, None, &Seen::default(), &event, None);
                }
                return false;
            }
            Turn::Now => memory.tries.push(now),
        }
        // Written down before it is done: an agent that dies over it has tried it all the same.
        self.keep(state);
        tracing::info!(service = name, "restarting what has crashed");
        let done = state.manager.restart(name).await;
        let memory = state.kept.services.entry(name.to_owned()).or_default();
        let event = match &done {
            Ok(()) => {
                note_restart(memory);
                // The next look finds it running, which is known already, or failed again, which is not.
                memory.seen = Some(Seen { status: Some(ServiceStatus::Running), ..Seen::default() });
                state.exhausted.retain(|other| other != name);
                let summary = format!("{name} had failed and was restarted by the agent");
                Happened { kind: ServiceEventKind::Restarted, summary }
            }
            Err(error) => {
                tracing::warn!(service = name, %error, "it could not be restarted");
                let summary = format!("{name} could not be restarted by the agent: {error}");
                Happened { kind: ServiceEventKind::RestartFailed, summary }
            }
        };
        self.tell_event(name, None, &Seen::default(), &event, None);
        true
    }

    fn tell_event(
        &self,
        name: &str,
        pid: Option<u32>,
        after: &Seen,
        happened: &Happened,
        refusal: Option<RefusalCode>,
    ) {
        tracing::info!(service = name, event = happened.kind.word(), "{}", happened.summary);
        let data =
            ServiceEventData { service_name: name.to_owned(), pid, exit_code: after.exit_code, refusal };
        let plain = Event::plain(Utc::now(), happened.kind.word(), happened.summary.clone());
        self.events.add(Event { data: Some(data), ..plain });
        self.work.notify_one();
    }

    /// Hands over how the services are, if that is another thing than before.
    fn tell_services(&self, state: &State) {
        let Some(seen) = &state.seen else { return };
        let item = |setting: &MonitoredServiceSetting| {
            let name = &setting.service_name;
            let found = seen.get(name).cloned().unwrap_or_default();
            let memory = state.kept.services.get(name);
            MonitoredServiceState {
                service_name: name.clone(),
                status: found.status,
                pid: found.pid,
                exit_code: found.exit_code,
                restart_count: memory.map_or(0, |memory| memory.restart_count),
                last_restart_at: memory.and_then(|memory| memory.last_restart_at),
                refusal: state.refused.get(name).copied(),
            }
        };
        let services = Some(MonitoredServices { items: state.settings.iter().map(item).collect() });
        self.told.send_if_modified(|told| {
            let is_new = told.services != services;
            told.services = services;
            is_new
        });
    }

    /// Hands over what the lock says, when its file has changed or its time is over; keeps what is used of the time.
    async fn look_at_lock(&self, state: &mut State) {
        let stamp = device_lock::stamp(&self.paths);
        let is_armed = self.told.borrow().lock.remaining_seconds.is_some();
        if stamp != state.lock_stamp {
            state.lock_stamp = stamp;
            state.spent_kept_at = None;
            self.tell_lock();
        } else if is_armed && device_lock::summary(&self.paths).remaining_seconds.is_none() {
            tracing::info!("the time for which this machine was armed is over");
            self.tell_lock();
        }
        let is_due = state.spent_kept_at.is_none_or(|at| at.elapsed() >= self.timing.lock_refresh);
        if is_due && self.told.borrow().lock.remaining_seconds.is_some() {
            state.spent_kept_at = Some(Instant::now());
            let paths = self.paths.clone();
            if let Ok(Err(error)) = spawn_blocking(move || device_lock::keep_spent(&paths)).await {
                tracing::warn!(%error, "it could not be kept how long this machine has been armed");
            }
        }
    }

    fn tell_lock(&self) {
        let lock = device_lock::summary(&self.paths);
        if let Some(trouble) = &lock.trouble {
            tracing::warn!("this machine is locked, because its lock cannot be trusted: {trouble}");
        }
        self.told.send_if_modified(|told| {
            let is_new = told.lock != lock;
            told.lock = lock;
            is_new
        });
    }

    fn keep(&self, state: &State) {
        if let Err(error) = keep::keep(&self.paths, &state.kept) {
            tracing::warn!(%error, "what is known of the services could not be kept");
        }
    }
}

fn note_restart(memory: &mut Memory) {
    memory.restart_count = memory.restart_count.saturating_add(1);
    memory.last_restart_at = Some(without_fractions(Utc::now()));
}

/// The server keeps no more than that, and compares.
fn without_fractions(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(at.timestamp(), 0).unwrap_or(at)
}
