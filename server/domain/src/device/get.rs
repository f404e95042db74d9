//! One device with all that its page shows at once.

use crate::{Cx, Error, Result, metric};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entity::{device::DeviceView, facts::Facts, id::DeviceId, presence::Presence, table::device};
use sea_orm::{ColumnTrait as _, QueryFilter as _};
use sha2::{Digest as _, Sha256};

/// One device.
///
/// # Errors
/// Not found when it is out of reach.
pub async fn get(cx: &Cx, id: DeviceId) -> Result<DeviceView> {
    let row = find(cx, id).await?;
    let business = crate::business::find(cx, row.business_id).await?;
    let location = match row.service_location_id {
        Some(id) => Some(crate::service_location::find(cx, id).await?),
        None => None,
    };
    let latest = metric::latest(cx, row.device_key).await?;
    let monitored = crate::monitored_service::of_device(cx, id).await?.items;
    let record = crate::command::chain::record(cx, id).await?;
    Ok(DeviceView {
        record,
        business_name: business.business_name,
        location_name: location.map(|location| location.location_name),
        last_seen_at: cx.store().tracker().last_seen_at(id).max(row.last_seen_at),
        last_metrics_at: latest.as_ref().map(|latest| latest.received_at),
        key_fingerprint: fingerprint(&row.public_key),
        facts: facts(&row)?,
        latest: latest.map(|latest| latest.sample),
        software_count: row.software_count.map(i64::unsigned_abs),
        samples_dropped: row.samples_dropped.unsigned_abs(),
        services_wrong: row.services_wrong.unsigned_abs(),
        monitored_services: monitored,
        device_lock: crate::report::read_lock(&row)?,
        link: row.link.filter(|_| row.presence == Presence::Online),
        id: row.id,
        device_name: row.device_name,
        business_id: row.business_id,
        service_location_id: row.service_location_id,
        os_type: row.os_type,
        os_architecture: row.os_architecture,
        agent_version: row.agent_version,
        agent_state: row.agent_state,
        state: row.state,
        presence: row.presence,
        presence_since: row.presence_since,
        disconnect_reason: row.disconnect_reason,
        created_at: row.created_at,
        clone_suspected_at: row.clone_suspected_at,
    })
}

/// The row, if it is within reach.
pub(crate) async fn find(cx: &Cx, id: DeviceId) -> Result<device::Model> {
    cx.select::<device::Entity>()
        .filter(device::Column::Id.eq(id))
        .one(cx.db())
        .await?
        .ok_or_else(|| Error::not_found("device"))
}

fn facts(row: &device::Model) -> Result<Facts> {
    serde_json::from_str(&row.facts).map_err(|error| Error::Internal(format!("stored facts: {error}")))
}

/// First 16 hex digits of the SHA-256 of a public key.
fn fingerprint(public_key: &str) -> String {
    let bytes = URL_SAFE_NO_PAD.decode(public_key).unwrap_or_default();
    hex::encode(&Sha256::digest(bytes)[..8])
}

/// Name and version of the operating system on one line.
pub(crate) fn os_version(facts: &Facts) -> Option<String> {
    let words: Vec<&str> =
        [facts.os_name.as_deref(), facts.os_version.as_deref()].into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// What the search looks through, lower case.
pub(crate) fn search_text(device_name: &str, hostname: &str, facts: &Facts) -> String {
    let mut words = vec![device_name, hostname];
    words.extend(facts.os_name.as_deref());
    words.extend(facts.os_version.as_deref());
    words.extend(facts.serial_number.as_deref());
    words.extend(facts.ip_addresses.iter().map(String::as_str));
    words.join(" ").to_lowercase()
}
