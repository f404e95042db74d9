//! The task that looks at the logs at every interval, and what it shares with the link.

use super::{SystemLog, Tail};
use crate::{
    chance,
    paths::Paths,
    spool::{SharedSpool, Spool},
    timing::Timing,
};
use chrono::Utc;
use entity::{
    id::DeviceId,
    log_entry::{LogEntry, LogSources},
    wire::{Settings, limits::LOG_ENTRIES_PER_MESSAGE_MAX},
};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};
use tokio::{
    sync::{Notify, watch},
    task::spawn_blocking,
    time::{Instant, timeout_at},
};

/// Entries that wait for the server, and how many lines were left out in all.
#[derive(Clone, Debug)]
pub struct Outbox {
    /// The entries.
    pub spool: SharedSpool<LogEntry>,
    pub(super) suppressed: Arc<AtomicU64>,
}

impl Outbox {
    /// Opens the spool of entries.
    #[must_use]
    pub fn open(paths: &Paths, timing: &Timing) -> Self {
        let spool = Spool::open_by_time(&paths.log_spool(), timing.log_spool_bytes, Utc::now());
        Self::of(spool)
    }

    /// With a spool that is open.
    #[must_use]
    pub fn of(spool: Spool<LogEntry>) -> Self {
        Self { spool: SharedSpool::new(spool, LOG_ENTRIES_PER_MESSAGE_MAX), suppressed: Arc::default() }
    }

    /// Lines left out in all.
    #[must_use]
    pub fn suppressed(&self) -> u64 {
        self.suppressed.load(Ordering::Relaxed)
    }
}

/// What looking needs.
#[derive(Debug)]
pub struct LogTail {
    /// The device, for its place within an interval.
    pub device: DeviceId,
    /// Where the agent's files are.
    pub paths: Paths,
    /// Where entries go.
    pub outbox: Outbox,
    /// Which logs.
    pub settings: watch::Receiver<Settings>,
    /// Told when there are new entries.
    pub work: Arc<Notify>,
    /// Waits.
    pub timing: Timing,
}

impl LogTail {
    /// Looks until it is dropped: at every interval, and at once when the server names other logs.
    pub async fn run(mut self) {
        let (paths, outbox) = (self.paths.clone(), self.outbox.clone());
        let open = move || {
            let own = paths.folder().to_owned();
            Tail::open(paths.log_tail(), own, &outbox, SystemLog::default(), Utc::now())
        };
        let Ok(tail) = spawn_blocking(open).await else { return };
        let tail = Arc::new(Mutex::new(tail));
        let mut sources = self.settings.borrow_and_update().log_sources.clone();
        // The first look says where everything begins; it is not put off.
        self.look(&tail, &sources).await;
        let mut due = Instant::now() + self.timing.log_look.mul_f64(chance::of(self.device, "logs"));
        loop {
            match timeout_at(due, self.settings.changed()).await {
                Ok(Ok(())) => {
                    let changed = self.settings.borrow_and_update().log_sources.clone();
                    if changed == sources {
                        continue;
                    }
                    tracing::info!(files = changed.files.len(), "the server names other logs to follow");
                    sources = changed;
                }
                Ok(Err(_)) => return,
                Err(_) => due = Instant::now() + self.timing.log_look,
            }
            self.look(&tail, &sources).await;
        }
    }

    async fn look(&self, tail: &Arc<Mutex<Tail>>, sources: &LogSources) {
        let (tail, sources) = (Arc::clone(tail), sources.clone());
        let look = move || tail.lock().unwrap_or_else(PoisonError::into_inner).look(&sources, Utc::now());
        if spawn_blocking(look).await.unwrap_or(false) {
            self.work.notify_one();
        }
    }
}
