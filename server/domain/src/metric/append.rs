//! Samples come in; they are acknowledged once they are committed.

use super::{
    commit::{Latest, Payload},
    sample::{self, Tier, days},
    writer::Batch,
};
use crate::{AgentCx, Error, Result, alert, report};
use chrono::Duration;
use entity::{
    metric::MetricSample,
    presence::LinkKind,
    problem::Problem,
    wire::{
        Metrics, MetricsAnswer,
        limits::{SAMPLE_AGE_DAYS_MAX, SAMPLE_AHEAD_SECONDS_MAX, SAMPLES_PER_MESSAGE_MAX},
    },
};

/// Stores samples of a device; resolves after the commit. Repeats are harmless: the key is (device, collected_at), and
/// of two samples of the same moment the one that came first stays. Samples from before retention or from the future are
/// counted as received and dropped: no repeat would make them acceptable.
///
/// # Errors
/// Invalid when there are too many, unavailable when there is no room: the agent keeps its spool.
pub async fn append(cx: &AgentCx, link: LinkKind, metrics: Metrics) -> Result<MetricsAnswer> {
    if metrics.samples.len() > SAMPLES_PER_MESSAGE_MAX {
        let detail = format!("At most {SAMPLES_PER_MESSAGE_MAX} samples in one message.");
        return Err(Problem::invalid("samples", detail).into());
    }
    report::seen(cx, link);
    let now = cx.store().now();
    let age_max = SAMPLE_AGE_DAYS_MAX.min(i64::from(cx.store().retention().raw_days));
    let oldest = now - Duration::days(age_max);
    let newest = now + Duration::seconds(SAMPLE_AHEAD_SECONDS_MAX);
    let received = metrics.samples.len() as u64;
    let samples: Vec<MetricSample> = metrics
        .samples
        .into_iter()
        .filter(|sample| (oldest..=newest).contains(&sample.collected_at))
        .map(MetricSample::bounded)
        .collect();
    let answer = MetricsAnswer { received, position: metrics.position };
    let telemetry = cx.store().telemetry();
    telemetry.samples_received.inc_by(received);
    telemetry.samples_outdated.inc_by(received - samples.len() as u64);
    if samples.is_empty() && metrics.dropped_total == 0 {
        return Ok(answer);
    }
    let loads = alert::Loads::of(cx, &samples).await?;
    let written = cx
        .store()
        .writer()
        .write(Batch {
            device_key: cx.device_key(),
            device_id: cx.device_id(),
            business_id: cx.business_id(),
            samples: stored(&samples)?,
            dropped_total: i64::try_from(metrics.dropped_total).unwrap_or(i64::MAX),
        })
        .await;
    let counter = if written.is_ok() { &telemetry.samples_committed } else { &telemetry.samples_refused };
    counter.inc_by(samples.len() as u64);
    written?;
    // What is stored stays stored: samples are not asked for anew because nobody could be told.
    if let Some(loads) = loads
        && let Err(error) = alert::look_at_load(cx, loads).await
    {
        tracing::error!(%error, device.id = %cx.device_id(), "the load of a device was not looked at");
    }
    Ok(answer)
}

/// The samples as they are stored, and the newest of them whole.
pub(super) fn stored(samples: &[MetricSample]) -> Result<Option<(Payload, Latest)>> {
    let Some(newest) = samples.iter().max_by_key(|sample| sample.collected_at) else { return Ok(None) };
    let mut rows: Vec<_> = samples.iter().map(sample::row).collect();
    // Stable: of two of the same moment the first stays.
    rows.sort_by_key(|row| row.at);
    rows.dedup_by_key(|row| row.at);
    let bytes =
        chunk::encode(Tier::Raw.number(), &rows).map_err(|error| Error::Internal(error.to_string()))?;
    let (first_at, last_at) = (rows[0].at, rows[rows.len() - 1].at);
    Ok(Some((Payload { first_at, last_at, bytes }, Latest::of(newest)?)))
}

/// The moment before which samples may be thinned out: whole days, and one more than promised, so that what was taken
/// at the last moment has been sealed by then.
pub(super) fn raw_until(now_ms: i64, raw_days: u32) -> i64 {
    sample::around(now_ms - days(raw_days) - sample::DAY, sample::DAY).start
}
