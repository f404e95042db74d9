//! The link to the server: one WebSocket, or HTTP requests while sockets are blocked; comes back by itself.

mod apart;
mod backoff;
mod commands;
mod poll;
mod sent;
mod serve;
mod socket;
mod updates;
mod watched;

use crate::{
    chance,
    command::{self, Commands, limit},
    event::Events,
    http::ApiError,
    inventory::Parcel,
    log_tail::Outbox,
    machine,
    monitored_service::{self, Told},
    paths::Paths,
    phase::Phase,
    registration::Registration,
    software,
    spool::SharedSpool,
    state::Recorder,
    system_service,
    timing::Timing,
    token::{DeviceApi, DeviceError},
    update::Updates,
};
pub use backoff::Backoff;
use entity::{
    agent_state::AgentState,
    command::ChainHead,
    device_lock::LockSummary,
    metric::MetricSample,
    presence::DisconnectReason,
    system_service::ServiceManager,
    wire::{Hello, Known, PROTOCOL, PreviousLink, Settings},
};
use futures::FutureExt as _;
use rustls::ClientConfig;
use socket::Socket;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, timeout},
};

/// After so many sockets in a row that did not come up, HTTP is tried.
const SOCKET_FAILURES_MAX: u32 = 2;
/// A link that lived this long was well.
const WELL: Duration = Duration::from_secs(10);

/// Everything the link works with.
pub struct Link {
    /// The registration.
    pub registration: Registration,
    /// Requests on behalf of this device.
    pub device: DeviceApi,
    /// Whom to trust.
    pub tls: Arc<ClientConfig>,
    /// Waits.
    pub timing: Timing,
    /// Where the state of the link is kept.
    pub recorder: Recorder,
    /// What the agent is doing with itself, to be told.
    pub phase: Phase,
    /// Samples to send.
    pub spool: SharedSpool<MetricSample>,
    /// Log entries to send.
    pub logs: Outbox,
    /// Events to send.
    pub events: Events,
    /// What people ask this device to do.
    pub commands: Commands,
    /// What is known of updates.
    pub updates: Updates,
    /// Where the lock of this machine is.
    pub paths: Paths,
    /// The services that are looked after and the lock, to be told.
    pub told: watch::Receiver<Told>,
    /// Says that there are new samples or events.
    pub work: Arc<Notify>,
    /// Services, software and facts to send.
    pub parcels: mpsc::Receiver<Parcel>,
    /// Where the server's settings go.
    pub settings: watch::Sender<Settings>,
    /// Where it goes what the server has.
    pub known: watch::Sender<Option<Known>>,
    /// True once the agent is to stop.
    pub stop: watch::Receiver<bool>,
}

/// How a link, or a try of one, came to its end.
enum End {
    /// The agent is to stop.
    Stop,
    /// The server has ended this device's access.
    Revoked(String),
    /// It was up.
    Dropped { reason: DisconnectReason, retry_after_seconds: Option<u32> },
    /// It never came up.
    NotUp { detail: String, unreachable: bool, retry_after_seconds: Option<u32> },
    /// It was polling, and now there is a socket.
    SocketIsBack(Box<Socket>),
}

impl From<DeviceError> for End {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::Revoked(detail) => Self::Revoked(detail),
            DeviceError::Api(error) => Self::NotUp {
                unreachable: matches!(error, ApiError::Unreachable(_)),
                retry_after_seconds: error.retry_after_seconds(),
                detail: error.to_string(),
            },
        }
    }
}

impl Link {
    /// Keeps the link up until the agent is to stop.
    pub async fn run(mut self) {
        let mut backoff = Backoff::new(self.timing.reconnect_first, self.timing.reconnect_longest);
        let mut failures = 0;
        let mut open = None;
        loop {
            let started = Instant::now();
            let polling = open.is_none() && failures >= SOCKET_FAILURES_MAX;
            let end = self.once(open.take(), polling).await;
            self.known.send_replace(None);
            self.updates.unlinked();
            if started.elapsed() >= WELL && !matches!(end, End::NotUp { .. }) {
                backoff.reset();
            }
            // While sockets are blocked, both ways are tried in turn.
            failures = match &end {
                End::NotUp { .. } | End::Dropped { .. } if polling => SOCKET_FAILURES_MAX - 1,
                // A server that asks to come back later blocks no sockets: the other way would only add to its load.
                End::NotUp { retry_after_seconds: Some(_), .. } => failures,
                End::NotUp { .. } => failures + 1,
                _ => 0,
            };
            let wait = match end {
                End::Stop => break,
                End::SocketIsBack(socket) => {
                    open = Some(*socket);
                    continue;
                }
                other => self.note(other, &mut backoff),
            };
            if self.stops_within(wait).await {
                break;
            }
        }
        self.recorder.stopped();
    }

