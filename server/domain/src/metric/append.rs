//! Samples come in; they are acknowledged once they are committed.

use super::writer::{Batch, Latest, Row};
use crate::{AgentCx, Result, report};
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

/// Stores samples of a device; resolves after the commit. Repeats are harmless: the key is (device, collected_at).
/// Samples from before retention or from the future are counted as received and dropped: no repeat would make them
/// acceptable.
///
/// # Errors
/// Invalid when there are too many, unavailable when the queue is full: the agent keeps its spool.
pub async fn append(cx: &AgentCx, link: LinkKind, metrics: Metrics) -> Result<MetricsAnswer> {
    if metrics.samples.len() > SAMPLES_PER_MESSAGE_MAX {
        let detail = format!("At most {SAMPLES_PER_MESSAGE_MAX} samples in one message.");
        return Err(Problem::invalid("samples", detail).into());
    }
    report::seen(cx, link);
    let now = cx.store().now();
    let oldest = now - Duration::days(SAMPLE_AGE_DAYS_MAX);
    let newest = now + Duration::seconds(SAMPLE_AHEAD_SECONDS_MAX);
    let received = metrics.samples.len() as u64;
    let samples: Vec<MetricSample> = metrics
        .samples
        .into_iter()
        .filter(|sample| (oldest..=newest).contains(&sample.collected_at))
        .map(MetricSample::bounded)
        .collect();
    let answer = MetricsAnswer { received, position: metrics.position };
    if samples.is_empty() && metrics.dropped_total == 0 {
        return Ok(answer);
    }
    let latest = samples.iter().max_by_key(|sample| sample.collected_at).map(Latest::of).transpose()?;
    cx.store()
        .writer()
        .write(Batch {
            device_key: cx.device_key(),
            device_id: cx.device_id(),
            business_id: cx.business_id(),
            rows: samples.iter().map(Row::of).collect(),
            latest,
            dropped_total: i64::try_from(metrics.dropped_total).unwrap_or(i64::MAX),
        })
        .await?;
    Ok(answer)
}
