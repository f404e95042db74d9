//! Services, software and facts as they are now; what changed since the last report becomes activity.

use crate::{
    AgentCx, Error, Result,
    device::{note, os_version, search_text},
    store::Change,
};
use entity::{
    activity::ActivityKind,
    facts::Facts,
    input::clip,
    portal_event::PortalEvent,
    problem::Problem,
    software_item::{SOFTWARE_MAX, SoftwareItem},
    system_service::{SERVICES_MAX, ServiceStatus, SystemService},
    table::{device, monitored_service, software_item},
    wire::{FactsReport, Services, Software},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, Set,
    sea_query::{Expr, OnConflict},
};
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};
use tokio::{sync::SemaphorePermit, time::timeout};

/// Changes named one by one; more become a count.
const NAMED_MAX: usize = 5;
/// Rows of one INSERT.
const ROWS_PER_STATEMENT: usize = 500;

/// Inventories that are written at once. The embedded database has one writer: when a fleet is new, tens of thousands of
/// them would stand before every hello and every sample.
pub(crate) const REPORTS_AT_ONCE: usize = 8;
/// Whoever waits longer comes again, after so many seconds.
const TURN_WITHIN: Duration = Duration::from_secs(5);
const RETRY_AFTER_SECONDS: u32 = 10;

async fn turn(cx: &AgentCx) -> Result<SemaphorePermit<'_>> {
    match timeout(TURN_WITHIN, cx.store().reports().acquire()).await {
        Ok(Ok(turn)) => Ok(turn),
        _ => Err(Error::unavailable(RETRY_AFTER_SECONDS)),
    }
}

/// Takes the system services of a device.
///
/// # Errors
/// Invalid when there are too many.
pub async fn services(cx: &AgentCx, report: Services) -> Result<()> {
    if report.items.len() > SERVICES_MAX {
        return Err(Problem::invalid("items", format!("At most {SERVICES_MAX} services.")).into());
    }
    let items: BTreeMap<String, SystemService> = report
        .items
        .into_iter()
        .map(SystemService::bounded)
        .map(|item| (item.service_name.clone(), item))
        .collect();
    let _turn = turn(cx).await?;
    let store = cx.store();
    let now = store.now();
    // Asked before the change begins: one connection at a time, or many reports at once would wait for each other.
    let first = cx.device().await?.services_reported_at.is_none();
    let change = cx.begin().await?;
    let before: HashMap<String, monitored_service::Model> = monitored_service::Entity::find()
        .filter(monitored_service::Column::DeviceId.eq(cx.device_id()))
        .all(&*change)
        .await?
        .into_iter()
        .map(|row| (row.service_name.clone(), row))
        .collect();
    let gone: Vec<&String> = before.keys().filter(|name| !items.contains_key(*name)).collect();
    for names in gone.chunks(ROWS_PER_STATEMENT) {
        monitored_service::Entity::delete_many()
            .filter(monitored_service::Column::DeviceId.eq(cx.device_id()))
            .filter(monitored_service::Column::ServiceName.is_in(names.iter().map(|name| name.as_str())))
            .exec(&*change)
            .await?;
    }
    let mut changed = Vec::new();
    let mut rows = Vec::new();
    for item in items.into_values() {
        let old = before.get(&item.service_name);
        let since = match old {
            Some(old) if old.status == item.status => old.last_state_change_at,
            Some(old) => {
                changed.push((item.service_name.clone(), old.status, item.status));
                now
            }
            None => now,
        };
        let row = service_row(cx, item, since);
        if old != Some(&row) {
            rows.push(row.into_active_model().reset_all());
        }
    }
    for chunk in rows.chunks(ROWS_PER_STATEMENT) {
        monitored_service::Entity::insert_many(chunk.to_vec())
            .on_conflict(replace_service())
            .exec(&*change)
            .await?;
    }
    if !first {
        note_services(cx, &change, &changed).await?;
    }
    device::Entity::update_many()
        .col_expr(device::Column::ServicesManager, Expr::value(report.manager))
        .col_expr(device::Column::ServicesDigest, Expr::value(clip(&report.digest, 64)))
        .col_expr(device::Column::ServicesReportedAt, Expr::value(now))
        .filter(device::Column::Id.eq(cx.device_id()))
        .exec(&*change)
        .await?;
    change.commit_unattended().await?;
    told(cx);
    Ok(())
}

