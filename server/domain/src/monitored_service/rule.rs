//! Rules that say which services are looked after: the MSP's, a business's, or one device's own.

use super::in_force::{level_of, recount, tell};
use crate::{
    Cx, Error, Result,
    access::{Permit, Target},
    audit::Record,
    business, device,
    error::on_duplicate,
    store::keyset::{self, Order, holds, pattern},
};
use entity::{
    id::{BusinessId, DeviceId, MonitoredServiceRuleId},
    input::fold,
    monitored_service::{
        MONITORED_SERVICES_MAX, MonitoredServiceRuleChange, MonitoredServiceRuleInput,
        MonitoredServiceRuleQuery, MonitoredServiceRuleView, RuleLevel, name_on, service_name,
    },
    page::Page,
    policy::Action,
    problem::Problem,
    table::{device as device_table, monitored_service_rule as table},
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QuerySelect as _, Select,
    sea_query::Expr,
};
use std::collections::HashMap;

const TAKEN: &str = "This service is looked after there already; change what is there.";

/// One page of the rules within reach, by the name of the service.
///
/// # Errors
/// Invalid names the field of the query.
pub async fn list(cx: &Cx, query: &MonitoredServiceRuleQuery) -> Result<Page<MonitoredServiceRuleView>> {
    let mut select = cx.select::<table::Entity>();
    if let Some(id) = query.business_id {
        select = select.filter(table::Column::BusinessId.eq(id));
    }
    if let Some(id) = query.device_id {
        select = select.filter(table::Column::DeviceId.eq(id));
    }
    select = match query.level {
        None => select,
        Some(level) => at_level(select, level),
    };
    let name = || keyset::column::<table::Entity>(table::Column::NameKey);
    if let Some(pattern) = pattern(query.search.as_deref())? {
        select = select.filter(holds(name(), &pattern));
    }
    let total = keyset::total(cx.db(), select.clone()).await?;
    let order = Order::text("monitored_services.name", name(), false);
    let slice = keyset::page(cx.db(), select, order, query.cursor.as_deref(), query.limit).await?;
    Ok(Page { items: views(cx, slice.rows).await?, next_cursor: slice.next_cursor, total: Some(total) })
}

fn at_level(select: Select<table::Entity>, level: RuleLevel) -> Select<table::Entity> {
    match level {
        RuleLevel::Msp => select.filter(table::Column::BusinessId.is_null()),
        RuleLevel::Business => {
            select.filter(table::Column::BusinessId.is_not_null()).filter(table::Column::DeviceId.is_null())
        }
        RuleLevel::Device => select.filter(table::Column::DeviceId.is_not_null()),
    }
}

/// One rule.
///
/// # Errors
/// Not found when it is out of reach.
pub async fn get(cx: &Cx, id: MonitoredServiceRuleId) -> Result<MonitoredServiceRuleView> {
    let row = find(cx, id).await?;
    views(cx, vec![row]).await?.pop().ok_or_else(not_found)
}

/// Looks after a service: everywhere, at a business, or on one device.
///
/// # Errors
/// Not found when business or device are out of reach, forbidden by role; invalid or conflict names the field.
pub async fn add(cx: &Cx, input: MonitoredServiceRuleInput) -> Result<MonitoredServiceRuleView> {
    let (permit, place) = permit_to_add(cx, &input).await?;
    let name = service_name("service_name", &input.service_name)?;
    check(input.should_be_running, input.auto_restart)?;
    if !input.is_watched && place.level == RuleLevel::Msp {
        let detail = "There is nothing wider that this could be an exception to.";
        return Err(Problem::invalid("is_watched", detail).into());
    }
    if place.level == RuleLevel::Device && input.os_type.is_some() {
        return Err(
            Problem::invalid("os_type", "One device has one operating system; leave this out.").into()
        );
    }
    let name = place.os.map_or_else(|| name.clone(), |os| name_on(os, &name));
    let now = cx.store().now();
    let row = table::Model {
        id: MonitoredServiceRuleId::generate(),
        business_id: place.business,
        device_id: place.device,
        os_type: input.os_type,
        name_key: fold(&name),
        service_name: name,
        is_watched: input.is_watched,
        should_be_running: input.should_be_running,
        auto_restart: input.auto_restart,
        created_at: now,
        changed_at: now,
    };
    check_room(cx, &row).await?;
    let of = (row.business_id, row.device_id);
    let change = permit.begin().await?;
    table::Entity::insert(table::ActiveModel::from(row.clone()))
        .exec_without_returning(&*change)
        .await
        .map_err(on_duplicate("service_name", TAKEN))?;
    recount(&change, of).await?;
    let words = if row.is_watched { "Looks after" } else { "Does not look after" };
    let summary = format!("{words} the service {}{}", row.service_name, place.words());
    permit
        .commit(change, about(Record::new("monitored_service.add", summary), &row).after(logged(&row)))
        .await?;
    tell(cx.store(), of).await?;
    get(cx, row.id).await
}