    /// One link from its beginning to its end.
    async fn once(&mut self, open: Option<Socket>, polling: bool) -> End {
        let mut stop = self.stop.clone();
        let socket = match open {
            Some(socket) => socket,
            None if polling => {
                let end = tokio::select! {
                    // First, so that the last state is not taken by a heartbeat that is dropped.
                    biased;
                    _ = stop.wait_for(|stop| *stop) => End::Stop,
                    end = self.poll() => end,
                };
                if matches!(end, End::Stop) {
                    self.tell_last_state().await;
                }
                return end;
            }
            None => {
                let previous = self.recorder.previous();
                let opened = tokio::select! {
                    opened = self.open(previous) => opened,
                    _ = stop.wait_for(|stop| *stop) => return End::Stop,
                };
                match opened {
                    Ok(socket) => socket,
                    Err(end) => return end,
                }
            }
        };
        self.serve(socket).await
    }

    /// Writes down how it ended; answers how long to wait.
    fn note(&self, end: End, backoff: &mut Backoff) -> Duration {
        let chance = chance::fresh();
        let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
        let asked = match end {
            End::Revoked(detail) => {
                tracing::error!(
                    detail,
                    "the server has ended this device's access; the next try is in an hour or so"
                );
                self.recorder.revoked(&detail);
                Some(self.timing.revoked_retry)
            }
            End::Dropped { reason, retry_after_seconds } => {
                tracing::warn!(reason = reason.word(), "the link ended");
                self.recorder.ended(reason);
                retry_after_seconds.map(seconds)
            }
            End::NotUp { detail, unreachable, retry_after_seconds } => {
                // An outage of a day is one line, not thousands.
                if self.recorder.still_down(&detail, unreachable) {
                    tracing::warn!(detail, "no link to the server");
                }
                retry_after_seconds.map(seconds)
            }
            End::Stop | End::SocketIsBack(_) => None,
        };
        match asked {
            Some(asked) => backoff.directed(asked, chance),
            None => backoff.next(chance),
        }
    }

    async fn stops_within(&mut self, wait: Duration) -> bool {
        timeout(wait, self.stop.wait_for(|stop| *stop)).await.is_ok()
    }

    /// Opens a socket up to the server's welcome; a token that is refused is replaced once.
    async fn open(&mut self, previous: Option<PreviousLink>) -> Result<Socket, End> {
        let hello = self.hello(previous);
        limit::turn("/ws").await;
        let mut fresh = false;
        loop {
            // Boxed, so that this function's frame does not lie below theirs.
            let token = self.device.token().boxed().await?;
            let url = &self.registration.websocket_url;
            match Socket::open(url, &token, &self.tls, &hello, &self.timing).boxed().await {
                Ok(socket) => return Ok(socket),
                Err(socket::NotOpen::Unauthorized) if !fresh => {
                    self.device.discard();
                    fresh = true;
                }
                Err(error) => {
                    return Err(End::NotUp {
                        unreachable: matches!(error, socket::NotOpen::Unreachable(_)),
                        retry_after_seconds: error.retry_after_seconds(),
                        detail: format!("no WebSocket to {url}: {error}"),
                    });
                }
            }
        }
    }

    fn hello(&self, previous: Option<PreviousLink>) -> Hello {
        let head = self.commands.chain_head();
        Hello {
            running: Some(self.updates.running()),
            ..hello(previous, self.phase.for_hello(), self.lock(), head)
        }
    }

    /// The server said what it wants and what it has.
    fn take(&mut self, settings: Settings, known: Known) {
        self.take_settings(settings);
        // What was meant for the link before is looked at anew.
        while self.parcels.try_recv().is_ok() {}
        self.known.send_replace(Some(known));
        self.updates.linked();
        // What waits from before has nobody else to point at it.
        self.work.notify_one();
    }

    /// This device's own moment within an interval, from 0 to 1, always the same.
    fn place(&self, what: &str) -> f64 {
        chance::of(self.registration.device_id, what)
    }

    fn take_settings(&self, settings: Settings) {
        let settings = settings.bounded();
        self.settings.send_if_modified(|present| {
            let changed = *present != settings;
            *present = settings;
            changed
        });
    }
}

fn hello(
    previous: Option<PreviousLink>,
    agent_state: AgentState,
    lock: LockSummary,
    chain_head: ChainHead,
) -> Hello {
    let mut capabilities = software::capabilities();
    if system_service::manager() != ServiceManager::None {
        capabilities.push(format!("services.{}", system_service::manager().word()));
    }
    capabilities.extend(monitored_service::capability());
    capabilities.extend(command::capabilities());
    Hello {
        protocol: PROTOCOL,
        agent_version: machine::version().to_owned(),
        os_type: machine::OS,
        os_architecture: machine::ARCH,
        boot_id: machine::boot_id(),
        previous,
        capabilities,
        agent_state: Some(agent_state),
        device_lock: Some(lock),
        chain_head: Some(chain_head),
        running: None,
    }
}