fn service_row(
    cx: &AgentCx,
    item: SystemService,
    since: chrono::DateTime<chrono::Utc>,
) -> monitored_service::Model {
    monitored_service::Model {
        device_id: cx.device_id(),
        business_id: cx.business_id(),
        service_name: item.service_name,
        display_name: item.display_name,
        status: item.status,
        starts_at_boot: item.starts_at_boot,
        pid: item.pid.map(i64::from),
        last_state_change_at: since,
    }
}

fn replace_service() -> OnConflict {
    use monitored_service::Column as C;
    OnConflict::columns([C::DeviceId, C::ServiceName])
        .update_columns([C::DisplayName, C::Status, C::StartsAtBoot, C::Pid, C::LastStateChangeAt])
        .to_owned()
}

async fn note_services(
    cx: &AgentCx,
    change: &Change,
    changed: &[(String, ServiceStatus, ServiceStatus)],
) -> Result<()> {
    let mut lines: Vec<String> = changed
        .iter()
        .take(NAMED_MAX)
        .map(|(name, from, to)| format!("{name} went from {} to {}", from.word(), to.word()))
        .collect();
    if changed.len() > NAMED_MAX {
        lines.push(format!("{} more services changed their status", changed.len() - NAMED_MAX));
    }
    for summary in lines {
        let now = cx.store().now();
        note(change, cx.device_id(), cx.business_id(), now, ActivityKind::ServiceChanged, summary).await?;
    }
    Ok(())
}

type SoftwareKey = (String, String, String, String);

fn software_key(item: &SoftwareItem) -> SoftwareKey {
    (
        item.software_name.clone(),
        item.software_version.clone(),
        item.architecture.clone().unwrap_or_default(),
        item.source.clone(),
    )
}

/// Takes the installed software of a device.
///
/// # Errors
/// Invalid when there are too many.
pub async fn software(cx: &AgentCx, report: Software) -> Result<()> {
    if report.items.len() > SOFTWARE_MAX {
        return Err(Problem::invalid("items", format!("At most {SOFTWARE_MAX} items.")).into());
    }
    let items: BTreeMap<SoftwareKey, SoftwareItem> =
        report.items.into_iter().map(SoftwareItem::bounded).map(|item| (software_key(&item), item)).collect();
    let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let _turn = turn(cx).await?;
    let store = cx.store();
    let now = store.now();
    let first = cx.device().await?.software_digest.is_none();
    let change = cx.begin().await?;
    let before = software_item::Entity::find()
        .filter(software_item::Column::DeviceId.eq(cx.device_id()))
        .all(&*change)
        .await?;
    let (mut added, mut removed) = (items, Vec::new());
    for row in before {
        let key = (
            row.software_name.clone(),
            row.software_version.clone(),
            row.architecture.clone(),
            row.source.clone(),
        );
        if added.remove(&key).is_none() {
            removed.push(format!("{} {}", row.software_name, row.software_version));
            row.into_active_model().delete(&*change).await?;
        }
    }
    let names: Vec<String> =
        added.values().map(|item| format!("{} {}", item.software_name, item.software_version)).collect();
    let rows: Vec<_> = added.into_values().map(|item| software_row(cx, item, now)).collect();
    for chunk in rows.chunks(ROWS_PER_STATEMENT) {
        software_item::Entity::insert_many(chunk.to_vec()).exec(&*change).await?;
    }
    if !first {
        for (word, list) in [("Installed", names), ("Removed", removed)] {
            if !list.is_empty() {
                note(
                    &change,
                    cx.device_id(),
                    cx.business_id(),
                    now,
                    ActivityKind::SoftwareChanged,
                    named(word, &list),
                )
                .await?;
            }
        }
    }
    device::Entity::update_many()
        .col_expr(device::Column::SoftwareDigest, Expr::value(clip(&report.digest, 64)))
        .col_expr(device::Column::SoftwareCount, Expr::value(count))
        .filter(device::Column::Id.eq(cx.device_id()))
        .exec(&*change)
        .await?;
    change.commit_unattended().await?;
    told(cx);
    Ok(())
}

