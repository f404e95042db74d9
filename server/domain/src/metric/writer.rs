//! The group-commit writer: a bounded, fair queue, many devices' batches in one transaction, one fsync for all of them.
//! A device is acknowledged after the commit and not before.

use super::{
    commit::{Commit, Entry, Latest, Payload, committer},
    queue::{self, Queue, Room},
};
use crate::{
    Clock, Error, Result, Store,
    device::note,
    store::{Db, begin, statement},
    telemetry::Telemetry,
};
use entity::{
    activity::ActivityKind,
    id::{BusinessId, DeviceId},
    portal_event::PortalEvent,
    table::device,
};
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};
use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Instant,
};
use tokio::{
    sync::{Mutex, Semaphore, broadcast, oneshot},
    task::JoinHandle,
};

/// What may wait. A commit of one fsync and of this many batches takes some 10 ms on a small machine.
const ROOM: Room =
    Room { entries: 8_192, bytes: 64 << 20, taken_alone: 512, taken_shared: 128, taken_bytes: 2 << 20 };
/// How soon a device may try again when there is no room or the database failed.
const RETRY_AFTER_SECONDS: u32 = 5;

/// What one message of one device brings.
pub(super) struct Batch {
    pub(super) device_key: i64,
    pub(super) device_id: DeviceId,
    pub(super) business_id: BusinessId,
    /// Its samples, and the newest of them whole.
    pub(super) samples: Option<(Payload, Latest)>,
    /// Samples that the agent has dropped in all.
    pub(super) dropped_total: i64,
}

struct Job {
    batch: Batch,
    done: oneshot::Sender<bool>,
}

impl queue::Entry for Job {
    fn business(&self) -> BusinessId {
        self.batch.business_id
    }

    fn bytes(&self) -> usize {
        let samples = self.batch.samples.as_ref();
        size_of::<Self>() + samples.map_or(0, |(payload, latest)| payload.bytes.len() + latest.json.len())
    }
}

/// The end of the queue that verbs hold.
pub(crate) struct Writer {
    queue: Arc<Queue<Job>>,
    task: Mutex<Option<JoinHandle<()>>>,
    /// There may be samples in `agent_metrics`, from before there were chunks.
    has_rows: AtomicBool,
    /// When that was looked at last, in milliseconds.
    looked_at: AtomicI64,
    /// The day for which there are partitions, in milliseconds.
    partitioned_at: AtomicI64,
}

impl Writer {
    /// Starts the task that writes.
    pub(crate) fn start(
        db: Db,
        turn: Option<Arc<Mutex<()>>>,
        events: broadcast::Sender<PortalEvent>,
        clock: Arc<dyn Clock>,
        telemetry: Telemetry,
    ) -> Self {
        let queue = Arc::new(Queue::new(ROOM));
        let commit = committer(&db, turn.clone());
        let dropped = std::sync::Mutex::default();
        let desk = Arc::new(Desk { commit, db, turn, events, clock, telemetry, dropped });
        let task = tokio::spawn(run(Arc::clone(&queue), desk));
        Self {
            queue,
            task: Mutex::new(Some(task)),
            has_rows: AtomicBool::new(true),
            looked_at: AtomicI64::new(i64::MIN),
            partitioned_at: AtomicI64::new(i64::MIN),
        }
    }

    /// Writes a batch; resolves after its commit.
    pub(super) async fn write(&self, batch: Batch) -> Result<()> {
        let busy = || Error::unavailable(RETRY_AFTER_SECONDS);
        let (done, committed) = oneshot::channel();
        let evicted = self.queue.push(Job { batch, done }).map_err(|_| busy())?;
        // Those who wait for them are told that they are busy.
        drop(evicted);
        if committed.await.unwrap_or(false) { Ok(()) } else { Err(busy()) }
    }

    /// How many messages wait, their bytes, and how many of each may.
    pub(crate) fn waiting(&self) -> [usize; 4] {
        let (entries, bytes) = self.queue.waiting();
        [entries, bytes, ROOM.entries, ROOM.bytes]
    }

