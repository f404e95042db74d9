//! The link over HTTP, while sockets are blocked: heartbeats that fetch settings, everything else in requests.

use super::{End, Link, sent::Sent, socket::Socket, watched::Said};
use crate::{chance, http::ApiError, inventory::Parcel, link::backoff::Backoff, token::DeviceError};
use chrono::Utc;
use entity::{
    presence::{DisconnectReason, LinkKind},
    wire::{Heartbeat, HeartbeatAnswer, Known, LogsAnswer, MetricsAnswer, PreviousLink, ToServer},
};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// Most bytes of one request with samples or log entries: all of them stand in memory at once.
const POSTED_BYTES_MAX: usize = 256 * 1024;
/// Requests in a row without an answer after which the link counts as lost.
const MISSES_MAX: u32 = 3;

/// The last word takes no longer; the agent is ending.
const LAST_WORD: Duration = Duration::from_secs(1);

/// What polling remembers.
struct Round {
    known: Known,
    heartbeat_at: Instant,
    socket_at: Instant,
    paused_until: Option<Instant>,
    misses: u32,
    waits: Backoff,
    said: Said,
}

/// What happens next.
enum Step {
    Heartbeat,
    Socket,
    Work,
    Told,
    Commands,
    Updates,
    Parcel(Option<Parcel>),
    PauseIsOver,
}

impl Link {
    /// Polls until a socket can be had, or the server cannot be reached any more.
    pub(super) async fn poll(&mut self) -> End {
        let hello = self.hello(self.recorder.previous_when_changing());
        let first = Heartbeat { link: LinkKind::Polling, hello: Some(Box::new(hello)), agent_state: None };
        let answer: HeartbeatAnswer = match self.device.post("heartbeat", &first).await {
            Ok(answer) => answer,
            Err(error) => return error.into(),
        };
        self.take(answer.settings, answer.known.clone());
        self.updates.has_socket(false);
        self.recorder.connected(LinkKind::Polling);
        let now = Instant::now();
        let mut round = Round {
            known: answer.known,
            // A fleet that changed over together does not beat together.
            heartbeat_at: now + checkin(answer.next_checkin_seconds).mul_f64(self.place("heartbeat")),
            socket_at: now + self.timing.socket_first_retry,
            paused_until: None,
            misses: 0,
            waits: Backoff::new(self.timing.reconnect_first, self.timing.reconnect_longest),
            said: Said::default(),
        };
        loop {
            let step = self.next_round_step(&round).await;
            let done = match step {
                Step::Heartbeat => match self.poll_heartbeat(&mut round).await {
                    Ok(()) => self.poll_commands(&mut round.said).await,
                    Err(error) => Err(error),
                },
                Step::Commands => self.post_commands().await,
                Step::Updates => self.post_updates().await,
                Step::Socket => match self.try_socket(&mut round).await {
                    Some(end) => return end,
                    None => Ok(()),
                },
                Step::Work => self.post_what_waits(&mut round).await,
                Step::Told => {
                    round.said.lock_has_changed();
                    self.post_watched(&mut round.said).await
                }
                Step::Parcel(Some(parcel)) => self.post_parcel(&mut round, parcel).await,
                Step::Parcel(None) => return End::Stop,
                Step::PauseIsOver => {
                    round.paused_until = None;
                    round.said.forget();
                    self.updates.say_anew();
                    self.known.send_replace(Some(round.known.clone()));
                    self.post_what_waits(&mut round).await
                }
            };
            if let Some(end) = done.err().and_then(|error| self.bear(&mut round, error)) {
                return end;
            }
        }
    }

    /// The last word of an agent that has no socket to close.
    pub(super) async fn tell_last_state(&mut self) {
        let mut last = None;
        while let Some(state) = self.phase.take_untold() {
            last = Some(state);
        }
        if last.is_some() {
            let heartbeat = Heartbeat { link: LinkKind::Polling, hello: None, agent_state: last };
            let told = self.device.post::<HeartbeatAnswer>("heartbeat", &heartbeat);
            let _ = timeout(LAST_WORD, told).await;
        }
    }

    async fn next_round_step(&mut self, round: &Round) -> Step {
        let paused = round.paused_until;
        tokio::select! {
            () = sleep_until(round.heartbeat_at) => Step::Heartbeat,
            () = self.phase.changed() => Step::Heartbeat,
            () = sleep_until(round.socket_at) => Step::Socket,
            () = self.work.notified(), if paused.is_none() => Step::Work,
            Ok(()) = self.told.changed(), if paused.is_none() => Step::Told,
            () = self.commands.told(), if paused.is_none() => Step::Commands,
            () = self.updates.told(), if paused.is_none() => Step::Updates,
            parcel = self.parcels.recv(), if paused.is_none() => Step::Parcel(parcel),
            () = sleep_until(paused.unwrap_or_else(Instant::now)), if paused.is_some() => Step::PauseIsOver,
        }
    }

