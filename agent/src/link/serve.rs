//! The life of an open socket: heartbeats, samples one batch at a time, whatever else waits, and the server's words.

use super::{
    End, Link,
    socket::{Heard, Socket},
};
use crate::{chance, inventory::Parcel, link::backoff::Backoff, spool::Batch};
use chrono::{DateTime, Utc};
use entity::{
    presence::{DisconnectReason, LinkKind},
    wire::{Event, Heartbeat, Known, Metrics, ToAgent, ToServer},
};
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};

/// A clock that is off by more is worth a word.
const CLOCK_SECONDS_MAX: i64 = 60;

/// Samples that were sent and are not acknowledged yet.
struct InFlight {
    batch: Batch,
    deadline: Instant,
    /// The server could not read something meanwhile; if these stay unacknowledged, it was them.
    doubtful: bool,
}

/// What an open socket remembers.
struct Session {
    socket: Socket,
    known: Known,
    in_flight: Option<InFlight>,
    paused_until: Option<Instant>,
    heard_at: Instant,
}

/// What happens next.
enum Step {
    Heard(Heard),
    Heartbeat,
    Listen,
    Work,
    Parcel(Option<Parcel>),
    Deadline,
    Stop,
}

const LOST: End = End::Dropped { reason: DisconnectReason::ConnectionLost, retry_after_seconds: None };

impl Link {
    /// Serves an open socket until it ends.
    pub(super) async fn serve(&mut self, socket: Socket) -> End {
        let known = socket.welcome.known.clone();
        self.take(socket.welcome.settings, known.clone());
        self.recorder.connected(LinkKind::Socket);
        warn_of_clock(socket.welcome.server_time);
        let now = Instant::now();
        let mut session = Session { socket, known, in_flight: None, paused_until: None, heard_at: now };
        let mut heartbeat = self.heartbeat();
        let mut listen = every(self.timing.silence / 3);
        loop {
            let before = self.settings.borrow().heartbeat_interval_seconds;
            let step = self.next_step(&mut session, &mut heartbeat, &mut listen).await;
            if let Err(end) = self.take_step(&mut session, step).await {
                return end;
            }
            if self.settings.borrow().heartbeat_interval_seconds != before {
                heartbeat = self.heartbeat();
            }
        }
    }

    fn heartbeat(&self) -> Interval {
        every(Duration::from_secs(u64::from(self.settings.borrow().heartbeat_interval_seconds)))
    }

    async fn next_step(
        &mut self,
        session: &mut Session,
        heartbeat: &mut Interval,
        listen: &mut Interval,
    ) -> Step {
        let paused = session.paused_until.is_some();
        let waiting = session.in_flight.as_ref().map(|in_flight| in_flight.deadline).or(session.paused_until);
        let mut stop = self.stop.clone();
        tokio::select! {
            heard = session.socket.hear() => Step::Heard(heard),
            _ = heartbeat.tick() => Step::Heartbeat,
            _ = listen.tick() => Step::Listen,
            () = self.work.notified(), if waiting.is_none() => Step::Work,
            parcel = self.parcels.recv(), if !paused => Step::Parcel(parcel),
            () = sleep_until(waiting.unwrap_or_else(Instant::now)), if waiting.is_some() => Step::Deadline,
            _ = stop.wait_for(|stop| *stop) => Step::Stop,
        }
    }

    async fn take_step(&mut self, session: &mut Session, step: Step) -> Result<(), End> {
        match step {
            Step::Heard(heard) => {
                session.heard_at = Instant::now();
                self.hear(session, heard).await
            }
            Step::Heartbeat => {
                say(session, ToServer::Heartbeat(Heartbeat { link: LinkKind::Socket, hello: None })).await
            }
            Step::Listen => self.listen(session).await,
            Step::Work => self.send_what_waits(session).await,
            Step::Parcel(Some(Parcel::Services(services))) => {
                say(session, ToServer::Services(services)).await
            }
            Step::Parcel(Some(Parcel::Software(software))) => {
                say(session, ToServer::Software(software)).await
            }
            Step::Parcel(Some(Parcel::Facts(facts))) => say(session, ToServer::Facts(*facts)).await,
            Step::Deadline => self.deadline(session).await,
            Step::Stop | Step::Parcel(None) => {
                session.socket.close(DisconnectReason::AgentStopped.word()).await;
                Err(End::Stop)
            }
        }
    }

    async fn hear(&mut self, session: &mut Session, heard: Heard) -> Result<(), End> {
        match heard {
            Heard::Life => Ok(()),
            Heard::Closed => Err(LOST),
            Heard::Unreadable(what) => self.answer_unsupported(session, what).await,
            Heard::Message(message) => self.obey(session, message).await,
        }
    }

