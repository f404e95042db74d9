//! Services that should run and do not: each opens one alert with the suggestion to restart it, and ends it by itself when
//! the service is as it should be again.

use super::{
    OPEN,
    raise::{NewAlert, fingerprint, raise},
};
use crate::{
    Result, Store, approval_policy,
    device::note,
    store::{Change, Reach},
    suggestion,
};
use chrono::{DateTime, Utc};
use entity::{
    activity::ActivityKind,
    alert::{AlertEvent, AlertKind, AlertState, Severity},
    command::{ApprovalPolicy, Payload},
    id::{AlertId, DeviceId},
    monitored_service::ServiceCondition,
    portal_event::PortalEvent,
    table::{alert, device, suggestion as suggestions},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, sea_query::Expr};
use std::collections::{HashMap, HashSet};

/// A service that should run and does not.
pub(crate) struct Down {
    pub(crate) service_name: String,
    pub(crate) condition: ServiceCondition,
    /// Since when.
    pub(crate) since: DateTime<Utc>,
}

impl Down {
    /// Is this one?
    pub(crate) const fn is_one(condition: ServiceCondition) -> bool {
        matches!(
            condition,
            ServiceCondition::Failed | ServiceCondition::NotRunning | ServiceCondition::Missing
        )
    }

    fn sentence(&self) -> String {
        match self.condition {
            ServiceCondition::Failed => format!("{} has failed", self.service_name),
            ServiceCondition::Missing => format!("{} is missing", self.service_name),
            _ => format!("{} does not run", self.service_name),
        }
    }
}

/// What has to be written because of how the services of a device are.
pub(crate) struct ServicePlan {
    device: device::Model,
    policy: Option<ApprovalPolicy>,
    opens: Vec<Down>,
    /// Open alerts of services that are as they should be, or not looked after any more.
    closes: Vec<alert::Model>,
    /// Open alerts without a suggestion, of services that can be restarted by now.
    proposes: Vec<(AlertId, Down)>,
}

impl ServicePlan {
    /// Compares what is down with the alerts that are open; reads, and writes nothing.
    pub(crate) async fn of(store: &Store, device: &device::Model, down: Vec<Down>) -> Result<Self> {
        let open = Reach::of(device.business_id)
            .select::<alert::Entity>()
            .filter(alert::Column::DeviceId.eq(device.id))
            .filter(alert::Column::AlertType.eq(AlertKind::ServiceDown))
            .filter(alert::Column::State.is_in(OPEN))
            .all(store.db())
            .await?;
        let mut open: HashMap<String, alert::Model> =
            open.into_iter().map(|row| (row.fingerprint.clone(), row)).collect();
        let suggested = suggested(store, open.values().map(|row| row.id)).await?;
        let (mut opens, mut proposes) = (Vec::new(), Vec::new());
        for one in down {
            match open.remove(&of_service(device.id, &one.service_name)) {
                Some(alert) if !suggested.contains(&alert.id) && can_restart(&one) => {
                    proposes.push((alert.id, one));
                }
                Some(_) => {}
                None if is_settled(store, device, &one).await? => {}
                None => opens.push(one),
            }
        }
        // Read now: a change that has begun holds the connection.
        let policy = match opens.is_empty() && proposes.is_empty() {
            true => None,
            false => Some(approval_policy::in_force(store.db(), device.business_id).await?),
        };
        Ok(Self { device: device.clone(), policy, opens, closes: open.into_values().collect(), proposes })
    }

    /// Nothing has to be written.
    pub(crate) fn is_empty(&self) -> bool {
        self.opens.is_empty() && self.closes.is_empty() && self.proposes.is_empty()
    }

    /// Writes it; what is answered has to be told after the commit.
    pub(crate) async fn write(self, store: &Store, change: &Change) -> Result<Written> {
        let mut written = Written::default();
        let Self { device, policy, opens, closes, mut proposes } = self;
        for one in closes {
            if let Some(outdated) = close(change, &one).await? {
                written.ended.push(event(&device, one.id));
                written.outdated += outdated;
            }
        }
        for one in opens {
            let alert_id = open(change, &device, &one).await?;
            written.begun.push(event(&device, alert_id));
            if can_restart(&one) {
                proposes.push((alert_id, one));
            }
        }
        let Some(policy) = policy else { return Ok(written) };
        for (alert_id, one) in proposes {
            let proposal = suggestion::Proposal {
                alert_id,
                cause: of_service(device.id, &one.service_name),
                why: format!("{} on {}.", one.sentence(), device.device_name),
                payload: Payload::RestartService { service_name: one.service_name },
            };
            written.proposed.extend(suggestion::propose(store, change, &device, &policy, proposal).await?);
            written.told.push(event(&device, alert_id));
        }
        Ok(written)
    }
}

