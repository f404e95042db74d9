//! An alert opens, whatever its rule looks at: the row, and the line in the device's activity.

use crate::{Error, Result, device::note, store::Change};
use entity::{
    activity::ActivityKind,
    alert::{AlertEvent, AlertKind, AlertState, Severity},
    id::{AlertId, AlertRuleId, BusinessId, DeviceId},
    input::fold,
    table::alert,
};
use sea_orm::{ActiveModelTrait as _, Set};

/// What opens.
pub(super) struct NewAlert {
    pub(super) rule_id: Option<AlertRuleId>,
    pub(super) device_id: DeviceId,
    pub(super) business_id: BusinessId,
    pub(super) kind: AlertKind,
    pub(super) fingerprint: String,
    pub(super) severity: Severity,
    pub(super) message: String,
    pub(super) metric_value: Option<f64>,
    pub(super) threshold_value: Option<f64>,
    pub(super) quiet_seconds: i64,
}

/// One open alert a device and rule; of services one each.
pub(super) fn fingerprint(kind: AlertKind, device: DeviceId, what: Option<&str>) -> String {
    match what {
        Some(what) => format!("{}:{device}:{what}", kind.word()),
        None => format!("{}:{device}", kind.word()),
    }
}

/// Opens it.
pub(super) async fn raise(change: &Change, new: NewAlert) -> Result<AlertId> {
    // It has lasted long enough by being what its rule calls a breach.
    let state = AlertState::Ok.on(AlertEvent::Breach).and_then(|state| state.on(AlertEvent::Confirm));
    let state = state.ok_or_else(|| Error::Internal("an alert cannot begin".to_owned()))?;
    let (id, now) = (AlertId::generate(), change.now());
    let summary = format!("Alert: {}", new.message);
    let row = alert::ActiveModel {
        id: Set(id),
        agent_alert_id: Set(new.rule_id),
        device_id: Set(new.device_id),
        business_id: Set(new.business_id),
        alert_type: Set(new.kind),
        fingerprint: Set(new.fingerprint),
        state: Set(state),
        severity: Set(new.severity),
        message_key: Set(fold(&new.message)),
        alert_message: Set(new.message),
        metric_value: Set(new.metric_value),
        threshold_value: Set(new.threshold_value),
        quiet_seconds: Set(new.quiet_seconds),
        triggered_at: Set(now),
        last_breach_at: Set(now),
        ..Default::default()
    };
    row.insert(&**change).await?;
    note(change, new.device_id, new.business_id, now, ActivityKind::Alert, summary).await?;
    Ok(id)
}
