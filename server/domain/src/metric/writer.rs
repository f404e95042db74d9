//! The group-commit writer: a bounded queue, many devices' rows in one transaction, one fsync for all of them.
//! A device is acknowledged after the commit and not before.

use crate::{
    Clock, Error, Result,
    device::note,
    store::{Change, Db, begin, statement},
};
use chrono::{DateTime, Utc};
use entity::{
    activity::ActivityKind,
    id::{BusinessId, DeviceId},
    metric::MetricSample,
    portal_event::PortalEvent,
    table::device,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, Value, sea_query::Expr,
};
use std::sync::{Arc, PoisonError};
use tokio::{
    sync::{Mutex, broadcast, mpsc, oneshot},
    task::JoinHandle,
};

/// Batches that may wait; beyond it devices are told to come back.
const QUEUE_MAX: usize = 1_024;
/// Batches of one transaction.
const BATCHES_PER_COMMIT: usize = 256;
/// Rows of one statement: 15 values each, well below both engines' limits.
const ROWS_PER_STATEMENT: usize = 1_000;
/// How soon a device may try again when the queue is full or the database failed.
const RETRY_AFTER_SECONDS: u32 = 5;

/// One row of `agent_metrics`, in the order of its columns.
pub(super) struct Row([Value; 14]);

impl Row {
    pub(super) fn of(sample: &MetricSample) -> Self {
        let whole = |value: Option<u64>| Value::from(value.and_then(|v| i64::try_from(v).ok()));
        let real = |value: Option<f32>| Value::from(value.map(f64::from));
        let load = |index: usize| real(sample.load_average.map(|load| load[index]));
        Self([
            sample.collected_at.timestamp_millis().into(),
            real(sample.cpu_percent),
            whole(sample.memory_used_bytes),
            real(sample.memory_percent),
            whole(sample.swap_used_bytes),
            whole(sample.disk_used_bytes()),
            real(sample.disk_percent()),
            load(0),
            load(1),
            load(2),
            whole(sample.uptime_seconds),
            whole(sample.network_rx_bytes),
            whole(sample.network_tx_bytes),
            Value::from(sample.process_count.map(i64::from)),
        ])
    }
}

/// The newest sample of a batch, whole.
pub(super) struct Latest {
    collected_at: DateTime<Utc>,
    cpu_percent: Option<f32>,
    memory_percent: Option<f32>,
    disk_percent: Option<f32>,
    json: String,
}

impl Latest {
    pub(super) fn of(sample: &MetricSample) -> Result<Self> {
        Ok(Self {
            collected_at: sample.collected_at,
            cpu_percent: sample.cpu_percent,
            memory_percent: sample.memory_percent,
            disk_percent: sample.disk_percent(),
            json: serde_json::to_string(sample).map_err(|error| Error::Internal(error.to_string()))?,
        })
    }
}

/// What one message of one device brings.
pub(super) struct Batch {
    pub(super) device_key: i64,
    pub(super) device_id: DeviceId,
    pub(super) business_id: BusinessId,
    pub(super) rows: Vec<Row>,
    pub(super) latest: Option<Latest>,
    pub(super) dropped_total: i64,
}

type Job = (Batch, oneshot::Sender<bool>);

/// The end of the queue that verbs hold.
pub(crate) struct Writer {
    queue: std::sync::Mutex<Option<mpsc::Sender<Job>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the task that writes.
    pub(crate) fn start(
        db: Db,
        turn: Option<Arc<Mutex<()>>>,
        events: broadcast::Sender<PortalEvent>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        let task = tokio::spawn(run(jobs, db, turn, events, clock));
        Self { queue: std::sync::Mutex::new(Some(queue)), task: Mutex::new(Some(task)) }
    }

    /// Writes a batch; resolves after its commit.
    pub(super) async fn write(&self, batch: Batch) -> Result<()> {
        let busy = || Error::unavailable(RETRY_AFTER_SECONDS);
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(busy)?;
        let (done, committed) = oneshot::channel();
        queue.try_send((batch, done)).map_err(|_| busy())?;
        if committed.await.unwrap_or(false) { Ok(()) } else { Err(busy()) }
    }

    /// Takes no more, writes what waits, and ends.
    pub(crate) async fn stop(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = self.task.lock().await.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the metrics writer ended badly");
        }
    }
}

