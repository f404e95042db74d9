//! The life of an open socket: heartbeats, samples one batch at a time, whatever else waits, and the server's words.

use super::{
    End, Link,
    apart::Posted,
    sent::Sent,
    socket::{Heard, Socket},
    watched::Said,
};
use crate::{chance, http, inventory::Parcel, link::backoff::Backoff};
use chrono::{DateTime, Utc};
use entity::{
    agent_state::AgentState,
    presence::{DisconnectReason, LinkKind},
    wire::{Event, Heartbeat, Known, ToAgent, ToServer, limits::SOCKET_MESSAGE_BYTES_MAX},
};
use std::time::Duration;
use tokio::{
    task::JoinSet,
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until},
};

/// A clock that is off by more is worth a word.
const CLOCK_SECONDS_MAX: i64 = 60;

/// The first protocol in which servers take log entries.
const LOGS_SINCE: u16 = 2;
/// The first protocol in which servers send commands.
const COMMANDS_SINCE: u16 = 3;
/// The first protocol in which servers take reports about updates.
const UPDATES_SINCE: u16 = 4;

/// Samples or log entries that were sent and are not acknowledged yet.
pub(super) struct InFlight {
    pub(super) sent: Sent,
    pub(super) deadline: Instant,
    /// The server could not read something meanwhile; if these stay unacknowledged, it was them.
    pub(super) doubtful: bool,
}

/// What an open socket remembers.
pub(super) struct Session {
    socket: Socket,
    known: Known,
    takes_logs: bool,
    /// Does the server know of commands?
    pub(super) takes_commands: bool,
    /// Does it know of updates?
    pub(super) takes_updates: bool,
    pub(super) in_flight: Option<InFlight>,
    pub(super) paused_until: Option<Instant>,
    /// The report that is on its way over HTTP; given up with the link.
    pub(super) posting: JoinSet<Posted>,
    pub(super) waits: Backoff,
    pub(super) said: Said,
    heard_at: Instant,
}

impl Session {
    /// Does the server acknowledge events, and take what else came with that?
    pub(super) const fn takes_events(&self) -> bool {
        self.takes_logs
    }
}

/// What happens next.
enum Step {
    Heard(Heard),
    Heartbeat,
    Phase,
    Told,
    Commands,
    Updates,
    Listen,
    Work,
    Parcel(Option<Parcel>),
    Posted(Posted),
    Deadline,
    Stop,
}

const LOST: End = End::Dropped { reason: DisconnectReason::ConnectionLost, retry_after_seconds: None };

