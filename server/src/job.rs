//! What happens because time passed: each job runs at its own pace, and a failing run never ends it.

use domain::{Store, SystemCx};
use std::{
    hash::{BuildHasher, Hasher},
    time::Duration,
};
use tokio::{sync::watch, time::MissedTickBehavior};

/// Starts every job; they end when `stopping` turns true.
pub(crate) fn start(store: &Store, stopping: &watch::Receiver<bool>) {
    let spawn = |name, period, job: fn(SystemCx) -> Run| {
        tokio::spawn(repeat(store.clone(), stopping.clone(), name, period, job));
    };
    spawn("sweep presence", Duration::from_secs(2), |cx| {
        run(async move { domain::job::sweep_presence(&cx).await.map(drop) })
    });
    spawn("flush last seen", Duration::from_secs(5), |cx| {
        run(async move { domain::job::flush_last_seen(&cx).await.map(drop) })
    });
    spawn("expire", Duration::from_secs(60), |cx| {
        run(async move { domain::job::expire(&cx).await.map(drop) })
    });
    spawn("thin metrics", Duration::from_secs(3600), |cx| {
        run(async move { domain::job::thin_metrics(&cx).await.map(drop) })
    });
}

type Run = futures::future::BoxFuture<'static, domain::Result<()>>;

fn run(future: impl Future<Output = domain::Result<()>> + Send + 'static) -> Run {
    Box::pin(future)
}

async fn repeat(
    store: Store,
    mut stopping: watch::Receiver<bool>,
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
        if let Err(error) = job(SystemCx::new(&store, name)).await {
            tracing::error!(job.name = name, %error, "a job failed; it runs again at its next turn");
        }
    }
}

/// A random part of the first tenth of a period, so that servers started together do not work in step.
fn jitter(period: Duration) -> Duration {
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    period.mul_f64(0.1 * f64::from(random as u32 >> 8) / f64::from(1_u32 << 24))
}