/// What was written, to be told after the commit.
#[derive(Default)]
pub(crate) struct Written {
    begun: Vec<PortalEvent>,
    ended: Vec<PortalEvent>,
    told: Vec<PortalEvent>,
    outdated: u64,
    proposed: Vec<suggestion::Proposed>,
}

impl Written {
    /// Counts it, and tells whoever has to hear of it.
    pub(crate) fn announce(self, store: &Store) {
        store.telemetry().alerts("begun", self.begun.len() as u64);
        store.telemetry().alerts("ended", self.ended.len() as u64);
        store.telemetry().suggestions("outdated", self.outdated);
        self.proposed.iter().for_each(|proposed| proposed.announce(store));
        let events = self.begun.into_iter().chain(self.ended).chain(self.told);
        events.for_each(|event| store.publish(event));
    }
}

/// A restart is nothing for a service that the device does not have.
fn can_restart(down: &Down) -> bool {
    down.condition != ServiceCondition::Missing
}

fn of_service(device: DeviceId, name: &str) -> String {
    fingerprint(AlertKind::ServiceDown, device, Some(name))
}

const fn event(device: &device::Model, alert_id: AlertId) -> PortalEvent {
    PortalEvent::Alert { business_id: device.business_id, device_id: device.id, alert_id }
}

/// The alerts of which there was a suggestion.
async fn suggested(store: &Store, alerts: impl Iterator<Item = AlertId>) -> Result<HashSet<AlertId>> {
    let alerts: Vec<AlertId> = alerts.collect();
    if alerts.is_empty() {
        return Ok(HashSet::new());
    }
    let found = Reach::everything()
        .select::<suggestions::Entity>()
        .filter(suggestions::Column::AlertId.is_in(alerts))
        .all(store.db())
        .await?;
    Ok(found.into_iter().map(|row| row.alert_id).collect())
}

/// Has somebody said that this is over, and nothing has changed about the service since?
async fn is_settled(store: &Store, device: &device::Model, down: &Down) -> Result<bool> {
    let former = Reach::of(device.business_id)
        .select::<alert::Entity>()
        .filter(alert::Column::Fingerprint.eq(of_service(device.id, &down.service_name)))
        .order_by_desc(alert::Column::Id)
        .one(store.db())
        .await?;
    let former = former.filter(|alert| alert.state == AlertState::Resolved);
    Ok(former.and_then(|alert| alert.resolved_at).is_some_and(|at| at >= down.since))
}

async fn open(change: &Change, device: &device::Model, down: &Down) -> Result<AlertId> {
    let new = NewAlert {
        rule_id: None,
        device_id: device.id,
        business_id: device.business_id,
        kind: AlertKind::ServiceDown,
        fingerprint: of_service(device.id, &down.service_name),
        severity: Severity::Critical,
        message: down.sentence(),
        metric_value: None,
        threshold_value: None,
        // It is over when the device says so, not when nothing is heard.
        quiet_seconds: 0,
    };
    raise(change, new).await
}

/// Ends an alert; says how many suggestions were outdated with it, or nothing when somebody else ended it.
async fn close(change: &Change, one: &alert::Model) -> Result<Option<u64>> {
    let Some(next) = one.state.on(AlertEvent::Clear) else { return Ok(None) };
    let now = change.now();
    let moved = alert::Entity::update_many()
        .col_expr(alert::Column::State, Expr::value(next))
        .col_expr(alert::Column::ResolvedAt, Expr::value(now))
        .filter(alert::Column::Id.eq(one.id))
        .filter(alert::Column::State.eq(one.state))
        .exec(&**change)
        .await?;
    if moved.rows_affected != 1 {
        return Ok(None);
    }
    let summary = format!("Alert is over: {}", one.alert_message);
    note(change, one.device_id, one.business_id, now, ActivityKind::Alert, summary).await?;
    suggestion::outdate(change, [one.id]).await.map(Some)
}
