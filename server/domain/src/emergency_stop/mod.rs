//! The emergency stop: one person stops everything strong, for a business or for all, and it takes several to let it go on.
//! Devices are told by a signed order of their own, so that they refuse whatever reaches them.

mod change;
mod deliver;
mod list;

pub use change::{rearm, stop};
pub use deliver::of_device;
pub use list::list;

use crate::{
    Error, Result, Store,
    store::{Change, Reach, statement},
};
use entity::{
    command::StopOrder,
    id::BusinessId,
    seal::{self, Purpose},
    table::emergency_stop as stop_table,
};
use sea_orm::{ColumnTrait as _, ConnectionTrait, DbBackend, QueryFilter as _, QueryOrder as _, Select};

/// Is everything strong stopped, for this business or for all?
///
/// # Errors
/// When the database fails.
pub(crate) async fn is_stopped(store: &Store, business: BusinessId) -> Result<bool> {
    for whose in [None, Some(business)] {
        if let Some(row) = last(store.db(), whose).await?
            && order_of(store, &row).is_stopped
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A number that is another one after every decision about stops.
///
/// # Errors
/// When the database fails.
pub(crate) async fn generation(db: &impl ConnectionTrait) -> Result<i64> {
    read_generation(db, "SELECT value FROM counters WHERE name = 'stop_seq'").await
}

/// The same, and nobody stops or lets go on until the change has ended: they write this number first.
///
/// # Errors
/// When the database fails.
pub(crate) async fn held_generation(change: &Change) -> Result<i64> {
    let sql = match change.get_database_backend() {
        DbBackend::Postgres => "SELECT value FROM counters WHERE name = 'stop_seq' FOR SHARE",
        // There one change is written at a time.
        _ => "SELECT value FROM counters WHERE name = 'stop_seq'",
    };
    read_generation(&**change, sql).await
}

async fn read_generation(db: &impl ConnectionTrait, sql: &str) -> Result<i64> {
    let row = db.query_one_raw(statement(db.get_database_backend(), sql, [])).await?;
    let row = row.ok_or_else(|| Error::Internal("the counter of stops is missing".to_owned()))?;
    Ok(row.try_get("", "value")?)
}

/// The last decision about a business, or about all.
async fn last(db: &impl ConnectionTrait, business: Option<BusinessId>) -> Result<Option<stop_table::Model>> {
    Ok(of(business).order_by_desc(stop_table::Column::Seq).one(db).await?)
}

fn of(business: Option<BusinessId>) -> Select<stop_table::Entity> {
    // A stop for all belongs to no business, and everybody's devices obey it.
    let select = Reach::everything().select::<stop_table::Entity>();
    match business {
        Some(business) => select.filter(stop_table::Column::BusinessId.eq(business)),
        None => select.filter(stop_table::Column::BusinessId.is_null()),
    }
}

/// What was decided. That something is stopped is believed as it stands; that it may go on only when this server has
/// signed it: whoever writes into the database lifts no stop.
fn order_of(store: &Store, row: &stop_table::Model) -> StopOrder {
    let stands = StopOrder {
        seq: row.seq.unsigned_abs(),
        business_id: row.business_id,
        is_stopped: true,
        decided_at: row.decided_at,
        approvals: Vec::new(),
    };
    if row.is_stopped {
        return stands;
    }
    let root = store.signer().root_public();
    let signed = serde_json::from_str(&row.envelope)
        .ok()
        .and_then(|envelope| seal::open::<StopOrder>(&root, Purpose::Stop, &envelope, row.decided_at).ok());
    match signed {
        Some((order, _)) if order.seq == stands.seq && order.business_id == row.business_id => order,
        _ => {
            tracing::error!(stop.seq = row.seq, "a stored end of a stop is not signed; it stays stopped");
            stands
        }
    }
}