    async fn poll_heartbeat(&mut self, round: &mut Round) -> Result<(), DeviceError> {
        let agent_state = self.phase.take_untold();
        let heartbeat = Heartbeat { link: LinkKind::Polling, hello: None, agent_state };
        // Set first, so that an error leaves a time for the next one.
        round.heartbeat_at = Instant::now() + round.waits.next(chance::fresh());
        let answer: HeartbeatAnswer = self.device.post("heartbeat", &heartbeat).await?;
        round.heartbeat_at = Instant::now() + checkin(answer.next_checkin_seconds);
        round.waits.reset();
        round.misses = 0;
        self.take_settings(answer.settings);
        if round.known != answer.known {
            round.known = answer.known.clone();
            self.known.send_replace(Some(answer.known));
        }
        Ok(())
    }

    /// Tries the socket again; answers the end of polling when there is one.
    async fn try_socket(&mut self, round: &mut Round) -> Option<End> {
        let previous = PreviousLink { ended_at: Utc::now(), reason: DisconnectReason::LinkChanged };
        match self.open(Some(previous)).await {
            Ok(socket) => Some(self.leave_for(socket)),
            Err(revoked @ End::Revoked(_)) => Some(revoked),
            Err(_) => {
                let spread =
                    Duration::from_secs_f64(chance::fresh() * self.timing.socket_retry.as_secs_f64() / 4.0);
                round.socket_at = Instant::now() + self.timing.socket_retry + spread;
                None
            }
        }
    }

    fn leave_for(&self, socket: Socket) -> End {
        tracing::info!("the WebSocket can be reached again");
        End::SocketIsBack(Box::new(socket))
    }

    /// Posts events and samples until none wait.
    async fn post_what_waits(&mut self, round: &mut Round) -> Result<(), DeviceError> {
        self.post_events().await?;
        self.post_watched(&mut round.said).await?;
        let mut takes_logs = true;
        while let Some(sent) = Sent::next(&self.spool, &self.logs, takes_logs, POSTED_BYTES_MAX).await {
            let posted = match sent.message(self.logs.suppressed()) {
                ToServer::Logs(logs) => self.device.post::<LogsAnswer>("logs", &logs).await.map(drop),
                ToServer::Metrics(metrics) => {
                    self.device.post::<MetricsAnswer>("metrics", &metrics).await.map(drop)
                }
                _ => Ok(()),
            };
            match posted {
                Ok(()) => sent.acknowledge(&self.spool, &self.logs).await,
                Err(DeviceError::Api(error)) if is_refused_for_good(&error) => {
                    tracing::error!(%error, what = sent.word(), count = sent.count(), "the server refuses what was sent: given up");
                    sent.give_up(&self.spool, &self.logs).await;
                }
                // A server from before there were logs: they wait for a newer one.
                Err(DeviceError::Api(error))
                    if matches!(sent, Sent::Logs(_)) && matches!(error.status(), Some(404 | 405)) =>
                {
                    takes_logs = false;
                }
                Err(error) => {
                    // They wait; without this nothing would point at them before the next sample.
                    self.work.notify_one();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    async fn post_parcel(&mut self, round: &mut Round, parcel: Parcel) -> Result<(), DeviceError> {
        let told = match &parcel {
            Parcel::Services(services) => self.device.tell("services", services).await,
            Parcel::Software(software) => self.device.tell("software", software).await,
            Parcel::Facts(facts) => self.device.tell("facts", facts).await,
        };
        match told {
            Err(DeviceError::Api(error)) if is_refused_for_good(&error) => {
                tracing::error!(%error, "the server refuses an inventory: given up until it changes");
            }
            other => other?,
        }
        match parcel {
            Parcel::Services(services) => round.known.services = Some(services.digest),
            Parcel::Software(software) => round.known.software = Some(software.digest),
            Parcel::Facts(facts) => round.known.facts = Some(facts.digest),
        }
        Ok(())
    }

    /// Decides whether polling survives an error.
    fn bear(&self, round: &mut Round, error: DeviceError) -> Option<End> {
        let error = match error {
            DeviceError::Revoked(detail) => return Some(End::Revoked(detail)),
            DeviceError::Api(error) => error,
        };
        tracing::warn!(%error, "a request failed");
        let wait = match error.retry_after_seconds() {
            Some(seconds) => round.waits.directed(Duration::from_secs(u64::from(seconds)), chance::fresh()),
            None => {
                round.misses += 1;
                round.waits.next(chance::fresh())
            }
        };
        if round.misses >= MISSES_MAX {
            return Some(End::Dropped {
                reason: DisconnectReason::ConnectionLost,
                retry_after_seconds: None,
            });
        }
        // What could not be posted is looked at again once the pause is over.
        round.paused_until = Some(Instant::now() + wait);
        None
    }
}

/// The server's wait until the next heartbeat, within reason.
fn checkin(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds.clamp(1, 300)))
}

/// True when sending the same again can only fail again.
pub(super) fn is_refused_for_good(error: &ApiError) -> bool {
    matches!(error.status(), Some(400 | 413 | 415 | 422))
}
