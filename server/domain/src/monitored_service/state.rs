//! How the monitored services of a device are: told by its agent, shown beside what is wanted of them.

use super::in_force::{Where, count_wrong, in_force_on};
use crate::{
    AgentCx, Cx, Result,
    alert::{Down, ServicePlan},
    device,
    store::Reach,
};
use chrono::{DateTime, Utc};
use entity::{
    id::DeviceId,
    input::clip,
    monitored_service::{
        InForce, MONITORED_SERVICES_MAX, MonitoredServiceState, MonitoredServiceView, MonitoredServicesView,
        SERVICE_NAME_MAX, ServiceCondition,
    },
    portal_event::PortalEvent,
    problem::Problem,
    system_service::ServiceManager,
    table::{device as device_table, monitored_service_state as table},
    wire::MonitoredServices,
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    sea_query::{Expr, OnConflict},
};
use std::collections::{BTreeMap, HashMap};

/// Takes how the monitored services of a device are. The same again changes nothing and costs no commit.
///
/// # Errors
/// Invalid when there are too many, and when the database fails.
pub async fn report(cx: &AgentCx, report: MonitoredServices) -> Result<()> {
    if report.items.len() > MONITORED_SERVICES_MAX {
        return Err(Problem::invalid("items", format!("At most {MONITORED_SERVICES_MAX} services.")).into());
    }
    let store = cx.store();
    let now = store.now();
    let row = cx.device().await?;
    let in_force = in_force_on(store.db(), Where::of(&row)).await?;
    let before = told(cx).await?;
    let after: BTreeMap<String, table::Model> = report
        .items
        .into_iter()
        .map(|item| state_row(cx, item, &before, now))
        .map(|row| (row.service_name.clone(), row))
        .collect();
    let by_name = after.values().map(|row| (row.service_name.clone(), row.status)).collect();
    let wrong = count_wrong(&in_force, &by_name);
    let is_as_before = |row: &table::Model| {
        before
            .get(&row.service_name)
            .is_some_and(|old| table::Model { last_checked_at: old.last_checked_at, ..row.clone() } == *old)
    };
    let changed: Vec<_> = after
        .values()
        .filter(|row| !is_as_before(row))
        .map(|row| row.clone().into_active_model().reset_all())
        .collect();
    let gone: Vec<&str> =
        before.keys().filter(|name| !after.contains_key(*name)).map(String::as_str).collect();
    let down = down(&in_force, &after);
    let plan = match before.is_empty() && down.is_empty() {
        true => None,
        false => Some(ServicePlan::of(store, &row, down).await?),
    };
    let plan = plan.filter(|plan| !plan.is_empty());
    if changed.is_empty() && gone.is_empty() && wrong == row.services_wrong && plan.is_none() {
        return Ok(());
    }
    let change = cx.begin().await?;
    if !gone.is_empty() {
        table::Entity::delete_many()
            .filter(table::Column::DeviceId.eq(cx.device_id()))
            .filter(table::Column::ServiceName.is_in(gone))
            .exec(&*change)
            .await?;
    }
    if !changed.is_empty() {
        table::Entity::insert_many(changed).on_conflict(replace()).exec_without_returning(&*change).await?;
    }
    device_table::Entity::update_many()
        .col_expr(device_table::Column::ServicesWrong, Expr::value(wrong))
        .filter(device_table::Column::Id.eq(cx.device_id()))
        .exec(&*change)
        .await?;
    let written = match plan {
        Some(plan) => Some(plan.write(store, &change).await?),
        None => None,
    };
    change.commit_unattended().await?;
    if let Some(written) = written {
        written.announce(store);
    }
    store.publish(PortalEvent::Device { business_id: cx.business_id(), device_id: cx.device_id() });
    Ok(())
}

/// What should run and does not.
fn down(in_force: &[InForce], told: &BTreeMap<String, table::Model>) -> Vec<Down> {
    let of = |found: &InForce| {
        let row = told.get(&found.setting.service_name)?;
        let condition = ServiceCondition::of(found.setting.should_be_running, Some(row.status));
        let since = row.last_state_change_at;
        Down::is_one(condition).then(|| Down { service_name: row.service_name.clone(), condition, since })
    };
    in_force.iter().filter(|found| found.is_watched).filter_map(of).collect()
}

