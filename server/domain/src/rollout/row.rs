//! A rollout with its waves, as it is stored, and what can be said of it without asking further.

use crate::{Error, Result, store::Change};
use chrono::TimeDelta;
use entity::{
    id::{DeviceId, RolloutId},
    release::Channel,
    rollout::{HaltTerms, RolloutState, RolloutTarget, Terms, WaveTerms, bucket, is_in},
    table::{device, rollout, rollout_wave as wave},
};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, ExprTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, sea_query::Expr,
};
use std::collections::BTreeSet;

/// A rollout and its waves.
#[derive(Clone, Debug)]
pub(super) struct Rollout {
    pub(super) row: rollout::Model,
    pub(super) waves: Vec<wave::Model>,
    pub(super) target: RolloutTarget,
    pub(super) halt: HaltTerms,
    /// The devices that each wave names.
    named: Vec<BTreeSet<DeviceId>>,
}

impl Rollout {
    pub(super) fn new(row: rollout::Model, waves: Vec<wave::Model>) -> Result<Self> {
        let broken =
            |error: serde_json::Error| Error::Internal(format!("the stored rollout {}: {error}", row.id));
        let target = serde_json::from_str(&row.target).map_err(broken)?;
        let halt = serde_json::from_str(&row.halt).map_err(broken)?;
        let named = waves.iter().map(|wave| serde_json::from_str(&wave.devices));
        let named = named.collect::<std::result::Result<_, _>>().map_err(broken)?;
        Ok(Self { row, waves, target, halt, named })
    }

    pub(super) const fn id(&self) -> RolloutId {
        self.row.id
    }

    /// The wave that is open.
    pub(super) fn open_wave(&self) -> Option<&wave::Model> {
        self.waves.iter().find(|wave| wave.number == self.row.wave)
    }

    /// Devices that the waves name.
    pub(super) fn named(&self) -> BTreeSet<DeviceId> {
        self.named.iter().flatten().copied().collect()
    }

    /// In which wave a device gets it, from 1. Each device is in one: the last wave takes all.
    pub(super) fn wave_of(&self, device: DeviceId) -> i64 {
        let bucket = bucket(self.row.salt.as_bytes(), device);
        let found = self.waves.iter().zip(&self.named).find(|(wave, named)| {
            let percent = wave.percent.and_then(|percent| u8::try_from(percent).ok());
            named.contains(&device) || percent.is_some_and(|percent| is_in(bucket, percent))
        });
        found.map_or(self.row.waves, |(wave, _)| wave.number)
    }

    /// Is the device one of those that are meant? A device that a wave names is, whatever the target says.
    pub(super) fn covers(&self, device: &device::Model) -> bool {
        let is_target = match &self.target {
            RolloutTarget::All {} => true,
            RolloutTarget::Businesses { business_ids } => business_ids.contains(&device.business_id),
            RolloutTarget::Locations { service_location_ids } => {
                device.service_location_id.is_some_and(|place| service_location_ids.contains(&place))
            }
            RolloutTarget::Devices { device_ids } => device_ids.contains(&device.id),
        };
        is_target || self.named.iter().any(|named| named.contains(&device.id))
    }

    /// The same for a query of devices.
    pub(super) fn covered(&self) -> Condition {
        let target = match &self.target {
            RolloutTarget::All {} => Expr::cust("1 = 1"),
            RolloutTarget::Businesses { business_ids } => {
                device::Column::BusinessId.is_in(business_ids.iter().copied())
            }
            RolloutTarget::Locations { service_location_ids } => {
                device::Column::ServiceLocationId.is_in(service_location_ids.iter().copied())
            }
            RolloutTarget::Devices { device_ids } => device::Column::Id.is_in(device_ids.iter().copied()),
        };
        let named = self.named();
        let any = Condition::any().add(target);
        if named.is_empty() { any } else { any.add(device::Column::Id.is_in(named)) }
    }

    /// Is it meant for devices that follow this channel? Those of beta take what is stable too.
    pub(super) fn is_for(&self, channel: Channel) -> bool {
        self.row.channel == channel || channel == Channel::Beta
    }

    /// What was agreed, for [`entity::rollout::decide`].
    pub(super) fn terms(&self) -> Terms {
        let count = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
        let percent = |value: i64| u8::try_from(value).unwrap_or(100);
        let is_running = self.row.state != RolloutState::Completed;
        Terms {
            halt: self.halt,
            max_in_flight: count(self.row.max_in_flight),
            first_in_flight: count(self.row.first_in_flight),
            wave: self.open_wave().filter(|_| is_running).map(|wave| WaveTerms {
                is_last: wave.number == self.row.waves,
                soak: TimeDelta::seconds(wave.soak_seconds),
                min_successes: count(wave.min_successes),
                success_percent: percent(wave.success_percent),
            }),
        }
    }
}

/// The rollout of this id.
pub(super) async fn find(db: &impl ConnectionTrait, id: RolloutId) -> Result<Rollout> {
    let row = rollout::Entity::find_by_id(id).one(db).await?.ok_or_else(|| Error::not_found("rollout"))?;
    with_waves(db, row).await
}

/// A rollout that was read, with its waves.
pub(super) async fn with_waves(db: &impl ConnectionTrait, row: rollout::Model) -> Result<Rollout> {
    let waves = wave::Entity::find()
        .filter(wave::Column::RolloutId.eq(row.id))
        .order_by_asc(wave::Column::Number)
        .all(db)
        .await?;
    Rollout::new(row, waves)
}

/// Takes a rollout for the rest of the change: whoever else wants to write about it or its devices waits, and what is read
/// from here on stays true.
///
/// # Errors
/// Not found when there is none of this id.
pub(super) async fn take(change: &Change, id: RolloutId) -> Result<Rollout> {
    take_all(change, &[id]).await?.pop().ok_or_else(|| Error::not_found("rollout"))
}

/// Takes several, and with each the one that it undoes, which ends with it: the newest first, and all of them before
/// anything else is held. Two that took them, or one of them and the head of the audit log, the other way round would wait
/// for each other.
///
/// # Errors
/// Not found when there is none of one of these ids.
pub(super) async fn take_all(change: &Change, ids: &[RolloutId]) -> Result<Vec<Rollout>> {
    let undone: Vec<RolloutId> = rollout::Entity::find()
        .filter(rollout::Column::Id.is_in(ids.iter().copied()))
        .filter(rollout::Column::Undoes.is_not_null())
        .select_only()
        .column(rollout::Column::Undoes)
        .into_tuple()
        .all(&**change)
        .await?;
    let held: BTreeSet<RolloutId> = ids.iter().copied().chain(undone).collect();
    for id in held.into_iter().rev() {
        hold(change, id).await?;
    }
    let mut taken = Vec::new();
    for id in ids {
        taken.push(find(&**change, *id).await?);
    }
    Ok(taken)
}

/// Holds a rollout and reads nothing of it.
pub(super) async fn hold(change: &Change, id: RolloutId) -> Result<()> {
    rollout::Entity::update_many()
        .col_expr(rollout::Column::Revision, Expr::col(rollout::Column::Revision).add(1))
        .filter(rollout::Column::Id.eq(id))
        .exec(&**change)
        .await?;
    Ok(())
}
