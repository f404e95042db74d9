//! Takes a sample at every interval and puts it into the spool.

use crate::{chance, metric::Sampler, spool::SharedSpool, state::Recorder, timing::Timing};
use entity::{id::DeviceId, metric::MetricSample, wire::Settings};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    task::spawn_blocking,
    time::{Instant, sleep, timeout_at},
};

/// What sampling needs.
#[derive(Debug)]
pub struct Collector {
    /// The device, for its place within an interval.
    pub device: DeviceId,
    /// Where samples go.
    pub spool: SharedSpool<MetricSample>,
    /// How often.
    pub settings: watch::Receiver<Settings>,
    /// Told of every sample.
    pub work: Arc<Notify>,
    /// Told whether samples can be kept on disk.
    pub recorder: Recorder,
    /// Waits.
    pub timing: Timing,
}

impl Collector {
    /// Samples until it is dropped.
    pub async fn run(mut self) {
        let Some(sampler) = spawn_blocking(Sampler::start).await.ok().flatten() else {
            tracing::error!("this system gives no metrics");
            return;
        };
        let sampler = Arc::new(Mutex::new(sampler));
        sleep(self.timing.first_sample).await;
        let mut taken = Instant::now();
        self.sample(&sampler).await;
        // A fleet that was switched on together spreads out over the interval.
        let place = 0.5 + 0.5 * chance::of(self.device, "metrics");
        let mut first = true;
        loop {
            let interval =
                Duration::from_secs(u64::from(self.settings.borrow_and_update().metrics_interval_seconds));
            let due = taken + if first { interval.mul_f64(place) } else { interval };
            match timeout_at(due, self.settings.changed()).await {
                Ok(Ok(())) => continue,
                Ok(Err(_)) => return,
                Err(_) => {}
            }
            first = false;
            // From the time it was due, so that the interval does not drift; from now after a long sleep of the machine.
            taken = if due.elapsed() < interval { due } else { Instant::now() };
            self.sample(&sampler).await;
        }
    }

    async fn sample(&self, sampler: &Arc<Mutex<Sampler>>) {
        let sampler = Arc::clone(sampler);
        let take = move || sampler.lock().unwrap_or_else(PoisonError::into_inner).sample();
        let Ok(sample) = spawn_blocking(take).await else { return };
        self.recorder.spool(self.spool.append(sample).await);
        self.work.notify_one();
    }
}