async fn told(cx: &AgentCx) -> Result<HashMap<String, table::Model>> {
    let rows = Reach::of(cx.business_id())
        .select::<table::Entity>()
        .filter(table::Column::DeviceId.eq(cx.device_id()))
        .all(cx.store().db())
        .await?;
    Ok(rows.into_iter().map(|row| (row.service_name.clone(), row)).collect())
}

fn state_row(
    cx: &AgentCx,
    item: MonitoredServiceState,
    before: &HashMap<String, table::Model>,
    now: DateTime<Utc>,
) -> table::Model {
    let service_name = clip(&item.service_name, SERVICE_NAME_MAX);
    let since = before
        .get(&service_name)
        .filter(|old| old.status == item.status && old.restart_count == signed(item.restart_count))
        .map_or(now, |old| old.last_state_change_at);
    table::Model {
        device_id: cx.device_id(),
        business_id: cx.business_id(),
        service_name,
        status: item.status,
        pid: item.pid.map(i64::from),
        exit_code: item.exit_code.map(i64::from),
        restart_count: signed(item.restart_count),
        last_restart_at: item.last_restart_at,
        refusal: item.refusal,
        last_checked_at: now,
        last_state_change_at: since,
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn replace() -> OnConflict {
    use table::Column as C;
    OnConflict::columns([C::DeviceId, C::ServiceName])
        .update_columns([
            C::Status,
            C::Pid,
            C::ExitCode,
            C::RestartCount,
            C::LastRestartAt,
            C::Refusal,
            C::LastCheckedAt,
            C::LastStateChangeAt,
        ])
        .to_owned()
}

/// The monitored services of a device, what is wrong first.
///
/// # Errors
/// Not found when the device is out of reach.
pub async fn of_device(cx: &Cx, id: DeviceId) -> Result<MonitoredServicesView> {
    let row = device::find(cx, id).await?;
    let can_watch = row.services_manager.is_none_or(|manager| manager != ServiceManager::None);
    let in_force = in_force_on(cx.store().db(), Where::of(&row)).await?;
    if in_force.is_empty() {
        return Ok(MonitoredServicesView { can_watch, items: Vec::new() });
    }
    let rows = cx.select::<table::Entity>().filter(table::Column::DeviceId.eq(id)).all(cx.db()).await?;
    let mut told: HashMap<String, table::Model> =
        rows.into_iter().map(|row| (row.service_name.clone(), row)).collect();
    let mut items: Vec<MonitoredServiceView> = in_force
        .into_iter()
        .map(|found| {
            let told = told.remove(&found.setting.service_name);
            view(found, told)
        })
        .collect();
    items.sort_by_key(|item| (!item.condition.is_wrong(), !item.is_watched));
    Ok(MonitoredServicesView { can_watch, items })
}

fn view(found: InForce, told: Option<table::Model>) -> MonitoredServiceView {
    let InForce { rule, level, is_override, setting, is_watched } = found;
    let status = told.as_ref().map(|told| told.status);
    let condition = match is_watched {
        true => ServiceCondition::of(setting.should_be_running, status),
        false => ServiceCondition::Unknown,
    };
    MonitoredServiceView {
        service_name: setting.service_name,
        rule_id: rule,
        level,
        is_override,
        is_watched,
        should_be_running: setting.should_be_running,
        auto_restart: setting.auto_restart,
        condition,
        status: status.flatten(),
        pid: told.as_ref().and_then(|told| told.pid).and_then(|pid| u32::try_from(pid).ok()),
        exit_code: told.as_ref().and_then(|told| told.exit_code).and_then(|code| i32::try_from(code).ok()),
        restart_count: told.as_ref().map_or(0, |told| told.restart_count.unsigned_abs()),
        last_restart_at: told.as_ref().and_then(|told| told.last_restart_at),
        refusal: told.as_ref().and_then(|told| told.refusal),
        last_checked_at: told.as_ref().map(|told| told.last_checked_at),
        last_state_change_at: told.as_ref().map(|told| told.last_state_change_at),
    }
}
