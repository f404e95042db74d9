//! Log entries come in; they are acknowledged once they are committed.

use super::{insert::Row, writer::Batch};
use crate::{AgentCx, Result, report};
use chrono::Duration;
use entity::{
    presence::LinkKind,
    problem::Problem,
    wire::{
        Logs, LogsAnswer, SpooledEntry,
        limits::{LOG_ENTRIES_PER_MESSAGE_MAX, SAMPLE_AHEAD_SECONDS_MAX},
    },
};

/// Stores log entries of a device; resolves after the commit. Repeats are harmless: the key is (device, position), and
/// agents never give a position twice. Entries from before retention are counted as received and dropped; those from the
/// future are taken as of now, because a line that was acknowledged must not be lost for a wrong clock.
///
/// # Errors
/// Invalid when there are too many or they are out of order, unavailable when there is no room: the agent keeps its spool.
pub async fn append(cx: &AgentCx, link: LinkKind, logs: Logs) -> Result<LogsAnswer> {
    if logs.entries.len() > LOG_ENTRIES_PER_MESSAGE_MAX {
        let detail = format!("At most {LOG_ENTRIES_PER_MESSAGE_MAX} entries in one message.");
        return Err(Problem::invalid("entries", detail).into());
    }
    if !logs.entries.is_sorted_by(|one, next| one.position < next.position) {
        return Err(Problem::invalid("entries", "Positions have to rise.").into());
    }
    report::seen(cx, link);
    let now = cx.store().now();
    let oldest = now - Duration::days(i64::from(cx.store().logs_kept_days()));
    let newest = now + Duration::seconds(SAMPLE_AHEAD_SECONDS_MAX);
    let answer = LogsAnswer { received: logs.entries.len() as u64, position: logs.position() };
    let row = |SpooledEntry { position, entry }: SpooledEntry| {
        let entry = entry.bounded();
        let at = if entry.at > newest { now } else { entry.at };
        Row {
            device_key: cx.device_key(),
            position: i64::try_from(position).unwrap_or(i64::MAX),
            at: at.timestamp_millis(),
            level: entry.level,
            source: entry.source,
            message: entry.message,
        }
    };
    let rows: Vec<Row> = logs.entries.into_iter().filter(|entry| entry.entry.at >= oldest).map(row).collect();
    let total = |total: u64| i64::try_from(total).unwrap_or(i64::MAX);
    let batch = Batch {
        device_key: cx.device_key(),
        device_id: cx.device_id(),
        business_id: cx.business_id(),
        rows,
        dropped: total(logs.dropped_total),
        suppressed: total(logs.suppressed_total),
    };
    let telemetry = cx.store().telemetry();
    telemetry.log_entries_received.inc_by(answer.received);
    let kept = batch.rows.len() as u64;
    if !batch.is_empty() {
        let written = cx.store().log_writer().write(batch).await;
        let outcome =
            if written.is_ok() { &telemetry.log_entries_committed } else { &telemetry.log_entries_refused };
        outcome.inc_by(kept);
        written?;
    }
    Ok(answer)
}
