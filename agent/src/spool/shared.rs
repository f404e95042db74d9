//! The spool as the tasks of the agent share it: file access happens off the one thread that serves the link.

use super::{Batch, Item, Spool};
use chrono::Utc;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// What a message takes besides its items, and some more.
const ENVELOPE_BYTES: usize = 256;

/// What went through a spool since the process began.
#[derive(Debug, Default)]
pub struct Tally {
    taken: AtomicU64,
    acknowledged: AtomicU64,
    has_trouble: AtomicBool,
}

impl Tally {
    /// Items that were put in.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Batches that the server has acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// True: the last item could not be kept on disk.
    #[must_use]
    pub fn has_trouble(&self) -> bool {
        self.has_trouble.load(Ordering::Relaxed)
    }
}

/// A spool in the hands of several tasks.
#[derive(Debug)]
pub struct SharedSpool<T> {
    spool: Arc<Mutex<Spool<T>>>,
    tally: Arc<Tally>,
    /// Most items of one message.
    items_max: usize,
}

impl<T> Clone for SharedSpool<T> {
    fn clone(&self) -> Self {
        Self { spool: Arc::clone(&self.spool), tally: Arc::clone(&self.tally), items_max: self.items_max }
    }
}

impl<T: Item + Send + 'static> SharedSpool<T> {
    /// Shares a spool; a message takes so many items at most.
    #[must_use]
    pub fn new(spool: Spool<T>, items_max: usize) -> Self {
        Self { spool: Arc::new(Mutex::new(spool)), tally: Arc::default(), items_max }
    }

    /// What went through it.
    #[must_use]
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
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
        let trouble = self
            .with(|spool| {
                spool.append(item);
                spool.trouble().map(str::to_owned)
            })
            .await
            .flatten();
        self.tally.taken.fetch_add(1, Ordering::Relaxed);
        self.tally.has_trouble.store(trouble.is_some(), Ordering::Relaxed);
        trouble
    }

    /// Tries once more to keep on disk what waits in memory; what is on disk is there for good already.
    pub async fn flush(&self) {
        self.with(|spool| spool.append_all(std::iter::empty())).await;
    }

    /// The oldest items that are not acknowledged, as many as one message of this size takes.
    pub async fn batch(&self, message_bytes_max: usize) -> Option<Batch<T>> {
        let (items_max, bytes_max) = (self.items_max, message_bytes_max - ENVELOPE_BYTES);
        self.with(move |spool| spool.batch(items_max, bytes_max)).await.flatten()
    }

    /// The server has everything up to `position`.
    pub async fn acknowledge(&self, position: u64) {
        self.tally.acknowledged.fetch_add(1, Ordering::Relaxed);
        self.with(move |spool| spool.acknowledge(position, Utc::now())).await;
    }

    /// Gives up items that the server refuses for what they are.
    pub async fn give_up(&self, batch: Batch<T>) {
        self.with(move |spool| spool.give_up(&batch)).await;
    }
}
