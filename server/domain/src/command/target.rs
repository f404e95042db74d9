//! Which devices a request is for, and what their locks look like before anything is asked.

use super::wave;
use crate::{
    Cx, Error, Result, Store, approval_policy, business, emergency_stop, report,
    store::{Reach, keyset},
};
use chrono::{DateTime, Utc};
use entity::{
    command::{
        Approver, CommandsInput, LockState, Payload, RequestPreview, Strength, TARGETS_MAX, TargetFilter,
        TargetPreview, approvals_needed, is_mass,
    },
    device::DeviceState,
    id::{BusinessId, DeviceId},
    presence::Presence,
    problem::Problem,
    table::device,
};
use sea_orm::{ColumnTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};
use std::collections::{BTreeMap, HashSet};

/// Devices that a preview names.
const SHOWN: usize = 50;
/// Ids of one statement.
const IDS_AT_ONCE: usize = 1_000;

/// The devices that are named, and those that are like the filter, each once.
///
/// # Errors
/// Not found when one that is named is out of reach; invalid names the field.
pub(super) async fn resolve(
    cx: &Cx,
    ids: &[DeviceId],
    filter: Option<&TargetFilter>,
) -> Result<Vec<device::Model>> {
    let too_many = || Problem::invalid("targets", format!("At most {TARGETS_MAX} devices."));
    if ids.len() > TARGETS_MAX {
        return Err(too_many().into());
    }
    let mut rows: Vec<device::Model> = Vec::new();
    let mut seen = HashSet::new();
    let wanted: HashSet<DeviceId> = ids.iter().copied().collect();
    for some in ids.chunks(IDS_AT_ONCE) {
        let found = cx
            .select::<device::Entity>()
            .filter(device::Column::Id.is_in(some.iter().copied()))
            .all(cx.db())
            .await?;
        rows.extend(found.into_iter().filter(|row| seen.insert(row.id)));
    }
    if rows.len() != wanted.len() {
        return Err(Error::not_found("device"));
    }
    if let Some(filter) = filter {
        rows.extend(like(cx, filter).await?.into_iter().filter(|row| seen.insert(row.id)));
    }
    if rows.is_empty() {
        return Err(Problem::invalid("targets", "Name at least one device.").into());
    }
    if rows.len() > TARGETS_MAX {
        return Err(too_many().into());
    }
    Ok(rows)
}

async fn like(cx: &Cx, filter: &TargetFilter) -> Result<Vec<device::Model>> {
    let mut select = cx.select::<device::Entity>().filter(device::Column::State.eq(DeviceState::Active));
    if let Some(id) = filter.business_id {
        select = select.filter(device::Column::BusinessId.eq(id));
    }
    if let Some(id) = filter.service_location_id {
        select = select.filter(device::Column::ServiceLocationId.eq(id));
    }
    if let Some(os) = filter.os {
        select = select.filter(device::Column::OsType.eq(os));
    }
    if let Some(presence) = filter.status {
        select = select.filter(device::Column::Presence.eq(presence));
    }
    let most = u64::try_from(TARGETS_MAX).unwrap_or(u64::MAX) + 1;
    Ok(select.order_by_asc(device::Column::Id).limit(most).all(cx.db()).await?)
}

/// The devices of each business, in the order of their ids.
///
/// # Errors
/// Conflict when the access of one was revoked.
pub(super) fn by_business(devices: Vec<device::Model>) -> Result<BTreeMap<BusinessId, Vec<device::Model>>> {
    let mut groups: BTreeMap<BusinessId, Vec<device::Model>> = BTreeMap::new();
    for row in devices {
        if row.state == DeviceState::Revoked {
            let detail = format!("The access of {} was revoked; it is asked for nothing.", row.device_name);
            return Err(Error::conflict(Some("targets"), detail));
        }
        groups.entry(row.business_id).or_default().push(row);
    }
    for devices in groups.values_mut() {
        devices.sort_unstable_by_key(|row| row.id);
    }
    Ok(groups)
}

/// How many devices a business has.
pub(super) async fn count_of(store: &Store, business: BusinessId) -> Result<usize> {
    let select =
        Reach::of(business).select::<device::Entity>().filter(device::Column::State.eq(DeviceState::Active));
    Ok(usize::try_from(keyset::total(store.db(), select).await?).unwrap_or(usize::MAX))
}

/// Both locks for this on a device.
///
/// # Errors
/// When what the device last told cannot be read.
pub(crate) fn lock_of(
    payload: &Payload,
    needed: (u32, Approver),
    row: &device::Model,
    now: DateTime<Utc>,
) -> Result<LockState> {
    let told = report::read_lock(row)?;
    Ok(payload.locks(needed, told.as_ref(), row.clone_suspected_at.is_some(), now))
}

/// What would come of a request: both locks, before anything is asked.
///
/// # Errors
/// As when it is asked, but for permissions.
pub async fn preview(cx: &Cx, input: CommandsInput) -> Result<Vec<RequestPreview>> {
    let store = cx.store();
    let payload = super::script::complete(cx, input.command.payload).await?;
    payload.check()?;
    let rows = resolve(cx, &input.targets, input.filter.as_ref()).await?;
    let groups = by_business(rows)?;
    let names = business::names(cx, groups.keys().copied()).await?;
    let mut previews = Vec::new();
    for (business_id, devices) in groups {
        super::script::check_business(store, &payload, business_id).await?;
        let policy = approval_policy::in_force(store.db(), business_id).await?;
        let all = count_of(store, business_id).await?;
        let needed = approvals_needed(&policy, &payload, devices.len(), all);
        let is_strong = payload.kind().strength() == Strength::Strong || is_mass(devices.len(), all);
        let mut targets = Vec::new();
        for row in &devices {
            targets.push(TargetPreview {
                device_id: row.id,
                device_name: row.device_name.clone(),
                presence: row.presence,
                lock: lock_of(&payload, needed, row, store.now())?,
            });
        }
        let count = |is: &dyn Fn(&TargetPreview) -> bool| {
            u64::try_from(targets.iter().filter(|target| is(target)).count()).unwrap_or(u64::MAX)
        };
        previews.push(RequestPreview {
            business_id,
            business_name: names.get(&business_id).cloned().unwrap_or_default(),
            sentence: payload.sentence(),
            strength: if is_strong { Strength::Strong } else { payload.kind().strength() },
            targets_count: count(&|_| true),
            allowing_count: count(&|target| target.lock.device_allows),
            online_count: count(&|target| target.presence == Presence::Online),
            approvals_needed: needed.0,
            approver: needed.1,
            waves: wave::plan(devices.len(), all).last().map_or(1, |wave| wave.unsigned_abs()),
            is_stopped: is_strong && emergency_stop::is_stopped(store, business_id).await?,
            targets: targets.into_iter().take(SHOWN).collect(),
        });
    }
    Ok(previews)
}
