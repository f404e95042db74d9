//! What is in force on a device, and who has to hear that it has changed.

use crate::{
    Result, Store,
    store::{Change, Reach},
};
use entity::{
    device::DeviceState,
    id::{BusinessId, DeviceId},
    monitored_service::{
        InForce, MonitoredServiceSetting, Rule, RuleLevel, ServiceCondition, in_force, settings,
    },
    platform::Os,
    portal_event::PortalEvent,
    presence::Presence,
    system_service::ServiceStatus,
    table::{device, monitored_service_rule as rule, monitored_service_state as state},
};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _, QuerySelect as _,
    sea_query::Expr,
};
use std::collections::HashMap;

/// Devices that are counted anew at once when a rule changes; agents that are online tell anew by themselves.
const RECOUNTED_MAX: u64 = 1_000;

/// Which device, as far as rules ask.
#[derive(Clone, Copy, Debug)]
pub(super) struct Where {
    pub(super) device: DeviceId,
    pub(super) business: BusinessId,
    pub(super) os: Os,
}

impl Where {
    pub(super) const fn of(row: &device::Model) -> Self {
        Self { device: row.id, business: row.business_id, os: row.os_type }
    }
}

/// Where a rule was made.
pub(super) const fn level_of(row: &rule::Model) -> RuleLevel {
    match (row.business_id, row.device_id) {
        (_, Some(_)) => RuleLevel::Device,
        (Some(_), None) => RuleLevel::Business,
        (None, None) => RuleLevel::Msp,
    }
}

fn decides(row: rule::Model) -> Rule {
    Rule {
        level: level_of(&row),
        id: row.id,
        os_type: row.os_type,
        service_name: row.service_name,
        is_watched: row.is_watched,
        should_be_running: row.should_be_running,
        auto_restart: row.auto_restart,
    }
}

/// What is in force there, also of the MSP's rules, which its people do not see as rows.
pub(super) async fn in_force_on(db: &impl ConnectionTrait, at: Where) -> Result<Vec<InForce>> {
    let of_business = Condition::all().add(rule::Column::BusinessId.eq(at.business)).add(
        Condition::any().add(rule::Column::DeviceId.is_null()).add(rule::Column::DeviceId.eq(at.device)),
    );
    let rows = Reach::everything()
        .select::<rule::Entity>()
        .filter(Condition::any().add(rule::Column::BusinessId.is_null()).add(of_business))
        .all(db)
        .await?;
    let rules: Vec<Rule> = rows.into_iter().map(decides).collect();
    Ok(in_force(&rules, at.os))
}

/// What the agent of a device is told.
pub(crate) async fn settings_of(store: &Store, row: &device::Model) -> Result<Vec<MonitoredServiceSetting>> {
    Ok(settings(&in_force_on(store.db(), Where::of(row)).await?))
}

/// How many of the services are not as they should be.
pub(super) fn count_wrong(in_force: &[InForce], told: &HashMap<String, Option<ServiceStatus>>) -> i64 {
    let is_wrong = |found: &&InForce| {
        let status = told.get(&found.setting.service_name).copied();
        found.is_watched && ServiceCondition::of(found.setting.should_be_running, status).is_wrong()
    };
    i64::try_from(in_force.iter().filter(is_wrong).count()).unwrap_or(i64::MAX)
}

/// Counts anew on the devices within the reach of a rule that has changed, in the change itself: those that are
/// offline tell nothing by themselves. Those of which nothing was told have nothing wrong.
pub(super) async fn recount(change: &Change, of: (Option<BusinessId>, Option<DeviceId>)) -> Result<()> {
    let devices = within(of)
        .filter(
            device::Column::Id.in_subquery(
                sea_orm::sea_query::Query::select()
                    .column(state::Column::DeviceId)
                    .from(state::Entity)
                    .to_owned(),
            ),
        )
        .select_only()
        .columns([device::Column::Id, device::Column::BusinessId, device::Column::OsType])
        .column(device::Column::ServicesWrong)
        .limit(RECOUNTED_MAX)
        .into_tuple::<(DeviceId, BusinessId, Os, i64)>()
        .all(&**change)
        .await?;
    for (device, business, os, before) in devices {
        let in_force = in_force_on(&**change, Where { device, business, os }).await?;
        let told = Reach::of(business)
            .select::<state::Entity>()
            .filter(state::Column::DeviceId.eq(device))
            .all(&**change)
            .await?;
        let told = told.into_iter().map(|row| (row.service_name, row.status)).collect();
        let wrong = count_wrong(&in_force, &told);
        if wrong != before {
            device::Entity::update_many()
                .col_expr(device::Column::ServicesWrong, Expr::value(wrong))
                .filter(device::Column::Id.eq(device))
                .exec(&**change)
                .await?;
        }
    }
    Ok(())
}

fn within((business, device): (Option<BusinessId>, Option<DeviceId>)) -> sea_orm::Select<device::Entity> {
    let reach = business.map_or_else(Reach::everything, Reach::of);
    let select = reach.select::<device::Entity>().filter(device::Column::State.eq(DeviceState::Active));
    match device {
        Some(device) => select.filter(device::Column::Id.eq(device)),
        None => select,
    }
}

/// Wakes the sessions of the devices within the reach of a rule that has changed, so that their agents hear of it at
/// once, and tells open pages.
pub(super) async fn tell(store: &Store, of: (Option<BusinessId>, Option<DeviceId>)) -> Result<()> {
    let online: Vec<(DeviceId, BusinessId)> = within(of)
        .filter(device::Column::Presence.eq(Presence::Online))
        .select_only()
        .columns([device::Column::Id, device::Column::BusinessId])
        .into_tuple()
        .all(store.db())
        .await?;
    let ids: Vec<DeviceId> = online.iter().map(|(id, _)| *id).collect();
    store.wake(&ids);
    if let (Some(business_id), Some(device_id)) = of {
        store.publish(PortalEvent::Device { business_id, device_id });
    }
    Ok(())
}
