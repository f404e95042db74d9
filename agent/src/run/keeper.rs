//! Keeps the lock: refreshes its time, sees that it still keeps others out, and looks at the protection of the data
//! directory while the agent runs.

use crate::{
    error_report::{self, ErrorKind},
    event::Events,
    failure::Failure,
    lock::Lock,
    paths::Paths,
    protect,
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::wire::Event;
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};

/// A clock that is off by more than this from one look to the next is worth a line.
const JUMP: TimeDelta = TimeDelta::seconds(30);
/// The keeper has this long to hand the lock back.
const PATIENCE: Duration = Duration::from_secs(1);

/// The task that holds the lock.
pub(super) struct Keeper {
    stop: oneshot::Sender<()>,
    lost: oneshot::Receiver<Failure>,
    task: JoinHandle<Lock>,
}

impl Keeper {
    pub(super) fn start(
        lock: Lock,
        paths: &Paths,
        every: Duration,
        events: Events,
        work: Arc<Notify>,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (tell, lost) = oneshot::channel();
        let watch = Watch { paths: paths.clone(), every, events, work, was_open: false };
        Self { stop, lost, task: tokio::spawn(watch.run(lock, stopped, tell)) }
    }

    /// Done when another agent has the lock.
    pub(super) async fn lost(&mut self) -> Failure {
        match (&mut self.lost).await {
            Ok(failure) => failure,
            Err(_) => std::future::pending().await,
        }
    }

    /// Stops refreshing and hands the lock back.
    pub(super) async fn stop(self) -> Option<Lock> {
        // It has ended by itself when the lock was lost.
        let _ = self.stop.send(());
        timeout(PATIENCE, self.task).await.ok()?.ok()
    }
}

struct Watch {
    paths: Paths,
    every: Duration,
    events: Events,
    work: Arc<Notify>,
    was_open: bool,
}

impl Watch {
    async fn run(
        mut self,
        mut lock: Lock,
        mut stopped: oneshot::Receiver<()>,
        tell: oneshot::Sender<Failure>,
    ) -> Lock {
        let mut ticks = interval_at(Instant::now() + self.every, self.every);
        // After a suspension one look is enough.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looked_at = Utc::now();
        loop {
            tokio::select! {
                _ = &mut stopped => return lock,
                _ = ticks.tick() => {}
            }
            let now = Utc::now();
            if let Some(word) = jump(looked_at, now, self.every) {
                tracing::info!("{word}: this agent still holds its lock and goes on");
            }
            looked_at = now;
            if let Err(failure) = lock.refresh(&self.paths) {
                if failure.code == updater::exit::ALREADY_RUNNING {
                    tracing::error!("the lock is another agent's by now");
                    let _ = tell.send(failure);
                    return lock;
                }
                tracing::warn!(%failure, "the lock could not be refreshed");
            }
            self.look_at_protection();
        }
    }

    fn look_at_protection(&mut self) {
        let findings = protect::check(&self.paths);
        let is_open = !findings.is_empty();
        if is_open && !self.was_open {
            let said: Vec<String> = findings.iter().map(ToString::to_string).collect();
            let summary = format!("The agent's data directory is not protected: {}", said.join("; "));
            tracing::error!("{summary}; repair it with doctor --fix");
            let summary = entity::input::clip(&summary, 300);
            error_report::note(ErrorKind::DataDirectoryUnsafe, summary.clone(), Value::Null);
            self.events.add(Event::plain(Utc::now(), "data_directory_unprotected", summary));
            self.work.notify_one();
        } else if self.was_open && !is_open {
            tracing::info!("the data directory is protected again");
        }
        self.was_open = is_open;
    }
}

/// What happened to the clock or the process between two looks, when it was more than waiting.
fn jump(before: DateTime<Utc>, now: DateTime<Utc>, every: Duration) -> Option<String> {
    let expected = TimeDelta::from_std(every).unwrap_or(TimeDelta::MAX);
    let passed = now.signed_duration_since(before);
    if passed < TimeDelta::zero() {
        return Some(format!("the clock was set back by {} s", -passed.num_seconds()));
    }
    let more = passed.checked_sub(&expected)?;
    (more > JUMP).then(|| {
        format!("the machine or the agent was suspended, or the clock set, for {} s", more.num_seconds())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_time_in_the_file_is_refreshed_and_an_open_directory_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        crate::paths::make_private(folder.path()).unwrap();
        let paths = Paths::under(folder.path());
        let (events, work) = (Events::default(), Arc::new(Notify::new()));
        let lock = Lock::take(&paths).unwrap();
        let every = Duration::from_millis(20);
        let keeper = Keeper::start(lock, &paths, every, events.clone(), Arc::clone(&work));
        std::fs::write(paths.lock(), "1\n2020-01-01T00:00:00Z\n").unwrap();
        let ours = async {
            while crate::lock::running(&paths).unwrap().pid != Some(std::process::id()) {
                tokio::time::sleep(every).await;
            }
        };
        timeout(Duration::from_secs(10), ours).await.expect("the file says whose lock it is");
        #[cfg(unix)]
        {
            let set = |mode| {
                let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
                std::fs::set_permissions(folder.path(), mode).unwrap();
            };
            set(0o777);
            timeout(Duration::from_secs(10), work.notified()).await.expect("the server is told");
            let told = events.oldest().unwrap();
            assert_eq!(told.event_type, "data_directory_unprotected");
            assert!(told.summary.contains("mode 0777"), "{}", told.summary);
            events.told(&told);
            tokio::time::sleep(every * 5).await;
            assert!(events.oldest().is_none(), "once is enough");
            set(0o700);
        }
        let lock = keeper.stop().await.expect("the lock is handed back");
        lock.release();
        assert!(!paths.lock().exists());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_lock_that_another_agent_took_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(folder.path());
        let lock = Lock::take(&paths).unwrap();
        std::fs::remove_file(paths.lock()).unwrap();
        let _other = Lock::take(&paths).unwrap();
        let every = Duration::from_millis(20);
        let mut keeper = Keeper::start(lock, &paths, every, Events::default(), Arc::new(Notify::new()));
        let lost = timeout(Duration::from_secs(10), keeper.lost()).await.expect("it is noticed");
        assert_eq!(lost.code, updater::exit::ALREADY_RUNNING);
        drop(keeper.stop().await);
        assert!(paths.lock().exists(), "the other one keeps its file");
    }

    #[test]
    fn a_jump_is_told_from_waiting() {
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let word = |to| jump(at(1000), at(to), Duration::from_secs(60));
        assert_eq!(word(1060), None);
        assert_eq!(word(1089), None);
        assert!(
            word(1000 + 60 + 3600).unwrap().contains("suspended") && word(4660).unwrap().contains("3600")
        );
        assert!(word(400).unwrap().contains("set back by 600 s"));
    }
}
