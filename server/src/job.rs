//! What happens because time passed: each job runs at its own pace, and a failing run never ends it.

use domain::{Store, SystemCx};
use std::{
    hash::{BuildHasher, Hasher},
    time::{Duration, Instant},
};
use tokio::{sync::watch, task::JoinSet, time::MissedTickBehavior};

/// Where a job runs when several server processes share a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In every process: it is about what that process has in memory.
    EveryNode,
    /// In one of them at a time, and in one of them within a period: it is about the database.
    OncePerCluster,
}

/// Starts every job; they end when `stopping` turns true, each after the run that it is in.
pub(crate) fn start(store: &Store, stopping: &watch::Receiver<bool>) -> JoinSet<()> {
    use Place::{EveryNode, OncePerCluster};
    let mut jobs = JoinSet::new();
    let mut spawn = |place, name, period, job: fn(SystemCx) -> Run| {
        jobs.spawn(repeat(store.clone(), stopping.clone(), place, name, period, job));
    };
    spawn(EveryNode, "sweep presence", Duration::from_secs(2), |cx| {
        run(async move { domain::job::sweep_presence(&cx).await.map(drop) })
    });
    spawn(EveryNode, "flush last seen", Duration::from_secs(5), |cx| {
        run(async move { domain::job::flush_last_seen(&cx).await.map(drop) })
    });
    spawn(EveryNode, "recheck sockets", Duration::from_secs(25), |cx| {
        run(async move { domain::job::recheck_sockets(&cx).await.map(drop) })
    });
    spawn(OncePerCluster, "expire", Duration::from_secs(60), |cx| {
        run(async move { domain::job::expire(&cx).await.map(drop) })
    });
    spawn(OncePerCluster, "pass commands", Duration::from_secs(5), |cx| {
        run(async move { domain::job::pass_commands(&cx).await.map(drop) })
    });
    spawn(OncePerCluster, "pass rollouts", Duration::from_secs(5), |cx| {
        run(async move { domain::job::pass_rollouts(&cx).await.map(drop) })
    });
    spawn(OncePerCluster, "forget errors", Duration::from_secs(3600), |cx| {
        run(async move { domain::job::forget_errors(&cx).await.map(drop) })
    });
    spawn(OncePerCluster, "seal metrics", Duration::from_secs(60), |cx| {
        run(async move { domain::job::seal_metrics(&cx).await.map(drop) })
    });
    spawn(OncePerCluster, "thin metrics", Duration::from_secs(3600), |cx| {
        run(async move { domain::job::thin_metrics(&cx).await.map(drop) })
    });
    spawn(OncePerCluster, "drop logs", Duration::from_secs(3600), |cx| {
        run(async move { domain::job::drop_logs(&cx).await.map(drop) })
    });
    spawn(OncePerCluster, "clear alerts", Duration::from_secs(15), |cx| {
        run(async move { domain::job::clear_alerts(&cx).await.map(drop) })
    });
    spawn(EveryNode, "command key", Duration::from_secs(60), |cx| {
        run(async move { domain::job::renew_command_key(&cx) })
    });
    jobs
}

type Run = futures::future::BoxFuture<'static, domain::Result<()>>;

fn run(future: impl Future<Output = domain::Result<()>> + Send + 'static) -> Run {
    Box::pin(future)
}

async fn repeat(
    store: Store,
    mut stopping: watch::Receiver<bool>,
    place: Place,
    name: &'static str,
    period: Duration,
    job: fn(SystemCx) -> Run,
) {
    let mut pace = tokio::time::interval_at(tokio::time::Instant::now() + jitter(period), period);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            _ = pace.tick() => {}
        }
        let cx = SystemCx::new(&store, name);
        let begun = Instant::now();
        let done = match place {
            Place::EveryNode => job(cx).await.map(|()| true),
            Place::OncePerCluster => {
                let every = chrono::TimeDelta::from_std(period).unwrap_or(chrono::TimeDelta::MAX);
                domain::job::once(&cx, every, job(cx.clone())).await
            }
        };
        // Whose turn it was not has not run.
        if !matches!(done, Ok(false)) {
            store.telemetry().job(name, begun.elapsed(), done.is_ok(), store.clock().now());
        }
        if let Err(error) = done {
            tracing::error!(job.name = name, %error, "a job failed; it runs again at its next turn");
        }
    }
}

/// A random part of the first tenth of a period, so that servers started together do not work in step.
fn jitter(period: Duration) -> Duration {
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    period.mul_f64(0.1 * f64::from(random as u32 >> 8) / f64::from(1_u32 << 24))
}
