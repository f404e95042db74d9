//! Many agents in one process: their orders, the sum of their samples, and their end.

use crate::{Agent, Door, Identity, Machine, Rhythm, Tally, Updates, log::LogCount, spool::Count};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};

/// What a fleet does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Everything that agents do.
    #[default]
    Run,
    /// No new samples; those that wait are sent.
    Drain,
    /// The end.
    Stop,
}

/// What all agents of a fleet listen to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders {
    pub(crate) order: Order,
    /// Grows when all are to come back at once.
    pub(crate) storms: u64,
}

/// How one agent differs from the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Manner {
    /// It sends samples so many times as often as the rhythm says.
    pub weight: f64,
    /// It polls over HTTP from the beginning.
    pub polls: bool,
    /// It begins at its own moment within this time.
    pub begins_within: Duration,
    /// What the server has never had of it is sent within this time.
    pub inventory_within: Duration,
    /// It leaves after about so long, again and again.
    pub stays: Option<Duration>,
    /// And is away for about so long.
    pub stays_away: Duration,
    /// It waits so long before it reads the next message.
    pub reads_after: Duration,
    /// It takes so long to write one.
    pub writes_within: Duration,
    /// It takes updates, over a socket only.
    pub updates: Option<Updates>,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            weight: 1.0,
            polls: false,
            begins_within: Duration::from_secs(1),
            inventory_within: Duration::from_secs(60),
            stays: None,
            stays_away: Duration::from_secs(10),
            reads_after: Duration::ZERO,
            writes_within: Duration::ZERO,
            updates: None,
        }
    }
}

/// The sum of all spools, while they change.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    produced: AtomicI64,
    acked: AtomicI64,
    spooled: AtomicI64,
    dropped: AtomicI64,
    reported: AtomicI64,
    logs_spooled: AtomicI64,
    logs_dropped: AtomicI64,
}

impl Ledger {
    /// One agent's samples went from there to here.
    pub(crate) fn moved(&self, before: Count, after: Count) {
        add(&self.produced, before.produced, after.produced);
        add(&self.acked, before.acked, after.acked);
        add(&self.spooled, before.spooled, after.spooled);
        add(&self.dropped, before.dropped, after.dropped);
        add(&self.reported, before.dropped_and_reported, after.dropped_and_reported);
    }

    /// One agent's log entries went from there to here.
    pub(crate) fn logs_moved(&self, before: Count, after: Count) {
        add(&self.logs_spooled, before.spooled, after.spooled);
        add(&self.logs_dropped, before.dropped, after.dropped);
    }

    fn count(&self) -> Count {
        let get = |sum: &AtomicI64| u64::try_from(sum.load(Ordering::Relaxed)).unwrap_or(0);
        Count {
            produced: get(&self.produced),
            acked: get(&self.acked),
            spooled: get(&self.spooled),
            dropped: get(&self.dropped),
            dropped_and_reported: get(&self.reported),
        }
    }
}

fn add(sum: &AtomicI64, before: u64, after: u64) {
    if before != after {
        sum.fetch_add(after.cast_signed() - before.cast_signed(), Ordering::Relaxed);
    }
}

/// Agents that run.
pub struct Fleet {
    tasks: JoinSet<(Count, LogCount)>,
    orders: watch::Sender<Orders>,
    ledger: Arc<Ledger>,
    tally: Arc<Tally>,
    size: usize,
}

impl Fleet {
    /// Starts an agent for every identity. `machine` is the fleet's seed; `manner` says how the agent with a number
    /// differs.
    #[must_use]
    pub fn start(
        door: &Door,
        identities: Vec<Identity>,
        rhythm: Rhythm,
        seed: u64,
        tally: &Arc<Tally>,
        manner: impl Fn(usize, &Identity) -> Manner,
    ) -> Self {
        let (orders, heard) = watch::channel(Orders::default());
        let (ledger, rhythm) = (Arc::<Ledger>::default(), Arc::new(rhythm));
        let size = identities.len();
        let mut tasks = JoinSet::new();
        for (number, identity) in identities.into_iter().enumerate() {
            let manner = manner(number, &identity);
            let agent = Agent::new(
                identity,
                Machine::of_fleet(seed, number),
                door.clone(),
                Arc::clone(tally),
                Arc::clone(&ledger),
                Arc::clone(&rhythm),
                manner,
            );
            tasks.spawn(agent.run(heard.clone()));
        }
        Self { tasks, orders, ledger, tally: Arc::clone(tally), size }
    }

    /// How many agents there are.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Gives an order to all.
    pub fn order(&self, order: Order) {
        self.orders.send_modify(|orders| orders.order = order);
    }

    /// Ends every link at once; all come back at once.
    pub fn storm(&self) {
        self.orders.send_modify(|orders| orders.storms += 1);
    }

    /// Where the samples of all agents are, at about this moment.
    #[must_use]
    pub fn count(&self) -> Count {
        self.ledger.count()
    }

    /// Log entries that wait, and those that were given up, at about this moment.
    #[must_use]
    pub fn logs(&self) -> (u64, u64) {
        let get = |sum: &AtomicI64| u64::try_from(sum.load(Ordering::Relaxed)).unwrap_or(0);
        (get(&self.ledger.logs_spooled), get(&self.ledger.logs_dropped))
    }

    /// Waits until so many links are up; the time it took, or none when it took too long.
    pub async fn connected(&self, links: usize, patience: Duration) -> Option<Duration> {
        let started = Instant::now();
        while self.tally.connected() < links as u64 {
            if started.elapsed() > patience {
                return None;
            }
            sleep(Duration::from_millis(20)).await;
        }
        Some(started.elapsed())
    }

    /// Takes no more samples and waits until neither samples nor log entries wait; true when none do.
    pub async fn drain(&self, patience: Duration) -> bool {
        self.order(Order::Drain);
        let started = Instant::now();
        while self.count().spooled > 0 || self.logs().0 > 0 {
            if started.elapsed() > patience {
                return false;
            }
            sleep(Duration::from_millis(20)).await;
        }
        true
    }

    /// Ends all agents in order; where their samples are, counted anew from every spool.
    pub async fn stop(self) -> Count {
        self.stop_with_logs().await.0
    }

    /// The same, and where their log lines are.
    pub async fn stop_with_logs(mut self) -> (Count, LogCount) {
        self.order(Order::Stop);
        let (mut sum, mut logs) = (Count::default(), LogCount::default());
        while let Some(ended) = self.tasks.join_next().await {
            match ended {
                Ok((count, lines)) => {
                    if !count.holds() || !lines.entries.holds() {
                        self.tally.unexpected(&format!("a spool that does not add up: {count:?} {lines:?}"));
                    }
                    sum += count;
                    logs.entries += lines.entries;
                    logs.suppressed += lines.suppressed;
                }
                Err(error) => self.tally.unexpected(&format!("an agent ended badly: {error}")),
            }
        }
        (sum, logs)
    }

    /// Ends all agents at once, without a word.
    pub fn kill(mut self) {
        self.tasks.abort_all();
    }
}