impl Link {
    /// Serves an open socket until it ends.
    pub(super) async fn serve(&mut self, socket: Socket) -> End {
        let known = socket.welcome.known.clone();
        self.take(socket.welcome.settings.clone(), known.clone());
        self.updates.has_socket(true);
        let takes_logs = socket.welcome.protocol >= LOGS_SINCE;
        let takes_commands = socket.welcome.protocol >= COMMANDS_SINCE;
        let takes_updates = socket.welcome.protocol >= UPDATES_SINCE;
        self.recorder.connected(LinkKind::Socket);
        self.commands.welcomed(socket.welcome.server_time);
        warn_of_clock(socket.welcome.server_time);
        let now = Instant::now();
        let waits = Backoff::new(self.timing.reconnect_first, self.timing.reconnect_longest);
        let posting = JoinSet::new();
        let mut session = Session {
            socket,
            known,
            takes_logs,
            takes_commands,
            takes_updates,
            in_flight: None,
            paused_until: None,
            posting,
            waits,
            said: Said::default(),
            heard_at: now,
        };
        let mut heartbeat = self.heartbeat();
        let mut listen = every(self.timing.silence / 3, self.place("listen"));
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
        let period = Duration::from_secs(u64::from(self.settings.borrow().heartbeat_interval_seconds));
        every(period, self.place("heartbeat"))
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
            () = self.phase.changed() => Step::Phase,
            Ok(()) = self.told.changed() => Step::Told,
            () = self.commands.told(), if session.takes_commands && !paused => Step::Commands,
            () = self.updates.told(), if session.takes_updates && !paused => Step::Updates,
            _ = listen.tick() => Step::Listen,
            () = self.work.notified(), if waiting.is_none() => Step::Work,
            Some(posted) = session.posting.join_next() => match posted {
                Ok(posted) => Step::Posted(posted),
                // It cannot panic and nobody aborts it while the link lives.
                Err(_) => Step::Listen,
            },
            parcel = self.parcels.recv(), if !paused && session.posting.is_empty() => Step::Parcel(parcel),
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
            Step::Heartbeat => say_heartbeat(session, None).await,
            Step::Phase => self.tell_states(session).await,
            Step::Told => {
                session.said.lock_has_changed();
                self.tell_watched(session).await?;
                self.tell_commands(session).await
            }
            Step::Commands => self.tell_commands(session).await,
            Step::Updates => self.tell_updates(session).await,
            Step::Listen => self.listen(session).await,
            Step::Work => self.send_what_waits(session).await,
            Step::Parcel(Some(parcel)) => self.send_parcel(session, parcel).await,
            Step::Posted(posted) => self.posted(session, posted).await,
            Step::Deadline => self.deadline(session).await,
            Step::Stop | Step::Parcel(None) => {
                self.tell_states(session).await?;
                session.socket.close(DisconnectReason::AgentStopped.word()).await;
                Err(End::Stop)
            }
        }
    }

    /// Tells every change of the agent's state, each with a heartbeat.
    async fn tell_states(&mut self, session: &mut Session) -> Result<(), End> {
        while let Some(state) = self.phase.take_untold() {
            say_heartbeat(session, Some(state)).await?;
        }
        Ok(())
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
                self.commands.server_says(welcome.server_time);
                session.known = welcome.known.clone();
                self.take(welcome.settings, welcome.known);
            }
            ToAgent::Ack { position } => {
                self.spool.acknowledge(position).await;
                let is_it = |sent: &Sent| matches!(sent, Sent::Samples(batch) if batch.position <= position);
                return self.acknowledged(session, is_it).await;
            }
            ToAgent::LogsAck { position } => {
                self.logs.spool.acknowledge(position).await;
                let is_it = |sent: &Sent| matches!(sent, Sent::Logs(batch) if batch.position <= position);
                return self.acknowledged(session, is_it).await;
            }
            ToAgent::EventAck { id } => return self.event_committed(session, id).await,
            ToAgent::Config { settings } => self.take_settings(settings),
            ToAgent::Command(envelope) => self.commands.take(&envelope),
            ToAgent::CommandCancel { command_id } => self.commands.cancel(command_id),
            ToAgent::Stop(envelope) => self.commands.stop(&envelope),
            ToAgent::ResultAck { command_id } => self.commands.result_acknowledged(command_id),
            ToAgent::ChainAck { seq } => self.commands.chain_acknowledged(seq),
            ToAgent::UpdateRequired(hint) => self.updates.hint(&hint),
            ToAgent::UpdateStatusAck(ack) => self.updates.acknowledged(ack),
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
                http::socket_is_busy(true);
                session.in_flight = None;
                session.said.forget();
                session.paused_until = Some(Instant::now() + session.waits.directed(asked, chance::fresh()));
            }
            ToAgent::Unsupported { detail } => {
                tracing::warn!(detail, "the server could not read a message");
                self.doubt_event(session);
                if let Some(in_flight) = &mut session.in_flight {
                    in_flight.doubtful = true;
                }
            }
            // Told apart when it was read.
            ToAgent::Unknown => {}
        }
        Ok(())
    }

    /// Something was acknowledged, and perhaps what is on its way.
    async fn acknowledged(
        &mut self,
        session: &mut Session,
        is_it: impl Fn(&Sent) -> bool,
    ) -> Result<(), End> {
        if session.in_flight.as_ref().is_some_and(|in_flight| is_it(&in_flight.sent)) {
            session.in_flight = None;
        }
        session.waits.reset();
        http::socket_is_busy(false);
        self.send_what_waits(session).await
    }

    async fn answer_unsupported(&mut self, session: &mut Session, what: String) -> Result<(), End> {
        tracing::warn!(what, "the server sent something this agent cannot use");
        let event = Event::plain(Utc::now(), "unsupported_message", what);
        say(session, ToServer::Event(event)).await
    }

    /// Asks for a sign of life when there was none for a while; gives up when there was none for long.
    async fn listen(&mut self, session: &mut Session) -> Result<(), End> {
        self.commands.look_for_overdue(self.timing.ack);
        self.updates.look_for_overdue(self.timing.ack);
        let silent = session.heard_at.elapsed();
        if silent >= self.timing.silence {
            return Err(LOST);
        }
        if silent >= self.timing.silence / 3 && !session.socket.ask_for_life().await {
            return Err(LOST);
        }
        Ok(())
    }

    /// Sends the events, and the next samples or log entries unless some are on their way.
    pub(super) async fn send_what_waits(&mut self, session: &mut Session) -> Result<(), End> {
        if session.paused_until.is_some() {
            return Ok(());
        }
        self.send_events(session).await?;
        self.tell_watched(session).await?;
        if session.in_flight.is_none()
            && let Some(sent) =
                Sent::next(&self.spool, &self.logs, session.takes_logs, SOCKET_MESSAGE_BYTES_MAX).await
        {
            self.send(session, sent).await?;
        }
        Ok(())
    }

    /// A pause is over, or samples were not acknowledged in time.
    async fn deadline(&mut self, session: &mut Session) -> Result<(), End> {
        if let Some(in_flight) = session.in_flight.take() {
            if !in_flight.doubtful {
                tracing::warn!(what = in_flight.sent.word(), "the server did not acknowledge what was sent");
                return Err(LOST);
            }
            tracing::error!(
                what = in_flight.sent.word(),
                count = in_flight.sent.count(),
                "the server cannot read what was sent: given up"
            );
            in_flight.sent.give_up(&self.spool, &self.logs).await;
        } else {
            session.paused_until = None;
            self.commands.say_anew();
            self.updates.say_anew();
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

async fn say_heartbeat(session: &mut Session, agent_state: Option<AgentState>) -> Result<(), End> {
    let heartbeat = Heartbeat { link: LinkKind::Socket, hello: None, agent_state };
    say(session, ToServer::Heartbeat(heartbeat)).await
}

async fn say(session: &mut Session, message: ToServer) -> Result<(), End> {
    if session.socket.say(&message).await { Ok(()) } else { Err(LOST) }
}

pub(super) async fn say_text(session: &mut Session, text: String) -> Result<(), End> {
    if session.socket.say_text(text).await { Ok(()) } else { Err(LOST) }
}

/// Ticks first after this part of a period, so that a fleet does not tick together; after a long sleep of the machine
/// once, not for every tick it missed.
fn every(period: Duration, place: f64) -> Interval {
    let period = period.max(Duration::from_millis(1));
    let mut interval = interval_at(Instant::now() + period.mul_f64(place), period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
