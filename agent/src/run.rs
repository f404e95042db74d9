//! `reeve-agent run`: starts everything, waits, stops in order.

mod keeper;
mod works;

use crate::{
    config, doctor,
    error_report::{self, ErrorKind},
    failure::Failure,
    force::{NewArguments, hand_over},
    http::Api,
    identity::Identity,
    ipc::{self, Ask, Channel, Desk, secret::Secret},
    link::Link,
    lock::Lock,
    log, machine,
    paths::Paths,
    phase::Phase,
    registration::Registration,
    state::Recorder,
    status::{self, Live},
    timing::Timing,
    tls,
    token::DeviceApi,
    update::{self, Task, Updates, Vital},
};
use chrono::Utc;
use entity::agent_state::AgentEvent;
use keeper::Keeper;
use serde_json::{Value, json};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use works::Works;

/// The link has this long to end in order.
const PATIENCE: Duration = Duration::from_secs(3);
/// Everything else has this long.
const MOMENT: Duration = Duration::from_secs(1);

/// How an agent is started.
#[derive(Debug, Default)]
pub struct Start {
    /// By its supervisor, which starts it again when it ends with [`updater::exit::RESTART`].
    pub supervised: bool,
    /// The lock, when it was taken over from another agent.
    pub lock: Option<Lock>,
    /// The channel to the supervisor, when it keeps versions of the agent.
    pub channel: Option<update::Channel>,
}

/// Why an agent is to end.
#[derive(Debug)]
pub enum Reason {
    /// The operating system, a person or the service asks for it.
    Asked,
    /// Another one with these arguments takes its place.
    Force(NewArguments),
    /// The lock is another agent's by now.
    LockLost(Failure),
}

/// How an agent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// In order, for good.
    Stopped,
    /// In order; its supervisor starts it again.
    Restart,
}

/// Runs until `stop` is done, or something else ends it.
///
/// # Errors
/// When this machine is not registered, another agent runs, or something it cannot do without is missing.
pub async fn run(paths: &Paths, timing: Timing, stop: impl Future<Output = ()>) -> Result<Ended, Failure> {
    run_as(paths, timing, Start::default(), stop).await
}

/// The same for an agent that was started in a special way.
///
/// # Errors
/// As for [`run`].
pub async fn run_as(
    paths: &Paths,
    timing: Timing,
    mut start: Start,
    stop: impl Future<Output = ()>,
) -> Result<Ended, Failure> {
    let mut running = update::running(start.channel.is_some());
    if let Some(channel) = &mut start.channel
        && let Some(known) = channel.greet(update::WELCOME).await
    {
        running = known;
    }
    let mut resident = Resident::start(paths, timing, start, Updates::new(running))?;
    let reason = resident.until(stop).await;
    resident.shut_down(reason).await
}

/// An agent that runs, with all that has to be let go of in order.
struct Resident {
    paths: Paths,
    supervised: bool,
    phase: Phase,
    keeper: Keeper,
    channel: Option<Channel>,
    make_room: mpsc::Receiver<NewArguments>,
    /// What goes on beside the link, and is simply left.
    tasks: JoinSet<()>,
    link: JoinHandle<()>,
    stopping: watch::Sender<bool>,
    /// True once the supervisor wants the agent to end.
    ended: watch::Receiver<bool>,
    recorder: Recorder,
}

impl Resident {
    fn start(paths: &Paths, timing: Timing, start: Start, updates: Updates) -> Result<Self, Failure> {
        let started_at = Utc::now();
        let registration = Registration::load(paths)?;
        let phase = Phase::default();
        tracing::info!("State: {}", phase.now().state.word());
        let lock = start.lock.map_or_else(|| Lock::take(paths), Ok)?;
        error_report::open(paths);
        let choices = config::settle(paths, started_at)?.map(|config| config.choices()).unwrap_or_default();
        let interval = Duration::from_secs(choices.polling_interval_seconds);
        let identity = load_identity(paths)?;
        let tls = tls::config(paths, &registration.server_url)?;
        let api = Api::new(&registration.server_url, &tls, &timing)?;
        tracing::info!(
            version = machine::version(),
            device.id = %registration.device_id,
            server = registration.server_url,
            "the agent starts"
        );
        // Before the spool is opened, because that changes the files that tell when the last run ended.
        let recorder = Recorder::take_over(paths, start.supervised);
        let (stopping, stop) = watch::channel(false);
        let mut works = Works::begin(paths, timing, &registration, &recorder, &api, &updates);
        let (events, work) = (works.events.clone(), Arc::clone(&works.work));
        let keeper = Keeper::start(lock, paths, timing.lock_refresh, events, work);
        let live = {
            let (phase, supervised, updates) = (phase.clone(), start.supervised, updates.clone());
            move || Live::of(&phase, started_at, supervised, &updates)
        };
        let (channel, make_room) = open_channel(paths, &phase, &timing, live);
        let (ends, ended) = watch::channel(false);
        if let Some(channel) = start.channel {
            let device = DeviceApi::new(api.clone(), registration.device_id, load_identity(paths)?);
            let task = Task {
                paths: paths.clone(),
                timing,
                phase: phase.clone(),
                updates: updates.clone(),
                channel,
                device,
                commands: works.commands.clone(),
                vital: Vital {
                    spool: works.spool.clone(),
                    logs: works.logs.clone(),
                    has_facts: works.has_facts,
                },
                events: works.events.clone(),
                work: Arc::clone(&works.work),
                interval,
                shows_notices: choices.show_update_notifications,
                ended: ends,
            };
            works.tasks.spawn(task.run());
        }
        let link = Link {
            device: DeviceApi::new(api, registration.device_id, identity),
            registration,
            tls,
            timing,
            recorder: recorder.clone(),
            phase: phase.clone(),
            spool: works.spool,
            paths: paths.clone(),
            told: works.told,
            logs: works.logs,
            events: works.events,
            commands: works.commands,
            updates,
            work: works.work,
            parcels: works.parcels,
            settings: works.settings,
            known: works.known,
            stop,
        };
        // The state is told with the first words of the link.
        let _ = phase.on(AgentEvent::Ready);
        Ok(Self {
            paths: paths.clone(),
            supervised: start.supervised,
            phase,
            keeper,
            channel,
            make_room,
            tasks: works.tasks,
            link: tokio::spawn(link.run()),
            stopping,
            ended,
            recorder,
        })
    }

