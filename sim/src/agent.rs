//! One simulated agent from its registration to its end: it does what the real one does, link by link, and keeps every
//! sample until the server has it.

mod obey;
mod poll;
mod serve;
mod update;

pub use update::{Fate, Updates};

use crate::{
    Door, Key, Machine, Rhythm, Socket, Spool, Stamps, Tally, Trouble,
    command::Journal,
    fleet::{Ledger, Manner, Order, Orders},
    key::register_request,
    log::{LogCount, LogQueue},
    machine::previous,
    rhythm::share,
    spool::Count,
    tally::Kind,
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    agent_token::{AgentToken, Challenge},
    id::{BusinessId, DeviceId},
    presence::DisconnectReason,
    registration::RegisterAnswer,
    update::Running,
    wire::{Event, Hello, Known, Settings},
};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// After so many sockets in a row that did not come up, HTTP is tried.
const SOCKET_FAILURES_MAX: u32 = 2;
/// A token with less than this share of its life left is renewed.
const RENEW_BELOW: f64 = 0.2;
/// A link that lived this long was well.
const WELL: Duration = Duration::from_secs(10);
/// Messages that came due while nothing could be taken; more are not caught up on.
const CATCH_UP_MAX: u32 = 1_000;

/// Who an agent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The device.
    pub device: DeviceId,
    /// Its key.
    pub key: Key,
    /// Whose device it is.
    pub business: BusinessId,
    /// The number of that business in this run, from 0.
    pub number: u16,
}

impl Identity {
    /// Makes a machine a device.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn register(
        door: &Door,
        token: &str,
        machine: &Machine,
        number: u16,
        tally: &Tally,
    ) -> Result<Self, Trouble> {
        let key = Key::fresh();
        let started = Instant::now();
        let reply = door.post("register", None, &register_request(token, &key, machine.facts())).await?;
        let answer: RegisterAnswer = reply.read()?;
        tally.took(Kind::Register, number, started.elapsed());
        Ok(Self { device: answer.agent_id, key, business: answer.business_id, number })
    }

    /// A fresh token for the device key.
    ///
    /// # Errors
    /// When the server gives none.
    pub async fn token(&self, door: &Door) -> Result<AgentToken, Trouble> {
        let id = self.device;
        let challenge: Challenge = door.post(&format!("{id}/challenge"), None, &json!({})).await?.read()?;
        let proof = self.key.prove(challenge.challenge);
        door.post(&format!("{id}/token"), None, &proof).await?.read()
    }
}

/// A token and when it is to be renewed.
struct Current {
    token: String,
    renew_at: Instant,
}

/// Moments at which something is due, link or no link.
struct Due {
    heartbeat: Instant,
    metrics: Instant,
    inventory: Instant,
    update: Option<Instant>,
    leave: Option<Instant>,
}

/// One simulated agent.
pub struct Agent {
    identity: Identity,
    machine: Machine,
    door: Door,
    tally: Arc<Tally>,
    ledger: Arc<Ledger>,
    rhythm: Arc<Rhythm>,
    manner: Manner,
    spool: Spool,
    published: Count,
    published_logs: Count,
    current: Option<Current>,
    settings: Settings,
    known: Known,
    /// What was told of the services that are looked after.
    monitored: Option<entity::wire::MonitoredServices>,
    event: Option<Box<Event>>,
    logs: LogQueue,
    journal: Journal,
    /// Which build runs, where updates are taken.
    running: Option<Running>,
    highest_seq: u64,
    trip: Option<update::Trip>,
    due: Due,
    stamped: u64,
    last_stamp: DateTime<Utc>,
    failures: u32,
    sockets_failed: u32,
    lost: Option<(Instant, DisconnectReason)>,
}

/// How a link, or a try of one, came to its end.
enum End {
    Stop,
    /// The whole fleet comes back at once.
    Storm,
    /// It leaves for a while.
    Left,
    Dropped(DisconnectReason, Option<u32>),
    NotUp(Trouble),
    Revoked,
    /// It is never heard of again.
    Gone,
}

