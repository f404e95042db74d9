//! The link over plain HTTP, for agents whose network blocks sockets: the same messages, one request each.

use super::{Agent, End};
use crate::{
    Reply, Trouble,
    fleet::{Order, Orders},
    tally::Kind,
};
use entity::{
    presence::{DisconnectReason, LinkKind},
    wire::{Heartbeat, HeartbeatAnswer, Hello, LogsAnswer, MetricsAnswer, ToServer},
};
use serde::Serialize;
use std::time::Duration;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// Requests in a row without an answer after which the link counts as lost.
const MISSES_MAX: u32 = 3;
/// How long an agent whose sockets failed polls before it tries one again.
const SOCKET_RETRY: Duration = Duration::from_secs(30);

impl Agent {
    /// Polls until the server cannot be reached, or it is time to try a socket again.
    pub(super) async fn poll(&mut self, orders: &mut watch::Receiver<Orders>) -> End {
        let storms = orders.borrow_and_update().storms;
        let before = self.lost.map(|(_, reason)| crate::machine::previous(reason));
        let hello = Hello { running: self.running.clone(), ..self.machine.hello(before) };
        let hello = Some(Box::new(hello));
        let first =
            self.post_heartbeat(Heartbeat { link: LinkKind::Polling, hello, agent_state: None }).await;
        let answer = match first {
            Ok(answer) => answer,
            Err(trouble) => return self.gone(trouble),
        };
        self.arrive(answer.settings, answer.known);
        self.tally.up();
        let end = self.rounds(orders, storms).await;
        self.tally.down();
        end
    }

    async fn rounds(&mut self, orders: &mut watch::Receiver<Orders>, storms: u64) -> End {
        let socket_at = Instant::now() + SOCKET_RETRY;
        let mut misses = 0;
        let mut paused_until: Option<Instant> = None;
        loop {
            let order = orders.borrow_and_update().clone();
            if order.order == Order::Stop {
                return End::Stop;
            }
            if order.storms != storms {
                return End::Storm;
            }
            let now = Instant::now();
            if paused_until.is_none_or(|until| now >= until) {
                paused_until = None;
                match self.round(order.order).await {
                    Ok(()) => misses = 0,
                    Err(Trouble::Refused { status: 404 | 410, .. }) => return End::Revoked,
                    Err(trouble) => {
                        self.tally.trouble("poll", &trouble);
                        misses += u32::from(trouble.retry_after_seconds().is_none());
                        if misses >= MISSES_MAX {
                            return End::Dropped(DisconnectReason::ConnectionLost, None);
                        }
                        paused_until = Some(now + self.wait_of(trouble.retry_after_seconds()));
                    }
                }
            } else if order.order == Order::Run {
                self.take_samples();
            }
            if !self.manner.polls && now >= socket_at {
                return End::Dropped(DisconnectReason::LinkChanged, Some(0));
            }
            if self.due.leave.is_some_and(|at| now >= at) {
                return End::Left;
            }
            let mut next = self.due.heartbeat.min(self.due.inventory).min(now + SOCKET_RETRY);
            if order.order == Order::Run {
                next = next.min(self.due.metrics);
            }
            let next = paused_until.map_or(next, |until| until.min(self.due.metrics.max(now)));
            tokio::select! {
                () = sleep_until(next.max(now + Duration::from_millis(1))) => {}
                changed = orders.changed() => if changed.is_err() { return End::Stop },
            }
        }
    }

