//! Takes reports of agents: the first of an error makes a row, the others are counted in it.

use super::pace;
use crate::{AgentCx, Error, Result, store::Change};
use chrono::{DateTime, Duration, Utc};
use entity::{
    error_report::{ErrorEvent, ErrorReport, ErrorState, shape},
    id::ErrorReportId,
    input::fold,
    portal_event::PortalEvent,
    problem::Problem,
    table::error_report,
};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, SqlErr,
};
use sha2::{Digest as _, Sha256};

/// Errors of one device that are kept; beyond it those that were not seen for longest go.
pub(super) const PER_DEVICE_MAX: u64 = 100;
/// Ids of reports that are remembered for each error, so that one which is sent again counts once.
const IDS_MAX: usize = 16;
/// How old a report may say it is.
const AGE_MAX: Duration = Duration::days(400);
/// How far ahead of ours a device's clock may be.
const AHEAD_MAX: Duration = Duration::days(1);

/// Takes one report. The same report a second time changes nothing.
///
/// # Errors
/// Invalid when it names another device, too many when this device sends more than anybody could read.
pub async fn receive(cx: &AgentCx, report: ErrorReport) -> Result<()> {
    let taken = take(cx, report).await;
    cx.store().telemetry().error_report(match &taken {
        Ok(true) => "taken",
        Ok(false) => "repeated",
        Err(_) => "refused",
    });
    taken.map(drop)
}

/// Takes a report; false when it was there already.
async fn take(cx: &AgentCx, report: ErrorReport) -> Result<bool> {
    if report.agent_id != cx.device_id() {
        return Err(Problem::invalid("agent_id", "The token belongs to another device.").into());
    }
    let now = cx.store().now();
    pace::take(cx.device_id(), now)?;
    let report = in_time(report.bounded(), now);
    let fingerprint = fingerprint(&report);
    let change = cx.begin().await?;
    let known = error_report::Entity::find()
        .filter(error_report::Column::DeviceId.eq(cx.device_id()))
        .filter(error_report::Column::Fingerprint.eq(fingerprint.as_str()))
        .lock_exclusive()
        .one(&*change)
        .await?;
    match known {
        Some(row) if is_counted(&row, report.report_id) => return Ok(false),
        Some(row) => count(&change, row, report).await?,
        None => {
            make_room(cx, &change).await?;
            add(cx, &change, fingerprint, report).await?;
        }
    }
    change.commit_unattended().await?;
    cx.store().publish(PortalEvent::ErrorReport { business_id: cx.business_id(), device_id: cx.device_id() });
    Ok(true)
}

/// Devices' clocks are wrong now and then; what both engines can keep and people can read stays as it was said.
fn in_time(report: ErrorReport, now: DateTime<Utc>) -> ErrorReport {
    let clamp = |at: DateTime<Utc>| at.clamp(now - AGE_MAX, now + AHEAD_MAX);
    let timestamp = clamp(report.timestamp);
    ErrorReport { timestamp, first_at: report.first_at.map(clamp), ..report }
}

/// The same for the same error on every device: its type and the shape of its message.
fn fingerprint(report: &ErrorReport) -> String {
    let digest = Sha256::new()
        .chain_update(&report.error_type)
        .chain_update("\n")
        .chain_update(shape(&report.error_message))
        .finalize();
    hex::encode(&digest[..8])
}

fn is_counted(row: &error_report::Model, id: Option<ErrorReportId>) -> bool {
    id.is_some_and(|id| row.report_ids.split(' ').any(|known| known == id.to_string()))
}

fn ids_with(report_ids: &str, id: Option<ErrorReportId>) -> String {
    let id = id.map(|id| id.to_string());
    let ids: Vec<&str> =
        id.as_deref().into_iter().chain(report_ids.split(' ').filter(|id| !id.is_empty())).collect();
    ids[..ids.len().min(IDS_MAX)].join(" ")
}

async fn count(change: &Change, row: error_report::Model, report: ErrorReport) -> Result<()> {
    // What waited in a buffer since before the decision is no news.
    let is_news = row.decided_at.is_none_or(|decided_at| report.timestamp > decided_at);
    let next = row.state.on(ErrorEvent::Recur).filter(|_| is_news);
    let is_latest = report.timestamp >= row.last_at;
    let (occurrences, first_at, last_at) = (row.occurrences, row.first_at, row.last_at);
    let report_ids = ids_with(&row.report_ids, report.report_id);
    let mut row = row.into_active_model();
    row.occurrences = Set(occurrences.saturating_add(i64::from(report.count)));
    row.first_at = Set(first_at.min(report.first_at.unwrap_or(report.timestamp)));
    row.last_at = Set(last_at.max(report.timestamp));
    row.report_ids = Set(report_ids);
    if let Some(state) = next {
        row.state = Set(state);
        row.decided_by = Set(None);
        row.decided_at = Set(None);
    }
    if is_latest {
        row.search_text = Set(search_text(&report));
        row.details = Set(report.details.to_string());
        row.error_message = Set(report.error_message);
        row.log_snippet = Set(report.log_snippet);
        row.agent_version = Set(report.agent_version);
        row.failed_version = Set(report.failed_version);
    }
    row.update(&**change).await?;
    Ok(())
}

async fn add(cx: &AgentCx, change: &Change, fingerprint: String, report: ErrorReport) -> Result<()> {
    let row = error_report::ActiveModel {
        id: Set(ErrorReportId::generate()),
        device_id: Set(cx.device_id()),
        business_id: Set(cx.business_id()),
        fingerprint: Set(fingerprint),
        search_text: Set(search_text(&report)),
        details: Set(report.details.to_string()),
        occurrences: Set(i64::from(report.count)),
        first_at: Set(report.first_at.unwrap_or(report.timestamp)),
        last_at: Set(report.timestamp),
        state: Set(ErrorState::New),
        decided_by: Set(None),
        decided_at: Set(None),
        report_ids: Set(ids_with("", report.report_id)),
        error_type: Set(report.error_type),
        error_message: Set(report.error_message),
        log_snippet: Set(report.log_snippet),
        agent_version: Set(report.agent_version),
        failed_version: Set(report.failed_version),
    };
    match row.insert(&**change).await {
        Ok(_) => Ok(()),
        // Another request of the same device was first; the agent comes again, and is counted then.
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            Err(Error::unavailable(1))
        }
        Err(error) => Err(error.into()),
    }
}

/// A device that finds ever new words for its errors does not fill the database.
async fn make_room(cx: &AgentCx, change: &Change) -> Result<()> {
    let of_device = || error_report::Entity::find().filter(error_report::Column::DeviceId.eq(cx.device_id()));
    let kept = of_device().count(&**change).await?;
    let Some(over) = (kept + 1).checked_sub(PER_DEVICE_MAX).filter(|over| *over > 0) else { return Ok(()) };
    let oldest: Vec<ErrorReportId> = of_device()
        .select_only()
        .column(error_report::Column::Id)
        .order_by_asc(error_report::Column::LastAt)
        .limit(over)
        .into_tuple()
        .all(&**change)
        .await?;
    error_report::Entity::delete_many()
        .filter(error_report::Column::Id.is_in(oldest))
        .exec(&**change)
        .await?;
    Ok(())
}

fn search_text(report: &ErrorReport) -> String {
    let label = entity::error_report::label(&report.error_type);
    fold(&format!("{} {label} {}", report.error_type, report.error_message))
}
