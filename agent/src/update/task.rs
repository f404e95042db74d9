//! The one task that speaks with the supervisor: what it asks for is done beside, so that it is always heard.

use super::{
    Updates,
    channel::Channel,
    desk::{Desk, Done, Hands},
};
use crate::{
    command::Commands, event::Events, log_tail::Outbox, paths::Paths, phase::Phase, spool::SharedSpool,
    timing::Timing, token::DeviceApi,
};
use entity::metric::MetricSample;
use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use updater::channel::ToAgent;

/// What shows that the agent does what it is for.
#[derive(Clone, Debug)]
pub struct Vital {
    /// Samples to send.
    pub spool: SharedSpool<MetricSample>,
    /// Log entries to send.
    pub logs: Outbox,
    /// Facts were gathered.
    pub has_facts: Arc<AtomicBool>,
}

/// Everything the task works with.
pub struct Task {
    /// The agent's files.
    pub paths: Paths,
    /// Waits.
    pub timing: Timing,
    /// What the agent is doing with itself.
    pub phase: Phase,
    /// What is known of updates.
    pub updates: Updates,
    /// The way to the supervisor.
    pub channel: Channel,
    /// Requests on behalf of this device.
    pub device: DeviceApi,
    /// What people ask this device to do.
    pub commands: Commands,
    /// What shows that the agent works.
    pub vital: Vital,
    /// Where events go.
    pub events: Events,
    /// Told of every event.
    pub work: Arc<Notify>,
    /// Between two questions to the server.
    pub interval: Duration,
    /// True: the person at the machine is told when another version is put in place.
    pub shows_notices: bool,
    /// Set once the supervisor wants the agent to end.
    pub ended: watch::Sender<bool>,
}

/// What happens next.
enum Step {
    Heard(Option<ToAgent>),
    Done(Done),
    Beat,
    Ask,
    Receipt,
    Wish,
    Stored,
}

impl Task {
    /// Answers until the supervisor wants the agent to end.
    pub async fn run(mut self) {
        let hands = Hands {
            paths: self.paths,
            phase: self.phase,
            updates: self.updates,
            commands: self.commands,
            vital: self.vital,
            events: self.events,
            work: self.work,
            shows_notices: self.shows_notices,
        };
        let mut desk = Desk::new(&hands, self.channel.out(), self.device, &self.timing, self.interval);
        let mut beat = interval(self.timing.update_beat);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let receipt = desk.receipts.next();
            let step = tokio::select! {
                heard = self.channel.hear() => Step::Heard(heard),
                Some(Ok(done)) = desk.jobs.join_next() => Step::Done(done),
                _ = beat.tick() => Step::Beat,
                () = sleep_until(desk.plan.next()) => Step::Ask,
                () = sleep_until(receipt.unwrap_or_else(Instant::now)), if receipt.is_some() => Step::Receipt,
                () = hands.updates.wished() => Step::Wish,
                () = hands.updates.stored() => Step::Stored,
            };
            match step {
                Step::Heard(Some(message)) => desk.hear(&hands, message),
                Step::Heard(None) => {
                    tracing::info!("the supervisor wants the agent to end");
                    self.ended.send_replace(true);
                    return;
                }
                Step::Done(done) => desk.done(&hands, done),
                Step::Beat => desk.beat(&hands),
                Step::Ask => desk.ask(&hands),
                Step::Receipt => desk.ask_receipt(&hands),
                Step::Wish => desk.wish(&hands),
                Step::Stored => desk.stored(&hands),
            }
        }
    }
}