    /// Takes no more, writes what waits, and ends.
    pub(crate) async fn stop(&self) {
        self.queue.close();
        if let Some(task) = self.task.lock().await.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the metrics writer ended badly");
        }
    }

    /// Whether there may be samples from before there were chunks. None are coming, except from an older server on the
    /// same database, so that it is asked again each minute only.
    pub(super) async fn has_rows(&self, store: &Store) -> Result<bool> {
        let now = store.now().timestamp_millis();
        let is_fresh = now.saturating_sub(self.looked_at.load(Ordering::Relaxed)) < 60_000;
        if !self.has_rows.load(Ordering::Relaxed) && is_fresh {
            return Ok(false);
        }
        let db = store.db();
        let sql = statement(db.get_database_backend(), "SELECT 1 FROM agent_metrics LIMIT 1", []);
        let has_rows = db.query_one_raw(sql).await?.is_some();
        self.has_rows.store(has_rows, Ordering::Relaxed);
        self.looked_at.store(now, Ordering::Relaxed);
        Ok(has_rows)
    }

    /// Whether nobody has seen to the partitions of this day yet, as far as this process knows; from now on somebody has.
    pub(super) fn begins_day(&self, day: i64) -> bool {
        self.partitioned_at.swap(day, Ordering::Relaxed) != day
    }
}

/// What writing needs.
struct Desk {
    commit: Arc<dyn Commit>,
    db: Db,
    turn: Option<Arc<Mutex<()>>>,
    events: broadcast::Sender<PortalEvent>,
    clock: Arc<dyn Clock>,
    telemetry: Telemetry,
    /// The totals of dropped samples that are written down; no more of them than devices.
    dropped: std::sync::Mutex<HashMap<i64, i64>>,
}

async fn run(queue: Arc<Queue<Job>>, desk: Arc<Desk>) {
    let at_once = desk.commit.at_once();
    let places = Arc::new(Semaphore::new(at_once));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Some(jobs) = queue.take().await else { break };
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            desk.write(jobs).await;
            drop(place);
        });
    }
    // What is under way is written before the writer has ended.
    let _ = places.acquire_many(u32::try_from(at_once).unwrap_or(u32::MAX)).await;
}

impl Desk {
    async fn write(&self, jobs: Vec<Job>) {
        let begun = Instant::now();
        let result = async {
            let entries: Vec<_> = jobs.iter().filter_map(|job| entry(&job.batch)).collect();
            if !entries.is_empty() {
                self.commit.commit(&entries, self.clock.now()).await?;
            }
            self.note_dropped(&jobs).await
        }
        .await;
        self.telemetry.commit(jobs.len(), begun.elapsed());
        if let Err(error) = &result {
            tracing::error!(%error, batches = jobs.len(), "samples were not stored; agents keep them");
        }
        for Job { batch, done } in jobs {
            if result.is_ok()
                && let Some((_, latest)) = &batch.samples
            {
                // Nobody listening is fine.
                let _ = self.events.send(PortalEvent::Metrics {
                    business_id: batch.business_id,
                    device_id: batch.device_id,
                    collected_at: latest.collected_at,
                    cpu_percent: latest.cpu_percent,
                    memory_percent: latest.memory_percent,
                    disk_percent: latest.disk_percent,
                });
            }
            // An agent that has gone away will send its spool again.
            let _ = done.send(result.is_ok());
        }
    }

    /// A larger total than before is an event: an operator should know that samples are missing.
    async fn note_dropped(&self, jobs: &[Job]) -> Result<()> {
        let risen: Vec<_> = {
            let known = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
            let is_new = |batch: &&Batch| {
                batch.dropped_total > known.get(&batch.device_key).copied().unwrap_or_default()
            };
            jobs.iter().map(|job| &job.batch).filter(is_new).collect()
        };
        if risen.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let change = begin(&self.db, now, None, self.turn.as_ref()).await?;
        for batch in &risen {
            let moved = device::Entity::update_many()
                .col_expr(device::Column::SamplesDropped, Expr::value(batch.dropped_total))
                .filter(device::Column::Id.eq(batch.device_id))
                .filter(device::Column::SamplesDropped.lt(batch.dropped_total))
                .exec(&*change)
                .await?;
            if moved.rows_affected == 1 {
                let summary = format!("The agent has dropped {} samples in all", batch.dropped_total);
                note(&change, batch.device_id, batch.business_id, now, ActivityKind::SamplesDropped, summary)
                    .await?;
            }
        }
        change.commit_unattended().await?;
        let mut known = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        for batch in risen {
            let total = known.entry(batch.device_key).or_default();
            *total = batch.dropped_total.max(*total);
        }
        Ok(())
    }
}

fn entry(batch: &Batch) -> Option<Entry<'_>> {
    let (payload, latest) = batch.samples.as_ref()?;
    Some(Entry { device_key: batch.device_key, payload, latest })
}
