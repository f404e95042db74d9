//! What needs a person now, and the estate.

use crate::{
    Cx, Result, business,
    device::{CountBy, Narrow, presence_counts, rows},
    service_location,
    store::statement,
};
use entity::{
    business::PresenceCounts,
    device::{DeviceRow, DeviceSort},
    overview::{ATTENTION_MAX, DISK_ATTENTION_PERCENT, EstateRow, Overview},
    policy::Action,
};
use sea_orm::{ConnectionTrait as _, Value};

/// The overview within reach.
///
/// # Errors
/// When the database fails.
pub async fn get(cx: &Cx) -> Result<Overview> {
    let disk = f64::from(DISK_ATTENTION_PERCENT);
    let estate = estate(cx).await?;
    let devices = presence_counts(cx, CountBy::Business).await?.into_iter().fold(
        PresenceCounts::default(),
        |sum, group| PresenceCounts {
            online: sum.online + group.counts.online,
            offline: sum.offline + group.counts.offline,
            unknown: sum.unknown + group.counts.unknown,
        },
    );
    let waiting_tokens = if cx.me().may(Action::RegisterDevice) {
        let now = cx.store().now();
        let condition = "t.state = 'issued' AND t.expires_at > ?";
        count(
            cx,
            "registration_tokens t",
            ("t.business_id", "t.service_location_id"),
            condition,
            [now.into()],
        )
        .await?
    } else {
        0
    };
    Ok(Overview {
        devices,
        offline: attention(cx, "d.presence = 'offline'", [], "d.presence_since ASC, d.id ASC").await?,
        disks: attention(cx, "l.disk_percent >= ?", [disk.into()], "l.disk_percent DESC, d.id ASC").await?,
        disks_total: count(
            cx,
            "agent_devices d JOIN device_latest l ON l.device_key = d.device_key",
            ("d.business_id", "d.service_location_id"),
            "d.state = 'active' AND l.disk_percent >= ?",
            [disk.into()],
        )
        .await?,
        failed_services: count(
            cx,
            "agent_monitored_services m JOIN agent_devices d ON d.id = m.device_id",
            ("d.business_id", "d.service_location_id"),
            "d.state = 'active' AND m.status = 'failed'",
            [],
        )
        .await?,
        waiting_tokens,
        estate,
    })
}

async fn attention(
    cx: &Cx,
    condition: &str,
    values: impl IntoIterator<Item = Value>,
    order: &str,
) -> Result<Vec<DeviceRow>> {
    let mut narrow = Narrow::within(cx);
    narrow.and("d.state = 'active'", []);
    narrow.and(condition, values);
    let found = rows(cx, narrow, DeviceSort::Name, order, ATTENTION_MAX).await?;
    Ok(found.into_iter().map(|(row, _)| row).collect())
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

/// One bar per business for the MSP's people; one per service location for a customer.
async fn estate(cx: &Cx) -> Result<Vec<EstateRow>> {
    if cx.me().role.is_msp() {
        let businesses = business::list(cx).await?;
        return Ok(businesses
            .into_iter()
            .map(|b| EstateRow {
                business_id: b.id,
                service_location_id: None,
                name: b.business_name,
                devices: b.devices,
            })
            .collect());
    }
    let mut estate: Vec<EstateRow> = service_location::list(cx, None)
        .await?
        .into_iter()
        .map(|l| EstateRow {
            business_id: l.business_id,
            service_location_id: Some(l.id),
            name: l.location_name,
            devices: l.devices,
        })
        .collect();
    let elsewhere = presence_counts(cx, CountBy::ServiceLocation).await?;
    estate.extend(elsewhere.into_iter().filter(|group| group.service_location_id.is_none()).map(|group| {
        EstateRow {
            business_id: group.business_id,
            service_location_id: None,
            name: "No service location".to_owned(),
            devices: group.counts,
        }
    }));
    Ok(estate)
}
