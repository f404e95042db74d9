//! The spool as the tasks of the agent share it: file access happens off the one thread that serves the link.

use super::{Batch, Item, Spool};
use chrono::Utc;
use std::sync::{Arc, Mutex, PoisonError};

/// What a message takes besides its items, and some more.
const ENVELOPE_BYTES: usize = 256;

/// A spool in the hands of several tasks.
#[derive(Debug)]
pub struct SharedSpool<T> {
    spool: Arc<Mutex<Spool<T>>>,
    /// Most items of one message.
    items_max: usize,
}

impl<T> Clone for SharedSpool<T> {
    fn clone(&self) -> Self {
        Self { spool: Arc::clone(&self.spool), items_max: self.items_max }
    }
}

impl<T: Item + Send + 'static> SharedSpool<T> {
    /// Shares a spool; a message takes so many items at most.
    #[must_use]
    pub fn new(spool: Spool<T>, items_max: usize) -> Self {
        Self { spool: Arc::new(Mutex::new(spool)), items_max }
    }

    /// Does something with the spool, on the thread that calls.
    pub fn with_here<R>(&self, act: impl FnOnce(&mut Spool<T>) -> R) -> R {
        act(&mut self.spool.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn with<R: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Spool<T>) -> R + Send + 'static,
    ) -> Option<R> {
        let spool = self.clone();
        // It fails only when the agent is ending.
        tokio::task::spawn_blocking(move || spool.with_here(act)).await.ok()
    }

    /// Takes an item; answers why it could not be kept on disk, if so.
    pub async fn append(&self, item: T) -> Option<String> {
        self.with(|spool| {
            spool.append(item);
            spool.trouble().map(str::to_owned)
        })
        .await
        .flatten()
    }

    /// The oldest items that are not acknowledged, as many as one message of this size takes.
    pub async fn batch(&self, message_bytes_max: usize) -> Option<Batch<T>> {
        let (items_max, bytes_max) = (self.items_max, message_bytes_max - ENVELOPE_BYTES);
        self.with(move |spool| spool.batch(items_max, bytes_max)).await.flatten()
    }

    /// The server has everything up to `position`.
    pub async fn acknowledge(&self, position: u64) {
        self.with(move |spool| spool.acknowledge(position, Utc::now())).await;
    }

    /// Gives up items that the server refuses for what they are.
    pub async fn give_up(&self, batch: Batch<T>) {
        self.with(move |spool| spool.give_up(&batch)).await;
    }
}