/// Changes what is wanted of a service.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role; invalid names the field.
pub async fn change(
    cx: &Cx,
    id: MonitoredServiceRuleId,
    input: MonitoredServiceRuleChange,
) -> Result<MonitoredServiceRuleView> {
    let before = find(cx, id).await?;
    let permit = permit_on(cx, &before).await?;
    check(input.should_be_running, input.auto_restart)?;
    if !input.is_watched && level_of(&before) == RuleLevel::Msp {
        let detail = "There is nothing wider that this could be an exception to; remove it instead.";
        return Err(Problem::invalid("is_watched", detail).into());
    }
    let after = table::Model {
        is_watched: input.is_watched,
        should_be_running: input.should_be_running,
        auto_restart: input.auto_restart,
        changed_at: cx.store().now(),
        ..before.clone()
    };
    let of = (before.business_id, before.device_id);
    let change = permit.begin().await?;
    table::Entity::update_many()
        .col_expr(table::Column::IsWatched, Expr::value(after.is_watched))
        .col_expr(table::Column::ShouldBeRunning, Expr::value(after.should_be_running))
        .col_expr(table::Column::AutoRestart, Expr::value(after.auto_restart))
        .col_expr(table::Column::ChangedAt, Expr::value(after.changed_at))
        .filter(table::Column::Id.eq(id))
        .exec(&*change)
        .await?;
    recount(&change, of).await?;
    let summary = format!("Changed how the service {} is looked after", before.service_name);
    let record = about(Record::new("monitored_service.change", summary), &before);
    permit.commit(change, record.before(logged(&before)).after(logged(&after))).await?;
    tell(cx.store(), of).await?;
    get(cx, id).await
}

/// Removes a rule; answers what it was. What a wider rule says is in force again.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role.
pub async fn remove(cx: &Cx, id: MonitoredServiceRuleId) -> Result<MonitoredServiceRuleView> {
    let row = find(cx, id).await?;
    let permit = permit_on(cx, &row).await?;
    let view = get(cx, id).await?;
    let of = (row.business_id, row.device_id);
    let change = permit.begin().await?;
    table::Entity::delete_many().filter(table::Column::Id.eq(id)).exec(&*change).await?;
    recount(&change, of).await?;
    let summary = format!("No longer decides about the service {}", row.service_name);
    let record = about(Record::new("monitored_service.remove", summary), &row);
    permit.commit(change, record.before(logged(&row))).await?;
    tell(cx.store(), of).await?;
    Ok(view)
}

/// Where a rule is to be made.
struct Place {
    level: RuleLevel,
    business: Option<BusinessId>,
    device: Option<DeviceId>,
    /// Of the device, when it is for one.
    os: Option<entity::platform::Os>,
    name: Option<String>,
}

impl Place {
    fn words(&self) -> String {
        self.name.as_ref().map_or_else(|| " everywhere".to_owned(), |name| format!(" on {name}"))
    }
}

