//! The life of an open socket: heartbeats, samples one batch at a time, inventory, and the server's words.

use super::{Agent, End};
use crate::{
    Socket, Trouble,
    fleet::{Order, Orders},
    machine::Machine,
    spool::Batch,
    tally::Kind,
};
use entity::{
    presence::{DisconnectReason, LinkKind},
    wire::{Heartbeat, Metrics, ToAgent, ToServer, limits::SOCKET_MESSAGE_BYTES_MAX},
};
use std::time::Duration;
use tokio::{
    io::AsyncWriteExt as _,
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

/// What an open socket remembers.
struct Session {
    in_flight: Option<(u64, u64, Instant)>,
    /// Log entries are on their way since then.
    logs_in_flight: Option<Instant>,
    paused_until: Option<Instant>,
    storms: u64,
}

impl Session {
    /// Since when the oldest message waits for its acknowledgement.
    fn oldest_in_flight(&self) -> Option<Instant> {
        let samples = self.in_flight.map(|(_, _, sent)| sent);
        samples.into_iter().chain(self.logs_in_flight).min()
    }
}

impl Agent {
    /// Serves an open socket until it ends.
    pub(super) async fn serve(&mut self, socket: &mut Socket, orders: &mut watch::Receiver<Orders>) -> End {
        let storms = orders.borrow_and_update().storms;
        let mut session = Session { in_flight: None, logs_in_flight: None, paused_until: None, storms };
        if let Err(end) = Box::pin(self.tell_results(socket, Duration::ZERO)).await {
            return end;
        }
        loop {
            let (order, storms) = {
                let orders = orders.borrow_and_update();
                (orders.order, orders.storms)
            };
            if order == Order::Stop {
                return End::Stop;
            }
            if storms != session.storms {
                return End::Storm;
            }
            if let Err(end) = self.send_what_waits(socket, &mut session).await {
                return end;
            }
            let next = self.next_due(&session, order);
            let step = tokio::select! {
                heard = socket.next() => Some(heard),
                () = sleep_until(next) => None,
                changed = orders.changed() => {
                    if changed.is_err() {
                        return End::Stop;
                    }
                    continue;
                }
            };
            let done = match step {
                Some(Ok(message)) => self.obey(socket, &mut session, message).await,
                Some(Err(_)) => Err(lost()),
                None => self.tick(socket, &mut session, order).await,
            };
            if let Err(end) = done {
                return end;
            }
            if !self.manner.reads_after.is_zero() {
                sleep(self.manner.reads_after).await;
            }
        }
    }

    fn next_due(&self, session: &Session, order: Order) -> Instant {
        let mut next = self.due.heartbeat.min(self.due.inventory);
        if order == Order::Run {
            next = next.min(self.due.metrics);
        }
        let deadline = session.oldest_in_flight().map(|sent| sent + self.rhythm.ack_within);
        for moment in [deadline, session.paused_until, self.due.leave, self.due.update].into_iter().flatten()
        {
            next = next.min(moment);
        }
        next
    }

    async fn tick(&mut self, socket: &mut Socket, session: &mut Session, order: Order) -> Result<(), End> {
        let now = Instant::now();
        // Also when the server refused what has been dropped since: it acknowledges nothing that comes after, on this link.
        if session.oldest_in_flight().is_some_and(|sent| now >= sent + self.rhythm.ack_within) {
            self.tally.note("what was sent was not acknowledged in time");
            return Err(lost());
        }
        if self.due.leave.is_some_and(|at| now >= at) {
            return Err(End::Left);
        }
        if self.due.update.is_some_and(|at| now >= at) {
            Box::pin(self.update(socket)).await?;
        }
        if session.paused_until.is_some_and(|until| now >= until) {
            session.paused_until = None;
            Box::pin(self.tell_results(socket, Duration::ZERO)).await?;
        }
        if now >= self.due.heartbeat {
            self.due.heartbeat = now + self.heartbeat_interval();
            self.tally.sent("heartbeat");
            let heartbeat = Heartbeat { link: LinkKind::Socket, hello: None, agent_state: None };
            socket.send(&ToServer::Heartbeat(heartbeat)).await.map_err(|_| lost())?;
            if self.journal.has_waiting() && session.paused_until.is_none() {
                Box::pin(self.tell_results(socket, self.rhythm.ack_within)).await?;
            }
        }
        if now >= self.due.inventory && session.paused_until.is_none() {
            self.due.inventory = now + self.inventory_interval();
            Box::pin(self.send_inventory(socket)).await?;
        } else if now >= self.due.inventory {
            self.due.inventory = session.paused_until.unwrap_or(now);
        }
        if order == Order::Run && now >= self.due.metrics {
            self.take_samples();
        }
        Ok(())
    }

    async fn obey(
        &mut self,
        socket: &mut Socket,
        session: &mut Session,
        message: ToAgent,
    ) -> Result<(), End> {
        match message {
            ToAgent::Ack { position } => {
                if let Some((sent, dropped, at)) = session.in_flight.filter(|(sent, ..)| *sent <= position) {
                    self.tally.took(Kind::Ack, self.identity.number, at.elapsed());
                    self.spool.acknowledge(sent, dropped);
                    self.publish();
                    session.in_flight = None;
                    self.failures = 0;
                } else {
                    self.tally.note("an acknowledgement that came late");
                }
            }
            ToAgent::Busy { retry_after_seconds } => {
                self.tally.note("busy");
                session.in_flight = None;
                session.logs_in_flight = None;
                let wait = self.wait_of(Some(retry_after_seconds));
                session.paused_until = Some(Instant::now() + wait);
                // What was sent shortly before may not have been stored.
                self.known = entity::wire::Known::default();
                self.monitored = None;
                self.due.inventory = Instant::now() + wait + self.inventory_interval().mul_f64(self.place(6));
            }
            ToAgent::LogsAck { position } => {
                self.logs.acknowledge(position);
                self.publish();
                session.logs_in_flight = None;
            }
            ToAgent::EventAck { .. } => {}
            // Boxed: an agent waits for days, and this takes a moment.
            ToAgent::Command(envelope) => Box::pin(self.carry_out(socket, envelope)).await?,
            ToAgent::ResultAck { command_id } => self.result_acknowledged(command_id),
            // It has done everything at once, and keeps no record.
            ToAgent::CommandCancel { .. } | ToAgent::Stop(_) | ToAgent::ChainAck { .. } => {}
            // There is no program behind it that could be another one.
            ToAgent::UpdateRequired(hint) => self.update_is_due(&hint),
            ToAgent::UpdateStatusAck(_) => {}
            ToAgent::Ping { nonce } => {
                self.tally.sent("pong");
                socket.send(&ToServer::Pong { nonce }).await.map_err(|_| lost())?;
            }
            ToAgent::Config { settings } => {
                self.settings = settings.bounded();
                // What it is to look after from now on is told at once.
                self.due.inventory = Instant::now();
            }
            ToAgent::Goodbye { reason: DisconnectReason::Revoked, .. } => return Err(End::Revoked),
            ToAgent::Goodbye { reason, retry_after_seconds } => {
                return Err(End::Dropped(reason, Some(retry_after_seconds)));
            }
            ToAgent::Unsupported { detail } => self.tally.unexpected(&format!("unsupported: {detail}")),
            ToAgent::Welcome(_) | ToAgent::Unknown => {
                self.tally.unexpected("a message that fits nothing that was said");
            }
        }
        Ok(())
    }

    /// Sends the event and the next samples, unless some are on their way.
    async fn send_what_waits(&mut self, socket: &mut Socket, session: &mut Session) -> Result<(), End> {
        if session.paused_until.is_some() || session.in_flight.is_some() {
            return Ok(());
        }
        if let Some(event) = self.event.take() {
            self.tally.sent("event");
            socket.send(&ToServer::Event(*event)).await.map_err(|_| lost())?;
        }
        if session.logs_in_flight.is_none()
            && let Some(logs) = self.logs.next()
        {
            self.tally.sent("logs");
            session.logs_in_flight = Some(Instant::now());
            socket.send(&ToServer::Logs(logs)).await.map_err(|_| lost())?;
        }
        let mut most = self.rhythm.samples_max;
        while let Some(batch) = self.spool.batch(most) {
            let (position, dropped) = (batch.position, batch.dropped_total);
            let Ok(text) = serde_json::to_string(&ToServer::Metrics(self.metrics(&batch))) else { break };
            if text.len() > SOCKET_MESSAGE_BYTES_MAX && most > 1 {
                most = (batch.times.len() / 2).max(1);
                continue;
            }
            self.tally.sent("metrics");
            session.in_flight = Some((position, dropped, Instant::now()));
            self.send_text(socket, text).await?;
            break;
        }
        Ok(())
    }

    /// The message of a batch.
    pub(super) fn metrics(&self, batch: &Batch) -> Metrics {
        let samples = batch.times.iter().map(|at| self.machine.sample(*at)).collect();
        Metrics { position: batch.position, dropped_total: batch.dropped_total, samples }
    }

    /// Sends a text, at once or byte by byte.
    async fn send_text(&self, socket: &mut Socket, text: String) -> Result<(), End> {
        if self.manner.writes_within.is_zero() {
            return socket.send_text(text).await.map_err(|_| lost());
        }
        let frame = crate::hostile::frame(1, true, text.as_bytes());
        let pieces = frame.chunks(frame.len().div_ceil(8).max(1));
        for piece in pieces {
            socket.wire().write_all(piece).await.map_err(|_| lost())?;
            socket.wire().flush().await.map_err(|_| lost())?;
            sleep(self.manner.writes_within / 8).await;
        }
        Ok(())
    }

    /// Sends what the server does not have yet; what is too large for a socket goes over HTTP.
    async fn send_inventory(&mut self, socket: &mut Socket) -> Result<(), End> {
        for (path, message) in self.inventory() {
            let text = serde_json::to_string(&message).map_err(|_| lost())?;
            if text.len() <= SOCKET_MESSAGE_BYTES_MAX {
                self.tally.sent(path);
                socket.send_text(text).await.map_err(|_| lost())?;
            } else if let Err(trouble) = self.post_report(path, &message).await {
                self.tally.trouble(path, &trouble);
                if matches!(trouble, Trouble::Refused { status: 410, .. }) {
                    return Err(End::Revoked);
                }
                let wait = self.wait_of(trouble.retry_after_seconds());
                self.due.inventory = Instant::now() + wait;
                return Ok(());
            }
            self.note_sent(&message);
        }
        Ok(())
    }

    /// Services, software and facts, as far as they differ from what the server has.
    pub(super) fn inventory(&mut self) -> Vec<(&'static str, ToServer)> {
        let now = self.clock();
        let (services, software) = (self.rhythm.services, self.rhythm.software);
        let mut parts = Vec::new();
        let facts = self.machine.facts_report();
        if self.known.facts.as_ref() != Some(&facts.digest) {
            parts.push(("facts", ToServer::Facts(facts)));
        }
        let services_now = self.machine.services(now, services);
        if self.known.services.as_ref() != Some(&services_now.digest) {
            if self.known.services.is_some() {
                self.event = self.machine.event(now, services).map(Box::new);
            }
            parts.push(("services", ToServer::Services(services_now.clone())));
        }
        let monitored = Machine::monitored(&services_now, &self.settings.monitored_services);
        if self.monitored.as_ref().map_or(!monitored.items.is_empty(), |told| *told != monitored) {
            parts.push(("monitored-services", ToServer::MonitoredServices(monitored)));
        }
        let software = self.machine.software(now, software);
        if self.known.software.as_ref() != Some(&software.digest) {
            parts.push(("software", ToServer::Software(software)));
        }
        parts
    }

    /// The server will have this.
    pub(super) fn note_sent(&mut self, message: &ToServer) {
        match message {
            ToServer::Services(services) => self.known.services = Some(services.digest.clone()),
            ToServer::Software(software) => self.known.software = Some(software.digest.clone()),
            ToServer::Facts(facts) => self.known.facts = Some(facts.digest.clone()),
            ToServer::MonitoredServices(monitored) => self.monitored = Some(monitored.clone()),
            _ => {}
        }
    }
}

pub(super) fn lost() -> End {
    End::Dropped(DisconnectReason::ConnectionLost, None)
}