impl Agent {
    /// An agent of a fleet.
    #[must_use]
    pub(crate) fn new(
        identity: Identity,
        machine: Machine,
        door: Door,
        tally: Arc<Tally>,
        ledger: Arc<Ledger>,
        rhythm: Arc<Rhythm>,
        manner: Manner,
    ) -> Self {
        let now = Instant::now();
        let logs = LogQueue::new(rhythm.logs_max, rhythm.logs_left_out);
        let mut agent = Self {
            spool: Spool::new(rhythm.spool_max),
            identity,
            machine,
            door,
            tally,
            ledger,
            rhythm,
            manner,
            published: Count::default(),
            published_logs: Count::default(),
            current: None,
            settings: Settings::default(),
            known: Known::default(),
            monitored: None,
            event: None,
            logs,
            journal: Journal::default(),
            running: manner.updates.map(|updates| update::first(updates.seq)),
            highest_seq: manner.updates.map_or(0, |updates| updates.seq),
            trip: None,
            due: Due { heartbeat: now, metrics: now, inventory: now, update: None, leave: None },
            stamped: 0,
            last_stamp: DateTime::UNIX_EPOCH,
            failures: 0,
            sockets_failed: 0,
            lost: None,
        };
        agent.due.metrics = now + agent.metrics_interval().mul_f64(agent.place(1));
        agent
    }

    /// Its own moment within any interval, from 0 to 1, the same in every run.
    fn place(&self, what: u64) -> f64 {
        let [.., a, b, c, d, e, f, g, h] = *self.identity.device.0.as_bytes();
        share(&[u64::from_be_bytes([a, b, c, d, e, f, g, h]), what])
    }

    fn heartbeat_interval(&self) -> Duration {
        let told = Duration::from_secs(u64::from(self.settings.heartbeat_interval_seconds));
        self.rhythm.heartbeat.unwrap_or(told)
    }

    fn metrics_interval(&self) -> Duration {
        let told = Duration::from_secs(u64::from(self.settings.metrics_interval_seconds));
        self.rhythm.metrics.unwrap_or(told).div_f64(self.manner.weight.max(0.001))
    }

    fn inventory_interval(&self) -> Duration {
        let told = Duration::from_secs(u64::from(self.settings.inventory_interval_seconds));
        self.rhythm.inventory.unwrap_or(told)
    }

    /// The present, by the clock that samples are stamped with.
    fn clock(&self) -> DateTime<Utc> {
        match self.rhythm.stamps {
            Stamps::Now => Utc::now(),
            Stamps::From(..) => self.last_stamp,
        }
    }

    /// Lives until it is told to stop; says where its samples and its log lines are.
    pub(crate) async fn run(mut self, mut orders: watch::Receiver<Orders>) -> (Count, LogCount) {
        let first = self.manner.begins_within.mul_f64(self.place(2));
        let mut wait = first;
        loop {
            if self.wait(wait, &mut orders).await {
                break;
            }
            let started = Instant::now();
            let polls = self.manner.polls || self.sockets_failed >= SOCKET_FAILURES_MAX;
            let end = if polls {
                Box::pin(self.poll(&mut orders)).await
            } else {
                match Box::pin(self.open()).await {
                    Ok(mut socket) => {
                        self.tally.up();
                        let end = self.serve(&mut socket, &mut orders).await;
                        self.tally.down();
                        match &end {
                            End::Stop => socket.close(DisconnectReason::AgentStopped.word()).await,
                            End::Left if self.place(3) < 0.5 => {
                                socket.close(DisconnectReason::AgentStopped.word()).await;
                            }
                            _ => drop(socket),
                        }
                        end
                    }
                    Err(trouble) => End::NotUp(trouble),
                }
            };
            let well = started.elapsed() >= WELL && !matches!(end, End::NotUp(_));
            if well {
                self.failures = 0;
            }
            self.sockets_failed = match &end {
                End::NotUp(_) if polls => 0,
                // A server that asks to come back later blocks no sockets.
                End::NotUp(trouble) if trouble.retry_after_seconds().is_some() => self.sockets_failed,
                End::NotUp(_) => self.sockets_failed + 1,
                _ => 0,
            };
            self.publish();
            let Some(next) = self.after(end) else { break };
            wait = next;
        }
        self.publish();
        (self.spool.count(), self.logs.count())
    }