    async fn obey(&mut self, session: &mut Session, message: ToAgent) -> Result<(), End> {
        match message {
            ToAgent::Welcome(welcome) => {
                session.known = welcome.known.clone();
                self.take(welcome.settings, welcome.known);
            }
            ToAgent::Ack { position } => {
                self.spool.acknowledge(position).await;
                if session.in_flight.as_ref().is_some_and(|in_flight| in_flight.batch.position <= position) {
                    session.in_flight = None;
                }
                return self.send_what_waits(session).await;
            }
            ToAgent::Config { settings } => self.take_settings(settings),
            ToAgent::Ping { nonce } => return say(session, ToServer::Pong { nonce }).await,
            ToAgent::Goodbye { reason: DisconnectReason::Revoked, .. } => {
                return Err(End::Revoked(DisconnectReason::Revoked.sentence().to_owned()));
            }
            ToAgent::Goodbye { reason, retry_after_seconds } => {
                return Err(End::Dropped { reason, retry_after_seconds: Some(retry_after_seconds) });
            }
            ToAgent::Busy { retry_after_seconds } => {
                tracing::debug!(retry_after_seconds, "the server is busy");
                let asked = Duration::from_secs(u64::from(retry_after_seconds));
                let backoff = Backoff::new(self.timing.reconnect_first, self.timing.reconnect_longest);
                session.in_flight = None;
                session.paused_until = Some(Instant::now() + backoff.directed(asked, chance::fresh()));
            }
            ToAgent::Unsupported { detail } => {
                tracing::warn!(detail, "the server could not read a message");
                if let Some(in_flight) = &mut session.in_flight {
                    in_flight.doubtful = true;
                }
            }
            // Told apart when it was read.
            ToAgent::Unknown => {}
        }
        Ok(())
    }

    async fn answer_unsupported(&mut self, session: &mut Session, what: String) -> Result<(), End> {
        tracing::warn!(what, "the server sent something this agent cannot use");
        let event = Event { at: Utc::now(), event_type: "unsupported_message".to_owned(), summary: what };
        say(session, ToServer::Event(event)).await
    }

    /// Asks for a sign of life when there was none for a while; gives up when there was none for long.
    async fn listen(&mut self, session: &mut Session) -> Result<(), End> {
        let silent = session.heard_at.elapsed();
        if silent >= self.timing.silence {
            return Err(LOST);
        }
        if silent >= self.timing.silence / 3 && !session.socket.ask_for_life().await {
            return Err(LOST);
        }
        Ok(())
    }

    /// Sends the events, and the next samples unless some are on their way.
    async fn send_what_waits(&mut self, session: &mut Session) -> Result<(), End> {
        if session.paused_until.is_some() {
            return Ok(());
        }
        while let Some(event) = self.events.oldest() {
            say(session, ToServer::Event(event.clone())).await?;
            self.events.told(&event);
        }
        if session.in_flight.is_none()
            && let Some(batch) = self.spool.batch().await
        {
            let Batch { position, dropped_total, samples } = batch.clone();
            say(session, ToServer::Metrics(Metrics { position, dropped_total, samples })).await?;
            let deadline = Instant::now() + self.timing.ack;
            session.in_flight = Some(InFlight { batch, deadline, doubtful: false });
        }
        Ok(())
    }

    /// A pause is over, or samples were not acknowledged in time.
    async fn deadline(&mut self, session: &mut Session) -> Result<(), End> {
        if let Some(in_flight) = session.in_flight.take() {
            if !in_flight.doubtful {
                tracing::warn!("the server did not acknowledge samples");
                return Err(LOST);
            }
            tracing::error!(
                samples = in_flight.batch.samples.len(),
                "the server cannot read these samples: given up"
            );
            self.spool.give_up(in_flight.batch).await;
        } else {
            session.paused_until = None;
            // What was sent shortly before may not have been stored.
            self.known.send_replace(Some(session.known.clone()));
        }
        self.send_what_waits(session).await
    }
}

/// Samples carry this device's time: when that is wrong, they are shown at the wrong place.
fn warn_of_clock(server_time: DateTime<Utc>) {
    let ahead = Utc::now().signed_duration_since(server_time).num_seconds();
    if ahead.abs() > CLOCK_SECONDS_MAX {
        tracing::warn!(
            ahead_seconds = ahead,
            "this device's clock differs from the server's: set one of them right"
        );
    }
}

async fn say(session: &mut Session, message: ToServer) -> Result<(), End> {
    if session.socket.say(&message).await { Ok(()) } else { Err(LOST) }
}

/// Ticks first after one period; after a long sleep of the machine once, not for every tick it missed.
fn every(period: Duration) -> Interval {
    let period = period.max(Duration::from_millis(1));
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
