//! Turns: work that is dear in memory and time is done a few at once; some more may wait, and no more than that.

use crate::{Error, Result};
use std::{
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};
use tokio::sync::{Semaphore, oneshot};

/// Most at once, whatever the machine; each takes 19 MiB and a core.
const AT_ONCE_MAX: usize = 8;
/// Most that wait for their turn. The last of them waits some seconds on two cores.
const WAITING_MAX: usize = 256;
/// Seconds after which one who found no place may try again.
const RETRY_AFTER_SECONDS: u32 = 5;

type Job = Box<dyn FnOnce() + Send>;

/// The threads that do the work, and the places before them. Threads of its own, because what a thread has allocated
/// for this stays with it: as many of those as Tokio has for blocking work would keep gigabytes.
pub(crate) struct Turns {
    places: Arc<Semaphore>,
    queue: mpsc::Sender<Job>,
}

impl Turns {
    /// Starts the threads; they end with this value.
    ///
    /// # Errors
    /// When the system has none to give.
    pub(crate) fn start() -> Result<Self> {
        Self::of(thread::available_parallelism().map_or(1, NonZero::get).min(AT_ONCE_MAX), WAITING_MAX)
    }

    fn of(at_once: usize, waiting: usize) -> Result<Self> {
        let (queue, jobs) = mpsc::channel::<Job>();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..at_once {
            let jobs = Arc::clone(&jobs);
            let work = move || {
                loop {
                    let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(job) = job else { return };
                    // Whoever waits is told by the end of their channel; the thread goes on.
                    drop(catch_unwind(AssertUnwindSafe(job)));
                }
            };
            let started = thread::Builder::new().name("passwords".to_owned()).spawn(work);
            started.map_err(|error| Error::Internal(format!("no thread for passwords: {error}")))?;
        }
        Ok(Self { places: Arc::new(Semaphore::new(at_once + waiting)), queue })
    }

    /// Does `work` when it is its turn, unless nobody waits for it any more by then.
    ///
    /// # Errors
    /// Unavailable when too many wait already.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| Error::unavailable(RETRY_AFTER_SECONDS))?;
        let (tell, told) = oneshot::channel();
        let job = move || {
            let _place = place;
            if !tell.is_closed() {
                drop(tell.send(work()));
            }
        };
        let lost = || Error::Internal("the work on a password was lost".to_owned());
        self.queue.send(Box::new(job)).map_err(|_| lost())?;
        told.await.map_err(|_| lost())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    fn turns(at_once: usize, waiting: usize) -> Arc<Turns> {
        Arc::new(Turns::of(at_once, waiting).expect("threads"))
    }

    /// Runs this many at the same time; says how many were at it at most, and how many found no place.
    async fn flood(turns: Arc<Turns>, many: usize) -> (usize, usize) {
        let at_it = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let tries: Vec<_> = (0..many)
            .map(|_| {
                let (turns, at_it, most) = (Arc::clone(&turns), Arc::clone(&at_it), Arc::clone(&most));
                tokio::spawn(async move {
                    let work = move || {
                        let now = at_it.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(now, Ordering::SeqCst);
                        thread::sleep(Duration::from_millis(2));
                        at_it.fetch_sub(1, Ordering::SeqCst);
                        Ok(())
                    };
                    turns.run(work).await.is_err()
                })
            })
            .collect();
        let mut refused = 0;
        for one in tries {
            refused += usize::from(one.await.expect("no panic"));
        }
        (most.load(Ordering::SeqCst), refused)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_few_at_once_some_wait_and_the_rest_is_sent_away() {
        assert_eq!(flood(turns(3, 256), 200).await, (3, 0));
        let turns = turns(2, 4);
        let (most, refused) = flood(Arc::clone(&turns), 50).await;
        assert!(most <= 2 && refused > 0, "{most} at once, {refused} sent away");
        while turns.places.available_permits() < 6 {
            tokio::task::yield_now().await;
        }
        assert_eq!(flood(turns, 6).await.1, 0, "places are given back");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn those_who_go_away_cost_nothing_and_let_no_more_in() {
        let turns = turns(1, 10);
        let (end, may_end) = mpsc::channel::<()>();
        let waits = {
            let turns = Arc::clone(&turns);
            tokio::spawn(async move { turns.run(move || Ok(may_end.recv().is_err())).await })
        };
        while turns.places.available_permits() > 10 {
            tokio::task::yield_now().await;
        }
        let done = Arc::new(AtomicUsize::new(0));
        for _ in 0..5 {
            let (turns, done) = (Arc::clone(&turns), Arc::clone(&done));
            let before = turns.places.available_permits();
            let one = {
                let turns = Arc::clone(&turns);
                tokio::spawn(async move { turns.run(move || Ok(done.fetch_add(1, Ordering::SeqCst))).await })
            };
            while turns.places.available_permits() == before {
                tokio::task::yield_now().await;
            }
            one.abort();
            assert!(one.await.is_err());
        }
        assert_eq!(turns.places.available_permits(), 5, "they keep their places until their turn");
        drop(end);
        assert!(waits.await.expect("no panic").expect("done"));
        turns.run(|| Ok(())).await.expect("the next one's turn comes");
        assert_eq!(done.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_thread_outlives_work_that_fails() {
        let turns = turns(1, 1);
        assert!(turns.run(|| -> Result<()> { panic!("as the test wants") }).await.is_err());
        assert_eq!(turns.run(|| Ok(5)).await.expect("done"), 5);
    }
}
