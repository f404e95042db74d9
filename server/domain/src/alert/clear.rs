//! What has been quiet for long enough is over by itself.

use super::OPEN;
use crate::{Result, Store, device::note, store::Reach, suggestion};
use chrono::Duration;
use entity::{
    activity::ActivityKind,
    alert::{AlertEvent, AlertKind},
    device::DeviceState,
    portal_event::PortalEvent,
    table::{alert, device},
};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    QueryTrait as _, sea_query::Expr,
};

/// Alerts of one transaction.
const ALERTS_PER_COMMIT: u64 = 200;

/// A service is down until its device says otherwise; one whose access was revoked says nothing any more.
fn ends_by_quiet() -> Condition {
    let revoked = Reach::everything()
        .select::<device::Entity>()
        .filter(device::Column::State.eq(DeviceState::Revoked))
        .select_only()
        .column(device::Column::Id)
        .into_query();
    Condition::any()
        .add(alert::Column::AlertType.ne(AlertKind::ServiceDown))
        .add(alert::Column::DeviceId.in_subquery(revoked))
}

/// Resolves open alerts whose rule has not been broken for their quiet time. Says how many.
pub(crate) async fn clear_quiet(store: &Store) -> Result<u64> {
    let now = store.now();
    let mut behind = None;
    let mut cleared = 0;
    loop {
        let mut select =
            alert::Entity::find().filter(alert::Column::State.is_in(OPEN)).filter(ends_by_quiet());
        if let Some(behind) = behind {
            select = select.filter(alert::Column::Id.gt(behind));
        }
        let open = select.order_by_asc(alert::Column::Id).limit(ALERTS_PER_COMMIT).all(store.db()).await?;
        let Some(last) = open.last() else { return Ok(cleared) };
        behind = Some(last.id);
        let quiet: Vec<_> = open
            .iter()
            .filter(|one| one.last_breach_at + Duration::seconds(one.quiet_seconds) <= now)
            .collect();
        if quiet.is_empty() {
            continue;
        }
        let change = store.begin().await?;
        let (mut events, mut outdated) = (Vec::new(), 0);
        for one in quiet {
            let Some(next) = one.state.on(AlertEvent::Clear) else { continue };
            let moved = alert::Entity::update_many()
                .col_expr(alert::Column::State, Expr::value(next))
                .col_expr(alert::Column::ResolvedAt, Expr::value(now))
                .filter(alert::Column::Id.eq(one.id))
                .filter(alert::Column::State.eq(one.state))
                .filter(alert::Column::LastBreachAt.eq(one.last_breach_at))
                .exec(&*change)
                .await?;
            if moved.rows_affected == 1 {
                let summary = format!("Alert is over: {}", one.alert_message);
                note(&change, one.device_id, one.business_id, now, ActivityKind::Alert, summary).await?;
                outdated += suggestion::outdate(&change, [one.id]).await?;
                events.push(PortalEvent::Alert {
                    business_id: one.business_id,
                    device_id: one.device_id,
                    alert_id: one.id,
                });
            }
        }
        change.commit_unattended().await?;
        store.telemetry().alerts("ended", events.len() as u64);
        store.telemetry().suggestions("outdated", outdated);
        cleared += events.len() as u64;
        events.into_iter().for_each(|event| store.publish(event));
    }
}