    /// Does over HTTP what is due.
    async fn round(&mut self, order: Order) -> Result<(), Trouble> {
        let now = Instant::now();
        if now >= self.due.heartbeat {
            self.due.heartbeat = now + self.heartbeat_interval();
            let answer = self
                .post_heartbeat(Heartbeat { link: LinkKind::Polling, hello: None, agent_state: None })
                .await?;
            self.settings = answer.settings.bounded();
            self.known = answer.known;
            Box::pin(self.poll_commands()).await?;
        }
        if order == Order::Run && now >= self.due.metrics {
            self.take_samples();
        }
        while let Some(logs) = self.logs.next() {
            let answer: LogsAnswer = self.post("logs", &logs).await?;
            self.logs.acknowledge(answer.position);
            self.publish();
        }
        while let Some(batch) = self.spool.batch(self.rhythm.samples_max) {
            let started = Instant::now();
            let body = self.metrics(&batch);
            let answer: MetricsAnswer = self.post("metrics", &body).await?;
            self.tally.took(Kind::PollMetrics, self.identity.number, started.elapsed());
            self.spool.acknowledge(answer.position.min(batch.position), batch.dropped_total);
            self.publish();
        }
        if now >= self.due.inventory {
            self.due.inventory = now + self.inventory_interval();
            for (path, message) in self.inventory() {
                self.post_report(path, &message).await?;
                self.note_sent(&message);
            }
            if let Some(event) = self.event.take() {
                self.post_body("events", &event).await?;
            }
        }
        Ok(())
    }

    async fn post_heartbeat(&mut self, heartbeat: Heartbeat) -> Result<HeartbeatAnswer, Trouble> {
        let started = Instant::now();
        let answer = self.post("heartbeat", &heartbeat).await?;
        self.tally.took(Kind::PollHeartbeat, self.identity.number, started.elapsed());
        Ok(answer)
    }

    /// Posts a report to its own address.
    pub(super) async fn post_report(
        &mut self,
        path: &'static str,
        message: &ToServer,
    ) -> Result<(), Trouble> {
        let started = Instant::now();
        match message {
            ToServer::Services(services) => self.post_body(path, services).await?,
            ToServer::Software(software) => self.post_body(path, software).await?,
            ToServer::Facts(facts) => self.post_body(path, facts).await?,
            ToServer::MonitoredServices(monitored) => self.post_body(path, monitored).await?,
            _ => return Ok(()),
        }
        self.tally.took(Kind::Inventory, self.identity.number, started.elapsed());
        Ok(())
    }

    async fn post<A: serde::de::DeserializeOwned>(
        &mut self,
        path: &'static str,
        body: &(impl Serialize + Sync),
    ) -> Result<A, Trouble> {
        self.reply(path, body).await?.read()
    }

    async fn post_body(&mut self, path: &'static str, body: &(impl Serialize + Sync)) -> Result<(), Trouble> {
        self.reply(path, body).await?.good()
    }

    /// Posts in the name of this device; a token that is refused is replaced once.
    async fn reply(&mut self, path: &'static str, body: &(impl Serialize + Sync)) -> Result<Reply, Trouble> {
        self.reply_to(path, path, body).await
    }

    /// Asks in the name of this device; a token that is refused is replaced once.
    pub(super) async fn get<A: serde::de::DeserializeOwned>(
        &mut self,
        path: &'static str,
    ) -> Result<A, Trouble> {
        let whole = format!("{}/{path}", self.identity.device);
        let token = self.token().await?;
        let reply = self.door.get(&whole, &token).await?;
        if reply.status != 401 {
            return reply.read();
        }
        self.current = None;
        let token = self.token().await?;
        self.door.get(&whole, &token).await?.read()
    }

    /// Posts to a path that holds an id; counted as `what`.
    pub(super) async fn reply_to(
        &mut self,
        path: &str,
        what: &'static str,
        body: &(impl Serialize + Sync),
    ) -> Result<Reply, Trouble> {
        let whole = format!("{}/{path}", self.identity.device);
        let token = self.token().await?;
        self.tally.sent(what);
        let reply = self.door.post(&whole, Some(&token), body).await?;
        if reply.status != 401 {
            return Ok(reply);
        }
        self.current = None;
        let token = self.token().await?;
        self.door.post(&whole, Some(&token), body).await
    }

    fn gone(&self, trouble: Trouble) -> End {
        match trouble {
            Trouble::Refused { status: 404 | 410, .. } => End::Revoked,
            trouble => End::NotUp(trouble),
        }
    }
}