    /// Waits for a reason to end.
    async fn until(&mut self, stop: impl Future<Output = ()>) -> Reason {
        let stop = pin!(stop);
        tokio::select! {
            () = stop => Reason::Asked,
            Ok(_) = self.ended.wait_for(|ended| *ended) => Reason::Asked,
            Some(arguments) = self.make_room.recv() => Reason::Force(arguments),
            lost = self.keeper.lost() => Reason::LockLost(lost),
            // It ends by itself only when it cannot go on.
            _ = &mut self.link => Reason::Asked,
        }
    }

    /// Lets go of everything, in order, within seconds.
    async fn shut_down(mut self, reason: Reason) -> Result<Ended, Failure> {
        tracing::info!("Initiating graceful shutdown...");
        let _ = self.phase.on(AgentEvent::ShutDown);
        self.stopping.send_replace(true);
        self.tasks.abort_all();
        let _ = timeout(MOMENT, async { while self.tasks.join_next().await.is_some() {} }).await;
        let lock = self.keeper.stop().await;
        if let Some(channel) = self.channel.take() {
            let _ = timeout(MOMENT, channel.close()).await;
        }
        // One that does not end in time is simply left.
        if !self.link.is_finished() && timeout(PATIENCE, &mut self.link).await.is_err() {
            let message = "the link to the server did not end in time";
            error_report::note(ErrorKind::ShutdownOverdue, message, Value::Null);
        }
        error_report::flush();
        self.recorder.stopped();
        let ended = match reason {
            Reason::Asked => Ok(Ended::Stopped),
            Reason::Force(arguments) if self.supervised => {
                if let Err(error) = hand_over(&self.paths, &arguments) {
                    tracing::warn!(%error, "the next run does not get the new arguments");
                }
                Ok(Ended::Restart)
            }
            Reason::Force(_) => Ok(Ended::Stopped),
            Reason::LockLost(failure) => Err(failure),
        };
        log::flush();
        if let Some(lock) = lock {
            lock.release();
        }
        let _ = self.phase.on(AgentEvent::Stop);
        tracing::info!("Shutdown complete. Exiting.");
        log::flush();
        ended
    }
}

fn load_identity(paths: &Paths) -> Result<Identity, Failure> {
    Identity::load(paths).map_err(|error| {
        Failure::failed(format!("{}: {error}; register again with --replace", paths.key().display()))
    })
}

/// Opens the agent's channel; an agent can live without it.
fn open_channel(
    paths: &Paths,
    phase: &Phase,
    timing: &Timing,
    live: impl Fn() -> Live + Send + Sync + 'static,
) -> (Option<Channel>, mpsc::Receiver<NewArguments>) {
    let (make_room, asked) = mpsc::channel(1);
    let files = paths.clone();
    let tell = move |ask: Ask| match ask {
        Ask::Status => status::report(&files, Some(live())).map_or(Value::Null, |report| json!(report)),
        Ask::Doctor => json!(doctor::examine_inside(&files, &live())),
        Ask::Logs { .. } => Value::Null,
    };
    let opened = Secret::load_or_make(paths).and_then(|secret| {
        let desk = Desk { secret, phase: phase.clone(), make_room, tell: Arc::new(tell) };
        ipc::open(paths, desk, timing)
    });
    match opened {
        Ok(channel) => (Some(channel), asked),
        Err(error) => {
            tracing::error!(%error, "the agent's channel cannot be opened: --force will not reach this agent");
            (None, asked)
        }
    }
}

/// Done when the operating system asks the agent to stop.
///
/// # Errors
/// When the system does not let the agent listen for that.
pub fn asked_to_stop() -> Result<impl Future<Output = ()>, Failure> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::failed(format!("signals cannot be received: {error}")))
        };
        let (mut terminate, mut interrupt) =
            (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
    #[cfg(windows)]
    {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown};
        let trouble = |error| Failure::failed(format!("the console cannot be listened to: {error}"));
        let (mut pressed, mut broken) = (ctrl_c().map_err(trouble)?, ctrl_break().map_err(trouble)?);
        let (mut closed, mut left) = (ctrl_close().map_err(trouble)?, ctrl_logoff().map_err(trouble)?);
        let mut ended = ctrl_shutdown().map_err(trouble)?;
        Ok(async move {
            tokio::select! {
                _ = pressed.recv() => {}
                _ = broken.recv() => {}
                _ = closed.recv() => {}
                _ = left.recv() => {}
                _ = ended.recv() => {}
                () = crate::machine::parent_ended() => {}
            }
        })
    }
}
