//! The link over HTTP, while sockets are blocked: heartbeats that fetch settings, everything else in requests.

use super::{End, Link, hello, socket::Socket};
use crate::{
    chance, http::ApiError, inventory::Parcel, link::backoff::Backoff, spool::Batch, token::DeviceError,
};
use chrono::Utc;
use entity::{
    presence::{DisconnectReason, LinkKind},
    wire::{Heartbeat, HeartbeatAnswer, Known, Metrics, MetricsAnswer, PreviousLink},
};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Requests in a row without an answer after which the link counts as lost.
const MISSES_MAX: u32 = 3;

/// What polling remembers.
struct Round {
    known: Known,
    heartbeat_at: Instant,
    socket_at: Instant,
    paused_until: Option<Instant>,
    misses: u32,
    waits: Backoff,
}

/// What happens next.
enum Step {
    Heartbeat,
    Socket,
    Work,
    Parcel(Option<Parcel>),
    PauseIsOver,
}

impl Link {
    /// Polls until a socket can be had, or the server cannot be reached any more.
    pub(super) async fn poll(&mut self) -> End {
        let hello = hello(self.recorder.previous_when_changing());
        let first = Heartbeat { link: LinkKind::Polling, hello: Some(Box::new(hello)) };
        let answer: HeartbeatAnswer = match self.device.post("heartbeat", &first).await {
            Ok(answer) => answer,
            Err(error) => return error.into(),
        };
        self.take(answer.settings, answer.known.clone());
        self.recorder.connected(LinkKind::Polling);
        let now = Instant::now();
        let mut round = Round {
            known: answer.known,
            heartbeat_at: now + checkin(answer.next_checkin_seconds),
            socket_at: now + self.timing.socket_first_retry,
            paused_until: None,
            misses: 0,
            waits: Backoff::new(self.timing.reconnect_first, self.timing.reconnect_longest),
        };
        loop {
            let step = self.next_round_step(&round).await;
            let done = match step {
                Step::Heartbeat => self.poll_heartbeat(&mut round).await,
                Step::Socket => match self.try_socket(&mut round).await {
                    Some(end) => return end,
                    None => Ok(()),
                },
                Step::Work => self.post_what_waits().await,
                Step::Parcel(Some(parcel)) => self.post_parcel(&mut round, parcel).await,
                Step::Parcel(None) => return End::Stop,
                Step::PauseIsOver => {
                    round.paused_until = None;
                    self.known.send_replace(Some(round.known.clone()));
                    self.post_what_waits().await
                }
            };
            if let Some(end) = done.err().and_then(|error| self.bear(&mut round, error)) {
                return end;
            }
        }
    }

    async fn next_round_step(&mut self, round: &Round) -> Step {
        let paused = round.paused_until;
        tokio::select! {
            () = sleep_until(round.heartbeat_at) => Step::Heartbeat,
            () = sleep_until(round.socket_at) => Step::Socket,
            () = self.work.notified(), if paused.is_none() => Step::Work,
            parcel = self.parcels.recv(), if paused.is_none() => Step::Parcel(parcel),
            () = sleep_until(paused.unwrap_or_else(Instant::now)), if paused.is_some() => Step::PauseIsOver,
        }
    }

    async fn poll_heartbeat(&mut self, round: &mut Round) -> Result<(), DeviceError> {
        let heartbeat = Heartbeat { link: LinkKind::Polling, hello: None };
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
    async fn post_what_waits(&mut self) -> Result<(), DeviceError> {
        while let Some(event) = self.events.oldest() {
            match self.device.tell("events", &event).await {
                Err(DeviceError::Api(error)) if is_refused_for_good(&error) => {
                    tracing::error!(%error, "the server refuses an event: given up");
                }
                other => other?,
            }
            self.events.told(&event);
        }
        while let Some(batch) = self.spool.batch().await {
            let Batch { position, dropped_total, samples } = batch.clone();
            let body = Metrics { position, dropped_total, samples };
            match self.device.post::<MetricsAnswer>("metrics", &body).await {
                Ok(answer) => self.spool.acknowledge(answer.position.min(batch.position)).await,
                Err(DeviceError::Api(error)) if is_refused_for_good(&error) => {
                    tracing::error!(%error, samples = batch.samples.len(), "the server refuses these samples: given up");
                    self.spool.give_up(batch).await;
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
fn is_refused_for_good(error: &ApiError) -> bool {
    matches!(error.status(), Some(400 | 413 | 415 | 422))
}
