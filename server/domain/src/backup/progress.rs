//! How far long work has come, for somebody who waits.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// How far a step of the work has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is done, such as `copying`.
    pub step: &'static str,
    /// The table or file that it is done to.
    pub what: String,
    /// Done so far.
    pub done: u64,
    /// To be done, where that is known; 0 where not.
    pub total: u64,
    /// What is counted: `rows` or `bytes`.
    pub unit: &'static str,
}

/// Listens to the progress, and can be told that nobody waits any more.
#[derive(Clone)]
pub struct Watch {
    tell: Arc<dyn Fn(&Progress) + Send + Sync>,
    is_over: Arc<AtomicBool>,
}

impl Watch {
    /// Calls `tell` many times a second while something goes on; it has to be quick.
    pub fn new(tell: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        Self { tell: Arc::new(tell), is_over: Arc::default() }
    }

    /// For those who do not care.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(|_| ())
    }

    pub(super) fn tell(&self, progress: &Progress) {
        (self.tell)(progress);
    }

    /// True once the work was given up: what runs on a thread of its own asks now and then.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// The same for one piece of work, whose threads are told to stop when the second is dropped.
    pub(super) fn begin(&self) -> (Self, Over) {
        let is_over = Arc::<AtomicBool>::default();
        (Self { tell: Arc::clone(&self.tell), is_over: Arc::clone(&is_over) }, Over(is_over))
    }
}

/// Gives the work up when it is dropped.
pub(super) struct Over(Arc<AtomicBool>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
