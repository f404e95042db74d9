//! The spool as the tasks of the agent share it: file access happens off the one thread that serves the link.

use super::{Batch, Spool};
use chrono::Utc;
use entity::{metric::MetricSample, wire::limits::SAMPLES_PER_MESSAGE_MAX};
use std::sync::{Arc, Mutex, PoisonError};

/// A spool in the hands of several tasks.
#[derive(Clone, Debug)]
pub struct SharedSpool(Arc<Mutex<Spool>>);

impl SharedSpool {
    /// Shares a spool.
    #[must_use]
    pub fn new(spool: Spool) -> Self {
        Self(Arc::new(Mutex::new(spool)))
    }

    async fn with<T: Send + 'static>(&self, act: impl FnOnce(&mut Spool) -> T + Send + 'static) -> Option<T> {
        let spool = Arc::clone(&self.0);
        // It fails only when the agent is ending.
        tokio::task::spawn_blocking(move || act(&mut spool.lock().unwrap_or_else(PoisonError::into_inner)))
            .await
            .ok()
    }

    /// Takes a sample; answers why it could not be kept on disk, if so.
    pub async fn append(&self, sample: MetricSample) -> Option<String> {
        self.with(|spool| {
            spool.append(sample);
            spool.trouble().map(str::to_owned)
        })
        .await
        .flatten()
    }

    /// The oldest samples that are not acknowledged.
    pub async fn batch(&self) -> Option<Batch> {
        self.with(|spool| spool.batch(SAMPLES_PER_MESSAGE_MAX)).await.flatten()
    }

    /// The server has everything up to `position`.
    pub async fn acknowledge(&self, position: u64) {
        self.with(move |spool| spool.acknowledge(position, Utc::now())).await;
    }

    /// Gives up samples that the server refuses for what they are.
    pub async fn give_up(&self, batch: Batch) {
        self.with(move |spool| spool.give_up(&batch)).await;
    }
}
