//! The rows of a device's record: entries, which are never changed, and the place where the record ends.

use crate::{
    AgentCx, Error, Result,
    store::{Change, Reach},
};
use chrono::{DateTime, Utc};
use entity::{
    command::{ChainEntry, ChainHead},
    evidence::RecordView,
    seal,
    table::{chain_entry, chain_head, device},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Set, sea_query::OnConflict,
};
use std::collections::BTreeMap;

/// A place in a record: the entry's number and hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) seq: i64,
    pub(super) hash: String,
}

impl Place {
    /// Before the first entry.
    pub(super) fn start() -> Self {
        Self { seq: 0, hash: seal::chain_start() }
    }

    /// As a device names it.
    pub(super) fn of(seq: u64, hash: &str) -> Self {
        match seq {
            0 => Self::start(),
            _ => Self { seq: i64::try_from(seq).unwrap_or(i64::MAX), hash: hash.to_owned() },
        }
    }
}

impl From<Place> for ChainHead {
    fn from(place: Place) -> Self {
        Self { seq: place.seq.unsigned_abs(), hash: place.hash, signature: None }
    }
}

/// Where the stored record ends, held until the transaction ends.
pub(super) async fn lock(change: &Change, cx: &AgentCx, device: &device::Model) -> Result<chain_head::Model> {
    let start = Place::start();
    let first = chain_head::ActiveModel {
        device_id: Set(device.id),
        business_id: Set(device.business_id),
        fork: Set(0),
        seq: Set(start.seq),
        hash: Set(start.hash.clone()),
        told_seq: Set(start.seq),
        told_hash: Set(start.hash),
        told_signature: Set(None),
        told_at: Set(cx.store().now()),
        fault: Set(None),
        fault_at: Set(None),
    };
    let again = OnConflict::column(chain_head::Column::DeviceId).do_nothing().to_owned();
    match chain_head::Entity::insert(first).on_conflict(again).exec_without_returning(&**change).await {
        Ok(_) | Err(DbErr::RecordNotInserted) => {}
        Err(error) => return Err(error.into()),
    }
    let found = Reach::everything()
        .select::<chain_head::Entity>()
        .filter(chain_head::Column::DeviceId.eq(device.id))
        .lock_exclusive()
        .one(&**change)
        .await?;
    found.ok_or_else(|| Error::Internal("a device's record has no head".to_owned()))
}

/// Writes where the record ends now.
pub(super) async fn write(change: &Change, head: chain_head::Model) -> Result<()> {
    head.into_active_model().reset_all().update(&**change).await?;
    Ok(())
}

/// From here on the device tells another record, which parts from the one before at `base`.
pub(super) fn fork(head: &mut chain_head::Model, base: Place) {
    head.fork += 1;
    head.seq = base.seq;
    head.hash = base.hash;
}

/// The hash of the entry that is stored at a place of the record that the device told last; that of the beginning for 0.
pub(super) async fn stored_hash(
    db: &impl ConnectionTrait,
    head: &chain_head::Model,
    seq: i64,
) -> Result<Option<String>> {
    if seq <= 0 {
        return Ok(Some(seal::chain_start()));
    }
    if seq > head.seq {
        return Ok(None);
    }
    let row = Reach::everything()
        .select::<chain_entry::Entity>()
        .filter(chain_entry::Column::DeviceId.eq(head.device_id))
        .filter(chain_entry::Column::Seq.eq(seq))
        .filter(chain_entry::Column::Fork.lte(head.fork))
        .order_by_desc(chain_entry::Column::Fork)
        .limit(1)
        .one(db)
        .await?;
    Ok(row.map(|row| row.hash))
}

/// The hashes that are stored at the places of these entries.
pub(super) async fn stored_hashes(
    db: &impl ConnectionTrait,
    head: &chain_head::Model,
    entries: &[&ChainEntry],
) -> Result<BTreeMap<i64, String>> {
    let places = entries.iter().filter_map(|entry| i64::try_from(entry.seq).ok());
    let (Some(first), Some(last)) = (places.clone().min(), places.max()) else { return Ok(BTreeMap::new()) };
    let rows = Reach::everything()
        .select::<chain_entry::Entity>()
        .filter(chain_entry::Column::DeviceId.eq(head.device_id))
        .filter(chain_entry::Column::Fork.lte(head.fork))
        .filter(chain_entry::Column::Seq.between(first, last))
        .order_by_asc(chain_entry::Column::Fork)
        .all(db)
        .await?;
    // Of several records the one that was told last counts.
    Ok(rows.into_iter().map(|row| (row.seq, row.hash)).collect())
}

/// An entry as it is stored.
pub(super) fn row(
    now: DateTime<Utc>,
    head: &chain_head::Model,
    entry: &ChainEntry,
) -> Result<chain_entry::ActiveModel> {
    Ok(chain_entry::ActiveModel {
        device_id: Set(head.device_id),
        business_id: Set(head.business_id),
        fork: Set(head.fork),
        seq: Set(i64::try_from(entry.seq).unwrap_or(i64::MAX)),
        entry: Set(serde_json::to_string(entry).map_err(|error| Error::Internal(error.to_string()))?),
        hash: Set(entry.hash.clone()),
        command_id: Set(entry.command_id),
        received_at: Set(now),
    })
}

/// Stores entries.
pub(super) async fn keep(change: &Change, rows: Vec<chain_entry::ActiveModel>) -> Result<()> {
    if !rows.is_empty() {
        chain_entry::Entity::insert_many(rows).exec_without_returning(&**change).await?;
    }
    Ok(())
}

/// Where the record ends, for people.
pub(super) fn view(head: Option<chain_head::Model>) -> RecordView {
    head.map_or_else(RecordView::default, |head| RecordView {
        seq: u64::try_from(head.seq).unwrap_or_default(),
        hash: head.hash,
        told_at: (head.told_seq > 0).then_some(head.told_at),
        is_signed: head.told_signature.is_some(),
        fault: head.fault,
        fault_at: head.fault_at,
    })
}