async fn run(
    mut jobs: mpsc::Receiver<Job>,
    db: Db,
    turn: Option<Arc<Mutex<()>>>,
    events: broadcast::Sender<PortalEvent>,
    clock: Arc<dyn Clock>,
) {
    let mut waiting: Vec<Job> = Vec::with_capacity(BATCHES_PER_COMMIT);
    while jobs.recv_many(&mut waiting, BATCHES_PER_COMMIT).await > 0 {
        let result = async {
            let change = begin(&db, clock.now(), None, turn.as_ref()).await?;
            insert_rows(&change, &waiting).await?;
            upsert_latest(&change, &waiting, clock.now()).await?;
            note_dropped(&change, &waiting, clock.now()).await?;
            change.commit_unattended().await
        }
        .await;
        if let Err(error) = &result {
            tracing::error!(%error, batches = waiting.len(), "samples were not stored; agents keep them");
        }
        for (batch, done) in waiting.drain(..) {
            if result.is_ok()
                && let Some(latest) = &batch.latest
            {
                // Nobody listening is fine.
                let _ = events.send(PortalEvent::Metrics {
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
}

async fn insert_rows(change: &Change, jobs: &[Job]) -> Result<()> {
    let rows: Vec<(i64, &Row)> = jobs
        .iter()
        .flat_map(|(batch, _)| batch.rows.iter().map(move |row| (batch.device_key, row)))
        .collect();
    for chunk in rows.chunks(ROWS_PER_STATEMENT) {
        let line = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let sql = format!(
            "INSERT INTO agent_metrics (device_key, collected_at, cpu_percent, memory_used_bytes, memory_percent, \
             swap_used_bytes, disk_used_bytes, disk_percent, load_average_1m, load_average_5m, load_average_15m, \
             uptime_seconds, network_rx_bytes, network_tx_bytes, process_count) VALUES {} \
             ON CONFLICT (device_key, collected_at) DO NOTHING",
            vec![line; chunk.len()].join(", ")
        );
        let values = chunk
            .iter()
            .flat_map(|(key, row)| std::iter::once(Value::from(*key)).chain(row.0.iter().cloned()));
        change.execute_raw(statement(change.get_database_backend(), &sql, values)).await?;
    }
    Ok(())
}

async fn upsert_latest(change: &Change, jobs: &[Job], now: DateTime<Utc>) -> Result<()> {
    for (batch, _) in jobs {
        let Some(latest) = &batch.latest else { continue };
        let sql = "INSERT INTO device_latest \
             (device_key, collected_at, received_at, cpu_percent, memory_percent, disk_percent, sample) \
             VALUES (?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (device_key) DO UPDATE SET collected_at = excluded.collected_at, \
             received_at = excluded.received_at, cpu_percent = excluded.cpu_percent, \
             memory_percent = excluded.memory_percent, disk_percent = excluded.disk_percent, \
             sample = excluded.sample WHERE excluded.collected_at >= device_latest.collected_at";
        let values = [
            batch.device_key.into(),
            latest.collected_at.timestamp_millis().into(),
            now.into(),
            latest.cpu_percent.map(f64::from).into(),
            latest.memory_percent.map(f64::from).into(),
            latest.disk_percent.map(f64::from).into(),
            latest.json.as_str().into(),
        ];
        change.execute_raw(statement(change.get_database_backend(), sql, values)).await?;
    }
    Ok(())
}

/// A larger total than before is an event: an operator should know that samples are missing.
async fn note_dropped(change: &Change, jobs: &[Job], now: DateTime<Utc>) -> Result<()> {
    for (batch, _) in jobs.iter().filter(|(batch, _)| batch.dropped_total > 0) {
        let moved = device::Entity::update_many()
            .col_expr(device::Column::SamplesDropped, Expr::value(batch.dropped_total))
            .filter(device::Column::Id.eq(batch.device_id))
            .filter(device::Column::SamplesDropped.lt(batch.dropped_total))
            .exec(&**change)
            .await?;
        if moved.rows_affected == 1 {
            let summary = format!("The agent has dropped {} samples in all", batch.dropped_total);
            note(change, batch.device_id, batch.business_id, now, ActivityKind::SamplesDropped, summary)
                .await?;
        }
    }
    Ok(())
}
