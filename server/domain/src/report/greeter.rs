//! Writes down what hellos change: many devices' in one transaction, because a whole fleet says hello at once after a
//! restart, and a commit for each would take the disk half a minute.

use crate::{
    Clock, Error, Result,
    device::note,
    store::{Db, begin},
};
use chrono::{DateTime, Utc};
use entity::{
    activity::ActivityKind,
    id::{BusinessId, DeviceId},
    table::device,
};
use sea_orm::UpdateMany;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc, oneshot};

/// Hellos that may wait; beyond it devices are told to come back.
const QUEUE_MAX: usize = 4_096;
/// Hellos of one transaction.
const ARRIVALS_PER_COMMIT: usize = 256;
/// How soon a device may try again when the queue is full or the database failed.
const RETRY_AFTER_SECONDS: u32 = 3;

/// What one hello changes.
pub(super) struct Arrival {
    pub(super) device: DeviceId,
    pub(super) business: BusinessId,
    pub(super) at: DateTime<Utc>,
    pub(super) update: UpdateMany<device::Entity>,
    pub(super) notes: Vec<(ActivityKind, String)>,
}

type Job = (Arrival, oneshot::Sender<bool>);

/// The end of the queue that hellos hold; the task behind it ends with it.
pub(crate) struct Greeter(mpsc::Sender<Job>);

impl Greeter {
    /// Starts the task that writes.
    pub(crate) fn start(db: Db, turn: Option<Arc<Mutex<()>>>, clock: Arc<dyn Clock>) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(run(jobs, db, turn, clock));
        Self(queue)
    }

    /// Writes down what a hello changes; resolves after the commit.
    pub(super) async fn write(&self, arrival: Arrival) -> Result<()> {
        let busy = || Error::unavailable(RETRY_AFTER_SECONDS);
        let (done, committed) = oneshot::channel();
        self.0.try_send((arrival, done)).map_err(|_| busy())?;
        if committed.await.unwrap_or(false) { Ok(()) } else { Err(busy()) }
    }
}

async fn run(mut jobs: mpsc::Receiver<Job>, db: Db, turn: Option<Arc<Mutex<()>>>, clock: Arc<dyn Clock>) {
    let mut waiting: Vec<Job> = Vec::new();
    while jobs.recv_many(&mut waiting, ARRIVALS_PER_COMMIT).await > 0 {
        let together = commit(&db, turn.as_ref(), clock.now(), &waiting).await;
        let alone = together.is_err() && waiting.len() > 1;
        for job in waiting.drain(..) {
            // One that cannot be written, of a device that was just moved, say, is not the others' problem.
            let written = match &together {
                Ok(()) => Ok(()),
                Err(_) if alone => commit(&db, turn.as_ref(), clock.now(), std::slice::from_ref(&job)).await,
                Err(error) => Err(Error::Internal(error.to_string())),
            };
            if let Err(error) = &written {
                tracing::error!(%error, device.id = %job.0.device, "a hello was not written down");
            }
            // A device that has gone away will say hello again.
            let _ = job.1.send(written.is_ok());
        }
    }
}

async fn commit(db: &Db, turn: Option<&Arc<Mutex<()>>>, now: DateTime<Utc>, jobs: &[Job]) -> Result<()> {
    let change = begin(db, now, None, turn).await?;
    for (Arrival { device, business, at, update, notes }, _) in jobs {
        update.clone().exec(&*change).await?;
        for (kind, summary) in notes {
            note(&change, *device, *business, *at, *kind, summary.clone()).await?;
        }
    }
    change.commit_unattended().await
}