fn software_row(
    cx: &AgentCx,
    item: SoftwareItem,
    now: chrono::DateTime<chrono::Utc>,
) -> software_item::ActiveModel {
    software_item::ActiveModel {
        device_id: Set(cx.device_id()),
        business_id: Set(cx.business_id()),
        software_name: Set(item.software_name),
        software_version: Set(item.software_version),
        architecture: Set(item.architecture.unwrap_or_default()),
        source: Set(item.source),
        vendor: Set(item.vendor),
        first_seen_at: Set(now),
    }
}

/// `Installed a 1, b 2 and 7 more`.
fn named(word: &str, list: &[String]) -> String {
    let shown = list.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    match list.len().checked_sub(NAMED_MAX) {
        Some(more) if more > 0 => format!("{word} {shown} and {more} more"),
        _ => format!("{word} {shown}"),
    }
}

/// Takes hardware and operating system of a device.
///
/// # Errors
/// When the database fails.
pub async fn facts(cx: &AgentCx, report: FactsReport) -> Result<()> {
    let facts = report.facts.bounded();
    let json = serde_json::to_string(&facts).map_err(|error| Error::Internal(error.to_string()))?;
    let _turn = turn(cx).await?;
    let store = cx.store();
    let row = cx.device().await?;
    let change = cx.begin().await?;
    let before: Facts = serde_json::from_str(&row.facts).unwrap_or_default();
    device::Entity::update_many()
        .col_expr(device::Column::Hostname, Expr::value(facts.hostname.as_str()))
        .col_expr(device::Column::OsVersion, Expr::value(os_version(&facts)))
        .col_expr(
            device::Column::SearchText,
            Expr::value(search_text(&row.device_name, &facts.hostname, &facts)),
        )
        .col_expr(device::Column::Facts, Expr::value(json))
        .col_expr(device::Column::FactsDigest, Expr::value(clip(&report.digest, 64)))
        .filter(device::Column::Id.eq(row.id))
        .exec(&*change)
        .await?;
    if row.facts_digest.is_some() {
        for summary in differences(&before, &facts) {
            note(&change, row.id, row.business_id, store.now(), ActivityKind::FactsChanged, summary).await?;
        }
    }
    change.commit_unattended().await?;
    told(cx);
    Ok(())
}

/// The facts that a technician would want to know had changed. A new boot id is told as a restart elsewhere.
fn differences(before: &Facts, after: &Facts) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".to_owned());
    let number = |value: Option<u64>| value.map_or_else(|| "unknown".to_owned(), |v| v.to_string());
    let pairs = [
        ("Host name", before.hostname.clone(), after.hostname.clone()),
        ("Operating system", text(&os_version(before)), text(&os_version(after))),
        ("Kernel", text(&before.kernel_version), text(&after.kernel_version)),
        ("Processor", text(&before.cpu_model), text(&after.cpu_model)),
        ("Memory in bytes", number(before.memory_total_bytes), number(after.memory_total_bytes)),
        ("Disks in bytes", number(before.disk_total_bytes), number(after.disk_total_bytes)),
        ("Serial number", text(&before.serial_number), text(&after.serial_number)),
        ("Addresses", before.ip_addresses.join(", "), after.ip_addresses.join(", ")),
    ];
    pairs
        .into_iter()
        .filter(|(_, before, after)| before != after)
        .map(|(what, before, after)| format!("{what} changed from {before} to {after}"))
        .collect()
}

fn told(cx: &AgentCx) {
    cx.store().publish(PortalEvent::Device { business_id: cx.business_id(), device_id: cx.device_id() });
}
