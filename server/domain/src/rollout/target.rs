//! For which devices a rollout is, by the names that people know them by.

use super::check_view;
use crate::{Cx, Result};
use entity::{
    id::{BusinessId, DeviceId},
    rollout::{RolloutTarget, TARGET_MAX},
    table::{business, device, service_location},
};
use sea_orm::{ColumnTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};

/// So many are named; of the others it is said how many they are.
const NAMED: u64 = 5;

/// The target with names, of what whoever looks reaches. None where there is nothing to name.
pub(super) async fn named(cx: &Cx, target: &RolloutTarget) -> Result<Option<String>> {
    let (names, all): (Vec<String>, usize) = match target {
        RolloutTarget::All {} => return Ok(None),
        RolloutTarget::Businesses { business_ids: ids } => {
            let select = cx
                .select::<business::Entity>()
                .filter(business::Column::Id.is_in(ids.iter().copied()))
                .order_by_asc(business::Column::NameKey)
                .limit(NAMED)
                .select_only()
                .column(business::Column::BusinessName);
            (select.into_tuple().all(cx.db()).await?, ids.len())
        }
        RolloutTarget::Locations { service_location_ids: ids } => {
            let select = cx
                .select::<service_location::Entity>()
                .filter(service_location::Column::Id.is_in(ids.iter().copied()))
                .order_by_asc(service_location::Column::NameKey)
                .limit(NAMED)
                .select_only()
                .column(service_location::Column::LocationName);
            (select.into_tuple().all(cx.db()).await?, ids.len())
        }
        RolloutTarget::Devices { device_ids: ids } => {
            let select = cx
                .select::<device::Entity>()
                .filter(device::Column::Id.is_in(ids.iter().copied()))
                .order_by_asc(device::Column::NameKey)
                .limit(NAMED)
                .select_only()
                .column(device::Column::DeviceName);
            (select.into_tuple().all(cx.db()).await?, ids.len())
        }
    };
    Ok(told(&names, all))
}

/// Devices that somebody chose, with the names of each and of its business, of what they reach. However many they are, they
/// are read at once.
///
/// # Errors
/// Forbidden for people of customers.
pub async fn ticked(cx: &Cx, ids: &[DeviceId]) -> Result<Vec<(DeviceId, String, String)>> {
    check_view(cx)?;
    let devices: Vec<(DeviceId, BusinessId, String)> = cx
        .select::<device::Entity>()
        .filter(device::Column::Id.is_in(ids.iter().copied().take(TARGET_MAX)))
        .order_by_asc(device::Column::NameKey)
        .order_by_asc(device::Column::Id)
        .select_only()
        .columns([device::Column::Id, device::Column::BusinessId, device::Column::DeviceName])
        .into_tuple()
        .all(cx.db())
        .await?;
    let businesses = crate::business::names(cx, devices.iter().map(|(_, business, _)| *business)).await?;
    let named = devices.into_iter().map(|(id, business, name)| {
        let business_name = businesses.get(&business).cloned().unwrap_or_default();
        (id, name, business_name)
    });
    Ok(named.collect())
}

fn told(names: &[String], all: usize) -> Option<String> {
    let others = all.saturating_sub(names.len());
    match (names.is_empty(), others) {
        (true, _) => None,
        (false, 0) => Some(names.join(", ")),
        (false, others) => Some(format!("{} and {others} more", names.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_named_and_the_others_counted() {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(told(&names(&["Acme", "Bolt"]), 2).as_deref(), Some("Acme, Bolt"));
        assert_eq!(told(&names(&["Acme"]), 3).as_deref(), Some("Acme and 2 more"));
        assert_eq!(told(&[], 3), None, "none of them is reached");
    }
}
