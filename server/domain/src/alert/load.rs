//! The rule for processors is held against the samples of a device, once they are committed. What came of it is written
//! with the suggestion to limit what the device takes on, in one transaction. Whoever is below the limit costs nothing.

use super::raise::{NewAlert, fingerprint, raise};
use crate::{AgentCx, Result, approval_policy, metric, store::Reach, suggestion};
use chrono::{DateTime, Duration, Utc};
use entity::{
    alert::{AlertKind, AlertState, CpuHigh, Severity},
    command::Payload,
    metric::MetricSample,
    portal_event::PortalEvent,
    table::alert,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, sea_query::Expr};

/// Seconds for which an alert that goes on is not written anew.
const NOTED_SECONDS: i64 = 60;

/// How busy the processors were, in order: in a message, and in a row before it.
pub(crate) struct Loads(Vec<(DateTime<Utc>, Option<f32>)>);

impl Loads {
    /// Of a message that is about to be stored; none when nothing in it is too much. What is older than the quiet time of
    /// the rule says nothing about now.
    pub(crate) async fn of(cx: &AgentCx, samples: &[MetricSample]) -> Result<Option<Self>> {
        let rule = CpuHigh::default();
        let since = cx.store().now() - Duration::seconds(i64::from(rule.quiet_seconds));
        let recent = samples.iter().filter(|sample| sample.collected_at >= since);
        let mut loads: Vec<_> = recent.map(|sample| (sample.collected_at, sample.cpu_percent)).collect();
        if !loads.iter().any(|(_, load)| load.is_some_and(|load| load > rule.percent)) {
            return Ok(None);
        }
        loads.sort_by_key(|(at, _)| *at);
        let first = loads.first().map_or(since, |(at, _)| *at);
        let before = metric::loads(cx, since, first).await?;
        let in_a_row = before.into_iter().rev().take_while(|(_, load)| *load > rule.percent);
        loads.extend(in_a_row.map(|(at, load)| (at, Some(load))));
        loads.sort_by_key(|(at, _)| *at);
        Ok(Some(Self(loads)))
    }
}

/// Samples of a device have just been stored: opens an alert when its processors have too much to do, with a suggestion, or
/// notes that it goes on.
pub(crate) async fn look_at_load(cx: &AgentCx, loads: Loads) -> Result<()> {
    let (rule, store) = (CpuHigh::default(), cx.store());
    let fingerprint = fingerprint(AlertKind::CpuHigh, cx.device_id(), None);
    let former = Reach::of(cx.business_id())
        .select::<alert::Entity>()
        .filter(alert::Column::Fingerprint.eq(fingerprint.as_str()))
        .order_by_desc(alert::Column::Id)
        .one(store.db())
        .await?;
    // What a person has settled is not counted again.
    let settled_at = former.as_ref().filter(|alert| alert.state == AlertState::Resolved);
    let settled_at = settled_at.and_then(|alert| alert.resolved_at);
    let counts = loads.0.into_iter().filter(|(at, _)| settled_at.is_none_or(|settled| *at > settled));
    let Some(most) = rule.find(counts) else { return Ok(()) };
    if let Some(open) = former.filter(|alert| alert.state.is_open()) {
        return go_on(cx, &open, most).await;
    }
    let device = cx.device().await?;
    let policy = approval_policy::in_force(store.db(), device.business_id).await?;
    let change = cx.begin().await?;
    let new = NewAlert {
        rule_id: None,
        device_id: device.id,
        business_id: device.business_id,
        kind: AlertKind::CpuHigh,
        fingerprint: fingerprint.clone(),
        severity: Severity::Warning,
        message: format!("Processors above {} %", rule.percent),
        metric_value: Some(most.into()),
        threshold_value: Some(rule.percent.into()),
        quiet_seconds: rule.quiet_seconds.into(),
    };
    let alert_id = raise(&change, new).await?;
    let proposal = suggestion::Proposal {
        alert_id,
        cause: fingerprint,
        why: format!("The processors of {} were {most:.0} % busy.", device.device_name),
        payload: Payload::SetRateLimit { endpoint: rule.endpoint.to_owned(), limit_rps: rule.limit_rps },
    };
    let proposed = suggestion::propose(store, &change, &device, &policy, proposal).await?;
    change.commit_unattended().await?;
    store.telemetry().alerts("begun", 1);
    if let Some(proposed) = proposed {
        proposed.announce(store);
    }
    let (business_id, device_id) = (device.business_id, device.id);
    store.publish(PortalEvent::Alert { business_id, device_id, alert_id });
    Ok(())
}

async fn go_on(cx: &AgentCx, open: &alert::Model, most: f32) -> Result<()> {
    let (now, most) = (cx.store().now(), f64::from(most));
    let worst = open.metric_value.unwrap_or_default();
    if most <= worst && now < open.last_breach_at + Duration::seconds(NOTED_SECONDS) {
        return Ok(());
    }
    let change = cx.begin().await?;
    alert::Entity::update_many()
        .col_expr(alert::Column::LastBreachAt, Expr::value(now))
        .col_expr(alert::Column::MetricValue, Expr::value(most.max(worst)))
        .filter(alert::Column::Id.eq(open.id))
        .filter(alert::Column::State.eq(open.state))
        .exec(&*change)
        .await?;
    change.commit_unattended().await?;
    let alert::Model { business_id, device_id, id: alert_id, .. } = *open;
    cx.store().publish(PortalEvent::Alert { business_id, device_id, alert_id });
    Ok(())
}