    /// How long to wait after an end; none when there is nothing more to do.
    fn after(&mut self, end: End) -> Option<Duration> {
        let asked = match end {
            End::Stop | End::Gone => return None,
            End::Revoked => {
                self.tally.unexpected("revoked");
                return None;
            }
            End::Storm => {
                self.lost = Some((Instant::now(), DisconnectReason::ConnectionLost));
                return Some(Duration::ZERO);
            }
            End::Left => {
                self.lost = None;
                return Some(self.manner.stays_away.mul_f64(0.5 + fastrand::f64()));
            }
            End::Dropped(reason, asked) => {
                self.tally.note(&format!("link ended: {}", reason.word()));
                self.lost = Some((Instant::now(), reason));
                asked
            }
            End::NotUp(trouble) => {
                self.tally.trouble("open", &trouble);
                if self.lost.is_none() {
                    self.lost = Some((Instant::now(), DisconnectReason::NetworkUnreachable));
                }
                trouble.retry_after_seconds()
            }
        };
        Some(self.wait_of(asked))
    }

    /// The server's wait and up to half of it more, or more the oftener it asked; else full jitter, doubling, capped.
    fn wait_of(&mut self, asked: Option<u32>) -> Duration {
        let first = self.rhythm.reconnect_first;
        let cap = first.saturating_mul(1 << self.failures.min(16)).min(self.rhythm.reconnect_longest);
        self.failures = self.failures.saturating_add(1);
        if let Some(seconds) = asked {
            let asked = Duration::from_secs(u64::from(seconds));
            return asked + (asked / 2).max(cap).mul_f64(fastrand::f64());
        }
        (first / 10).max(cap.mul_f64(fastrand::f64()))
    }

