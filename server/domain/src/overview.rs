//! What needs a person now, and the estate.

use crate::{
    Cx, Result, alert, business,
    device::{CountBy, GroupCounts, fullest_disks, longest_offline, presence_counts},
    rollout, service_location,
    store::statement,
};
use entity::{
    business::{BusinessQuery, PresenceCounts},
    id::BusinessId,
    overview::{ATTENTION_MAX, DISK_ATTENTION_PERCENT, ESTATE_MAX, EstateRow, Overview},
    page::PAGE_SIZE_MAX,
    policy::Action,
    service_location::ServiceLocationQuery,
};
use sea_orm::{ConnectionTrait as _, Value};
use std::{cmp::Reverse, collections::HashMap};

/// The overview within reach. The fleet is counted once, in an index; everything else reads what it shows.
///
/// # Errors
/// When the database fails.
pub async fn get(cx: &Cx) -> Result<Overview> {
    let disk = f64::from(DISK_ATTENTION_PERCENT);
    let groups = presence_counts(cx, CountBy::EveryBusiness).await?;
    let devices = groups.iter().fold(PresenceCounts::default(), |sum, group| PresenceCounts {
        online: sum.online + group.counts.online,
        offline: sum.offline + group.counts.offline,
        unknown: sum.unknown + group.counts.unknown,
    });
    let (estate, estate_total) =
        if cx.me().role.is_msp() { of_businesses(cx, groups).await? } else { of_locations(cx).await? };
    let device = ("d.business_id", "d.service_location_id");
    let waiting_tokens = if cx.me().may(Action::RegisterDevice) {
        let now = cx.store().now();
        let token = ("t.business_id", "t.service_location_id");
        let condition = "t.state = 'issued' AND t.expires_at > ?";
        count(cx, "registration_tokens t", token, condition, [now.into()]).await?
    } else {
        0
    };
    let latest = "device_latest l JOIN agent_devices d ON d.device_key = l.device_key";
    let full = "d.state = 'active' AND l.disk_percent >= ?";
    let services = "agent_monitored_services m JOIN agent_devices d ON d.id = m.device_id";
    let failed = "d.state = 'active' AND m.status = 'failed'";
    let (rollouts_halted, rollouts_awaiting) = rollout::needing(cx).await?;
    Ok(Overview {
        devices,
        offline: if devices.offline == 0 { Vec::new() } else { longest_offline(cx, ATTENTION_MAX).await? },
        disks: fullest_disks(cx, disk, ATTENTION_MAX).await?,
        disks_total: count(cx, latest, device, full, [disk.into()]).await?,
        failed_services: count(cx, services, device, failed, []).await?,
        open_alerts: alert::count_open(cx).await?,
        waiting_tokens,
        rollouts_halted,
        rollouts_awaiting,
        estate,
        estate_total,
    })
}

async fn count(
    cx: &Cx,
    from: &str,
    columns: (&str, &str),
    condition: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<u64> {
    let (reach, mut all) = cx.reach().condition(columns.0, columns.1);
    all.extend(values);
    let sql = format!("SELECT count(*) AS count FROM {from} WHERE {reach} AND {condition}");
    let row = cx.db().query_one_raw(statement(cx.db().get_database_backend(), &sql, all)).await?;
    Ok(row.map(|row| row.try_get::<i64>("", "count")).transpose()?.unwrap_or_default().unsigned_abs())
}

/// One bar per business, by name: all of them while they are few, else those with the most silent devices, then the
/// most devices.
async fn of_businesses(cx: &Cx, groups: Vec<GroupCounts>) -> Result<(Vec<EstateRow>, u64)> {
    let limit = u32::try_from(ESTATE_MAX).unwrap_or(u32::MAX);
    let first = business::list(cx, &BusinessQuery { limit: Some(limit), ..BusinessQuery::default() }).await?;
    let total = first.total.unwrap_or(first.items.len() as u64);
    let row = |id, name, devices| EstateRow { business_id: id, service_location_id: None, name, devices };
    if first.next_cursor.is_none() {
        let rows = first.items.into_iter().map(|b| row(b.id, b.business_name, b.devices));
        return Ok((rows.collect(), total));
    }
    let mut counts: Vec<(BusinessId, PresenceCounts)> =
        groups.into_iter().map(|group| (group.business_id, group.counts)).collect();
    counts.sort_unstable_by_key(|(id, counts)| (Reverse(counts.offline), Reverse(counts.total()), *id));
    counts.truncate(ESTATE_MAX);
    let mut names: HashMap<_, _> = business::names(cx, counts.iter().map(|(id, _)| *id)).await?;
    let rows = counts.into_iter().filter_map(|(id, counts)| Some(row(id, names.remove(&id)?, counts)));
    let mut rows: Vec<EstateRow> = rows.collect();
    rows.sort_by_cached_key(|row| entity::input::fold(&row.name));
    Ok((rows, total))
}

/// One bar per service location for a customer, by name, and one for the devices at none.
async fn of_locations(cx: &Cx) -> Result<(Vec<EstateRow>, u64)> {
    let query = ServiceLocationQuery { limit: Some(PAGE_SIZE_MAX), ..ServiceLocationQuery::default() };
    let places = service_location::list(cx, &query).await?;
    let total = places.total.unwrap_or_default();
    let rows = places.items.into_iter().map(|l| EstateRow {
        business_id: l.business_id,
        service_location_id: Some(l.id),
        name: l.location_name,
        devices: l.devices,
    });
    let mut rows: Vec<EstateRow> = rows.collect();
    let elsewhere = presence_counts(cx, CountBy::NoServiceLocation).await?;
    rows.extend(elsewhere.into_iter().map(|group| EstateRow {
        business_id: group.business_id,
        service_location_id: None,
        name: "No service location".to_owned(),
        devices: group.counts,
    }));
    Ok((rows, total))
}
