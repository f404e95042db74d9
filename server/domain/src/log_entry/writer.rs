//! The writer of log entries: a bounded, fair queue, many devices' entries in one transaction, one fsync for all of them.
//! What they mean for alerts is decided in the same transaction, so that neither is there without the other.

use super::insert::{Row, insert, note_totals};
use crate::{
    Clock, Error, Result, alert,
    metric::queue::{self, Queue, Room},
    store::{Db, begin},
    telemetry::Telemetry,
};
use entity::{
    id::{BusinessId, DeviceId},
    portal_event::PortalEvent,
};
use std::sync::{Arc, PoisonError};
use tokio::{
    sync::{Mutex, broadcast, oneshot},
    task::JoinHandle,
};

/// What may wait. A commit of this many entries takes some 20 ms on a small machine.
const ROOM: Room =
    Room { entries: 2_048, bytes: 32 << 20, taken_alone: 128, taken_shared: 128, taken_bytes: 1 << 20 };
/// How soon a device may try again when there is no room or the database failed.
const RETRY_AFTER_SECONDS: u32 = 5;

/// What one message of one device brings.
pub(super) struct Batch {
    pub(super) device_key: i64,
    pub(super) device_id: DeviceId,
    pub(super) business_id: BusinessId,
    pub(super) rows: Vec<Row>,
    /// Entries that the agent has dropped in all.
    pub(super) dropped: i64,
    /// Lines that the agent has left out in all.
    pub(super) suppressed: i64,
}

impl Batch {
    /// Is there nothing to write?
    pub(super) const fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.dropped == 0 && self.suppressed == 0
    }
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
        size_of::<Self>() + self.batch.rows.iter().map(Row::bytes).sum::<usize>()
    }
}

/// The end of the queue that verbs hold.
pub(crate) struct LogWriter {
    queue: Arc<Queue<Job>>,
    task: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl LogWriter {
    /// Starts the task that writes.
    pub(crate) fn start(
        db: Db,
        turn: Option<Arc<Mutex<()>>>,
        events: broadcast::Sender<PortalEvent>,
        clock: Arc<dyn Clock>,
        telemetry: Telemetry,
    ) -> Self {
        let queue = Arc::new(Queue::new(ROOM));
        let desk = Desk { db, turn, events, clock, telemetry };
        let task = tokio::spawn(run(Arc::clone(&queue), desk));
        Self { queue, task: std::sync::Mutex::new(Some(task)) }
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

    /// Takes no more, writes what waits, and ends.
    pub(crate) async fn stop(&self) {
        self.queue.close();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the writer of log entries ended badly");
        }
    }
}

/// What writing needs.
struct Desk {
    db: Db,
    turn: Option<Arc<Mutex<()>>>,
    events: broadcast::Sender<PortalEvent>,
    clock: Arc<dyn Clock>,
    telemetry: Telemetry,
}

async fn run(queue: Arc<Queue<Job>>, desk: Desk) {
    while let Some(jobs) = queue.take().await {
        let together = desk.commit(&jobs).await;
        let alone = together.is_err() && jobs.len() > 1;
        for job in jobs {
            // One that cannot be written, of a device that was just moved, say, is not the others' problem.
            let written = match &together {
                Ok(()) => Ok(()),
                Err(_) if alone => desk.commit(std::slice::from_ref(&job)).await,
                Err(error) => Err(Error::Internal(error.to_string())),
            };
            if let Err(error) = &written {
                tracing::error!(%error, device.id = %job.batch.device_id, "log entries were not stored; the agent keeps them");
            }
            // An agent that has gone away will send its spool again.
            let _ = job.done.send(written.is_ok());
        }
    }
}

impl Desk {
    async fn commit(&self, jobs: &[Job]) -> Result<()> {
        let now = self.clock.now();
        let change = begin(&self.db, now, None, self.turn.as_ref()).await?;
        let rows: Vec<&Row> = jobs.iter().flat_map(|job| &job.batch.rows).collect();
        let mut errors = insert(&change, &rows).await?;
        let (mut events, mut begun) = (Vec::new(), 0);
        for Job { batch, .. } in jobs {
            if batch.dropped > 0 || batch.suppressed > 0 {
                note_totals(&change, batch.device_key, batch.dropped, batch.suppressed).await?;
            }
            if !batch.rows.is_empty() {
                events.push(PortalEvent::Logs { business_id: batch.business_id, device_id: batch.device_id });
            }
            // Two messages of a device in one commit are looked at together.
            if let Some(moments) = errors.remove(&batch.device_key) {
                let subject = alert::Subject {
                    device_key: batch.device_key,
                    device_id: batch.device_id,
                    business_id: batch.business_id,
                };
                if let Some(breach) = alert::look_at_errors(&change, subject, &moments, now).await? {
                    begun += u64::from(breach.is_new);
                    events.push(breach.event);
                }
            }
        }
        change.commit_unattended().await?;
        self.telemetry.alerts("begun", begun);
        for event in events {
            // Nobody listening is fine.
            let _ = self.events.send(event);
        }
        Ok(())
    }
}