async fn permit_to_add<'a>(cx: &'a Cx, input: &MonitoredServiceRuleInput) -> Result<(Permit<'a>, Place)> {
    if let Some(id) = input.device_id {
        let row = device::find(cx, id).await?;
        if input.business_id.is_some_and(|business| business != row.business_id) {
            return Err(Problem::invalid("business_id", "The device belongs to another business.").into());
        }
        let permit = cx.permit(Action::ManageMonitoring, Target::device(&row))?;
        let place = Place {
            level: RuleLevel::Device,
            business: Some(row.business_id),
            device: Some(id),
            os: Some(row.os_type),
            name: Some(row.device_name),
        };
        return Ok((permit, place));
    }
    let Some(id) = input.business_id else {
        let permit = cx.permit(Action::ManageMonitoring, Target::Msp)?;
        return Ok((
            permit,
            Place { level: RuleLevel::Msp, business: None, device: None, os: None, name: None },
        ));
    };
    let row = business::find(cx, id).await?;
    let permit = cx.permit(Action::ManageMonitoring, Target::Business(id))?;
    let name = Some(format!("the devices of {}", row.business_name));
    Ok((permit, Place { level: RuleLevel::Business, business: Some(id), device: None, os: None, name }))
}

async fn permit_on<'a>(cx: &'a Cx, row: &table::Model) -> Result<Permit<'a>> {
    let target = match row.device_id {
        Some(id) => Target::device(&device::find(cx, id).await?),
        None => Target::of(row.business_id),
    };
    cx.permit(Action::ManageMonitoring, target)
}

fn check(should_be_running: bool, auto_restart: bool) -> Result<()> {
    if auto_restart && !should_be_running {
        let detail = "A service that must not run is not restarted.";
        return Err(Problem::invalid("auto_restart", detail).into());
    }
    Ok(())
}

/// A place has no more rules than an agent takes.
async fn check_room(cx: &Cx, row: &table::Model) -> Result<()> {
    let select = at_level(cx.select::<table::Entity>(), level_of(row));
    let select = match (row.business_id, row.device_id) {
        (_, Some(device)) => select.filter(table::Column::DeviceId.eq(device)),
        (Some(business), None) => select.filter(table::Column::BusinessId.eq(business)),
        (None, None) => select,
    };
    if select.count(cx.db()).await? >= MONITORED_SERVICES_MAX as u64 {
        let detail = format!("{MONITORED_SERVICES_MAX} services are looked after there; remove one first.");
        return Err(Error::conflict(None, detail));
    }
    Ok(())
}

fn about(record: Record, row: &table::Model) -> Record {
    match row.device_id {
        Some(id) => record.device(id),
        None => record,
    }
}

fn logged(row: &table::Model) -> serde_json::Value {
    serde_json::json!({
        "service_name": row.service_name,
        "os_type": row.os_type,
        "is_watched": row.is_watched,
        "should_be_running": row.should_be_running,
        "auto_restart": row.auto_restart,
    })
}

fn not_found() -> Error {
    Error::not_found("monitored service")
}

async fn find(cx: &Cx, id: MonitoredServiceRuleId) -> Result<table::Model> {
    cx.select::<table::Entity>().filter(table::Column::Id.eq(id)).one(cx.db()).await?.ok_or_else(not_found)
}

async fn views(cx: &Cx, rows: Vec<table::Model>) -> Result<Vec<MonitoredServiceRuleView>> {
    let businesses = business::names(cx, rows.iter().filter_map(|row| row.business_id)).await?;
    let ids: Vec<DeviceId> = rows.iter().filter_map(|row| row.device_id).collect();
    let devices: HashMap<DeviceId, String> = if ids.is_empty() {
        HashMap::new()
    } else {
        let named: Vec<(DeviceId, String)> = cx
            .select::<device_table::Entity>()
            .filter(device_table::Column::Id.is_in(ids))
            .select_only()
            .columns([device_table::Column::Id, device_table::Column::DeviceName])
            .into_tuple()
            .all(cx.db())
            .await?;
        named.into_iter().collect()
    };
    let view = |row: table::Model| MonitoredServiceRuleView {
        level: level_of(&row),
        business_name: row.business_id.and_then(|id| businesses.get(&id).cloned()),
        device_name: row.device_id.and_then(|id| devices.get(&id).cloned()),
        id: row.id,
        service_name: row.service_name,
        business_id: row.business_id,
        device_id: row.device_id,
        os_type: row.os_type,
        is_watched: row.is_watched,
        should_be_running: row.should_be_running,
        auto_restart: row.auto_restart,
        created_at: row.created_at,
        changed_at: row.changed_at,
    };
    Ok(rows.into_iter().map(view).collect())
}
