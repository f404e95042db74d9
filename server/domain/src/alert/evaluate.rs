//! Rules are held against what a device sent, in the transaction that stores it: whether a burst of errors is one is
//! said by [`entity::alert::LogBurst::find`] alone. What was before is read from the database, so that a restart or another server
//! process forgets nothing.

use super::{
    OPEN,
    in_force::{InForce, in_force},
    raise::{NewAlert, fingerprint, raise},
};
use crate::{
    Result,
    store::{Change, statement},
};
use chrono::{DateTime, Utc};
use entity::{
    alert::{AlertKind, AlertState, Burst, LogBurst, Severity},
    id::{AlertId, AlertRuleId, BusinessId, DeviceId},
    portal_event::PortalEvent,
    table::alert,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, Value,
    sea_query::Expr,
};

/// Errors of one question; more of them are a burst under any rule.
const MOMENTS_MAX: i64 = 5_000;

/// The device that something came from.
#[derive(Clone, Copy)]
pub(crate) struct Subject {
    pub(crate) device_key: i64,
    pub(crate) device_id: DeviceId,
    pub(crate) business_id: BusinessId,
}

/// What errors came to.
pub(crate) struct Breach {
    /// For open pages.
    pub(crate) event: PortalEvent,
    /// The alert has just begun.
    pub(crate) is_new: bool,
}

/// Errors of a device have just been stored, written at these moments in milliseconds: opens an alert when they are a
/// burst, or notes that it goes on.
pub(crate) async fn look_at_errors(
    change: &Change,
    subject: Subject,
    moments: &[i64],
    now: DateTime<Utc>,
) -> Result<Option<Breach>> {
    let (Some(first), Some(last)) = (moments.iter().min(), moments.iter().max()) else { return Ok(None) };
    let InForce { id: rule_id, view } = in_force(&**change, Some(subject.business_id)).await?;
    if !view.rule.is_active {
        return Ok(None);
    }
    let fingerprint = fingerprint(AlertKind::LogBurst, subject.device_id, None);
    let former = alert::Entity::find()
        .filter(alert::Column::Fingerprint.eq(fingerprint.as_str()))
        .order_by_desc(alert::Column::Id)
        .one(&**change)
        .await?;
    // What a person has settled is not counted again.
    let settled_at = former.as_ref().filter(|alert| alert.state == AlertState::Resolved);
    let settled_at =
        settled_at.and_then(|alert| alert.resolved_at).map_or(i64::MIN, |at| at.timestamp_millis());
    let since = (first - i64::from(view.rule.window_seconds) * 1_000).max(settled_at);
    let around = errors_between(change, subject.device_key, since, *last).await?;
    let burst = view.rule.find(around).filter(|burst| burst.last_at >= *first);
    let Some(burst) = burst else { return Ok(None) };
    let open = former.filter(|alert| alert.state.is_open());
    let is_new = open.is_none();
    let alert_id = match open {
        Some(alert) => go_on(change, &alert, burst, now).await?,
        None => begin(change, subject, fingerprint, rule_id, view.rule, burst).await?,
    };
    let Subject { business_id, device_id, .. } = subject;
    let event = PortalEvent::Alert { business_id, device_id, alert_id };
    Ok(Some(Breach { event, is_new }))
}

async fn errors_between(change: &Change, device_key: i64, since: i64, until: i64) -> Result<Vec<i64>> {
    let sql = "SELECT at FROM agent_logs WHERE device_key = ? AND level <= 2 AND at > ? AND at <= ? \
               ORDER BY at DESC LIMIT ?";
    let values: [Value; 4] = [device_key.into(), since.into(), until.into(), MOMENTS_MAX.into()];
    let found = change.query_all_raw(statement(change.get_database_backend(), sql, values)).await?;
    Ok(found.iter().map(|row| row.try_get_by_index(0)).collect::<std::result::Result<_, _>>()?)
}

fn sentence(rule: LogBurst, burst: Burst) -> String {
    format!("{} errors within {} seconds", burst.errors, rule.window_seconds)
}

async fn begin(
    change: &Change,
    subject: Subject,
    fingerprint: String,
    rule_id: Option<AlertRuleId>,
    rule: LogBurst,
    burst: Burst,
) -> Result<AlertId> {
    let new = NewAlert {
        rule_id,
        device_id: subject.device_id,
        business_id: subject.business_id,
        kind: AlertKind::LogBurst,
        fingerprint,
        severity: Severity::Critical,
        message: sentence(rule, burst),
        metric_value: Some(number(burst.errors)),
        threshold_value: Some(f64::from(rule.threshold)),
        quiet_seconds: i64::from(rule.quiet_seconds),
    };
    raise(change, new).await
}

async fn go_on(change: &Change, open: &alert::Model, burst: Burst, now: DateTime<Utc>) -> Result<AlertId> {
    let most = open.metric_value.unwrap_or_default().max(number(burst.errors));
    alert::Entity::update_many()
        .col_expr(alert::Column::LastBreachAt, Expr::value(now))
        .col_expr(alert::Column::MetricValue, Expr::value(most))
        .filter(alert::Column::Id.eq(open.id))
        .filter(alert::Column::State.is_in(OPEN))
        .exec(&**change)
        .await?;
    Ok(open.id)
}

#[expect(clippy::cast_precision_loss, reason = "some thousand errors at most")]
const fn number(errors: u64) -> f64 {
    errors as f64
}