    /// Waits without a link, taking samples meanwhile; true when it is to stop.
    async fn wait(&mut self, wait: Duration, orders: &mut watch::Receiver<Orders>) -> bool {
        let until = Instant::now() + wait;
        loop {
            let order = orders.borrow_and_update().order;
            if order == Order::Stop {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
            let next = if order == Order::Run { until.min(self.due.metrics) } else { until };
            tokio::select! {
                () = sleep_until(next) => {}
                changed = orders.changed() => if changed.is_err() { return true },
            }
            if order == Order::Run {
                self.take_samples();
            }
        }
    }

    /// Takes the samples that are due.
    fn take_samples(&mut self) {
        let (now, interval) = (Instant::now(), self.metrics_interval());
        let mut messages = 0;
        while self.due.metrics <= now && messages < CATCH_UP_MAX {
            let behind = TimeDelta::from_std(now - self.due.metrics).unwrap_or_default();
            self.due.metrics += interval;
            messages += 1;
            self.logs.write(self.machine.seed(), Utc::now(), self.rhythm.logs);
            let step = TimeDelta::from_std(interval / self.rhythm.samples.max(1)).unwrap_or_default();
            for back in (0..self.rhythm.samples).rev() {
                let at = match self.rhythm.stamps {
                    Stamps::Now => Utc::now() - behind - step * i32::try_from(back).unwrap_or(0),
                    Stamps::From(first, step) => {
                        first + step * i32::try_from(self.stamped).unwrap_or(i32::MAX)
                    }
                };
                self.stamped += 1;
                // Two samples of one moment would be one sample.
                let at = at.max(self.last_stamp + TimeDelta::milliseconds(1));
                self.last_stamp = at;
                self.spool.push(at);
            }
        }
        if self.due.metrics <= now {
            self.due.metrics = now + interval;
        }
        self.publish();
    }

    /// Tells the fleet where the samples and the log entries are.
    fn publish(&mut self) {
        let (count, logs) = (self.spool.count(), self.logs.count().entries);
        self.ledger.moved(self.published, count);
        self.ledger.logs_moved(self.published_logs, logs);
        (self.published, self.published_logs) = (count, logs);
    }

    /// A token that is still good for a while.
    async fn token(&mut self) -> Result<String, Trouble> {
        if let Some(current) = self.current.as_ref().filter(|current| Instant::now() < current.renew_at) {
            return Ok(current.token.clone());
        }
        self.current = None;
        let started = Instant::now();
        let answer = self.identity.token(&self.door).await?;
        self.tally.took(Kind::Token, self.identity.number, started.elapsed());
        // Each at its own moment, so that tokens made together do not end together.
        let life = (1.0 - RENEW_BELOW) * (0.75 + 0.25 * self.place(4));
        let life = Duration::from_secs(u64::from(answer.expires_in_seconds)).mul_f64(life);
        let token = answer.agent_token;
        self.current = Some(Current { token: token.clone(), renew_at: Instant::now() + life });
        Ok(token)
    }

    /// Opens a socket up to the welcome; a token that is refused is replaced once.
    async fn open(&mut self) -> Result<Socket, Trouble> {
        let number = self.identity.number;
        let mut fresh = self.current.is_none();
        let (mut socket, started) = loop {
            let token = self.token().await?;
            let started = Instant::now();
            match Socket::open(&self.door, Some(&token)).await.map_err(|error| Trouble::from(*error)) {
                Ok(socket) => break (socket, started),
                Err(Trouble::Refused { status: 401, .. }) if !fresh => {
                    self.current = None;
                    fresh = true;
                }
                Err(trouble) => return Err(trouble),
            }
        };
        self.tally.took(Kind::Connect, number, started.elapsed());
        let started = Instant::now();
        let before = self.lost.map(|(_, reason)| previous(reason));
        let welcome =
            socket.greet(Hello { running: self.running.clone(), ..self.machine.hello(before) }).await?;
        self.tally.took(Kind::Welcome, number, started.elapsed());
        self.arrive(welcome.settings, welcome.known);
        Ok(socket)
    }

    /// The server said what it wants and has.
    fn arrive(&mut self, settings: Settings, known: Known) {
        if let Some((at, _)) = self.lost.take() {
            self.tally.took(Kind::Back, self.identity.number, at.elapsed());
        }
        self.settings = settings.bounded();
        self.known = known;
        self.monitored = None;
        let now = Instant::now();
        self.due.heartbeat = now + self.heartbeat_interval().mul_f64(self.place(5));
        // What the server does not have at all is sent soon, what it has is looked at in time.
        let interval = self.inventory_interval();
        let new = self.known.facts.is_none() || self.known.software.is_none();
        let longest = if new { interval.min(self.manner.inventory_within) } else { interval };
        self.due.inventory = now + longest.mul_f64(self.place(6));
        let stays = self.manner.stays;
        if let (None, Some(updates)) = (self.due.update, self.manner.updates) {
            self.due.update = Some(now + updates.every.mul_f64(fastrand::f64()));
        }
        self.due.leave = stays.map(|stays| now + stays.mul_f64(0.5 + fastrand::f64()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of what a function's future needs for as long as it lives.
    fn size<F>(_: impl FnOnce(Agent, watch::Receiver<Orders>) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn an_agent_is_small_because_there_are_ten_thousand() {
        let bytes = size(Agent::run);
        assert!(bytes < 5 * 1024, "{bytes} bytes");
    }
}
