//! Server processes on one database: each has a row and lets it beat. A process whose row stands still is gone, and one
//! of the others takes its devices over. Beats are compared with what was seen before and never with a clock, so that
//! servers whose clocks differ do not bury each other. The embedded database has one process and no beats.

mod cluster;
mod once;

pub(crate) use cluster::Cluster;
pub use once::once;

use crate::{
    Result, Store,
    bus::BusState,
    clock::SystemClock,
    presence::Inherited,
    store::{prepare, statement},
};
use chrono::{DateTime, Duration, Utc};
use entity::{
    id::NodeId,
    presence::{DROP_GRACE_SECONDS, DisconnectReason, LinkKind},
    table::server_node,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction,
    EntityTrait as _, FromQueryResult as _, QueryFilter as _, Set, TransactionOptions, TransactionTrait as _,
    sea_query::Expr,
};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// A row that stood still for so long is a dead process's. Its devices had this time to come back elsewhere, and two
/// sweeps later the others are shown as offline: within the 30 seconds that we promise.
const DEAD_AFTER: Duration = Duration::seconds(20);
/// And for so many looks: a clock that jumps, or a database that was away, kills nobody.
const DEAD_AFTER_LOOKS: u32 = 6;

/// What this process has seen of the others.
#[derive(Default)]
pub(crate) struct Neighbours {
    seen: Mutex<HashMap<NodeId, Pulse>>,
    is_warned: AtomicBool,
}

/// The last beat of a process, and since when it is the last.
#[derive(Clone, Copy, Debug)]
struct Pulse {
    beat: i64,
    since: DateTime<Utc>,
    looks: u32,
    is_ended: bool,
}

impl Pulse {
    fn new(row: &server_node::Model, now: DateTime<Utc>) -> Self {
        Self { beat: row.beat, since: now, looks: 0, is_ended: row.ended_at.is_some() }
    }

    fn is_gone(&self, now: DateTime<Utc>) -> bool {
        let still = now - self.since;
        if self.is_ended {
            still >= Duration::seconds(DROP_GRACE_SECONDS)
        } else {
            still >= DEAD_AFTER && self.looks >= DEAD_AFTER_LOOKS
        }
    }
}

impl Neighbours {
    /// Those who are gone, and since when.
    fn gone(
        &self,
        rows: &[server_node::Model],
        now: DateTime<Utc>,
    ) -> Vec<(server_node::Model, DateTime<Utc>)> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|id, _| rows.iter().any(|row| row.id == *id));
        let mut gone = Vec::new();
        for row in rows {
            let pulse = seen.entry(row.id).or_insert_with(|| {
                tracing::info!(node.id = %row.id, "another server process works on this database");
                Pulse::new(row, now)
            });
            if pulse.beat == row.beat && pulse.is_ended == row.ended_at.is_some() {
                pulse.looks = pulse.looks.saturating_add(1);
            } else {
                *pulse = Pulse::new(row, now);
            }
            if pulse.is_gone(now) {
                gone.push((row.clone(), pulse.since));
            }
        }
        gone
    }
}

/// Of servers that start on one database at once, one brings the schema up to date, and the others wait for it: until
/// the transaction ends.
pub(crate) async fn alone_at_start(owner: &DatabaseConnection) -> Result<Option<DatabaseTransaction>> {
    if owner.get_database_backend() != DatabaseBackend::Postgres {
        return Ok(None);
    }
    let lock = owner.begin().await?;
    let sql = "SELECT pg_advisory_xact_lock(?)";
    lock.execute_raw(statement(DatabaseBackend::Postgres, sql, [once::key("schema").into()])).await?;
    Ok(Some(lock))
}

/// The lock behind which people change what others may do, in whatever process; until the transaction ends.
pub(crate) async fn alone_with_authority(store: &Store) -> Result<Option<DatabaseTransaction>> {
    if store.is_alone() {
        return Ok(None);
    }
    let lock = store.db().begin(TransactionOptions::default()).await?;
    let sql = "SELECT pg_advisory_xact_lock(?)";
    lock.execute_raw(statement(DatabaseBackend::Postgres, sql, [once::key("authority").into()])).await?;
    Ok(Some(lock))
}

/// Writes this process down, because it begins to serve, and takes over the devices that nobody holds: those of an
/// earlier run of a server that was alone, for example. They get the whole silence limit to come back.
///
/// # Errors
/// When the database fails.
pub(crate) async fn join(store: &Store) -> Result<()> {
    let (node, now) = (store.node(), store.now());
    let change = store.begin().await?;
    insert(&*change, node, now).await?;
    let over = server_node::Entity::delete_many().filter(server_node::Column::Id.ne(node));
    let over = if store.is_alone() { over } else { over.filter(server_node::Column::EndedAt.is_not_null()) };
    over.exec(&*change).await?;
    let sql = "UPDATE agent_devices SET node_id = ? WHERE presence = 'online' \
               AND (node_id IS NULL OR node_id NOT IN (SELECT id FROM server_nodes WHERE id <> ?)) \
               RETURNING id, business_id, link, last_seen_at";
    let devices = take_over(&*change, sql, vec![node.into(), node.into()]).await?;
    change.commit_unattended().await?;
    let devices = devices.into_iter().map(|row| Inherited { last_seen_at: now, ..row }).collect();
    store.tracker().inherit(devices, None);
    Ok(())
}

async fn insert(db: &impl ConnectionTrait, node: NodeId, now: DateTime<Utc>) -> Result<()> {
    let row =
        server_node::ActiveModel { id: Set(node), started_at: Set(now), beat: Set(0), ended_at: Set(None) };
    server_node::Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// The part of a device's row that whoever takes it over has to know.
#[derive(sea_orm::FromQueryResult)]
struct Taken {
    id: entity::id::DeviceId,
    business_id: entity::id::BusinessId,
    link: Option<LinkKind>,
    last_seen_at: Option<DateTime<Utc>>,
}

async fn take_over(
    db: &impl ConnectionTrait,
    sql: &str,
    values: Vec<sea_orm::Value>,
) -> Result<Vec<Inherited>> {
    let rows = db.query_all_raw(statement(db.get_database_backend(), sql, values)).await?;
    let inherited = |row: &sea_orm::QueryResult| {
        let row = Taken::from_query_result(row, "")?;
        Ok(Inherited {
            device_id: row.id,
            business_id: row.business_id,
            kind: row.link.unwrap_or(LinkKind::Socket),
            last_seen_at: row.last_seen_at.unwrap_or(DateTime::UNIX_EPOCH),
        })
    };
    rows.iter().map(inherited).collect()
}

/// Lets this process's row beat, looks at those of the others, and takes over the devices of who is gone.
///
/// # Errors
/// When the database fails; nothing was taken over then.
pub(crate) async fn look_around(store: &Store) -> Result<()> {
    if store.is_alone() {
        return Ok(());
    }
    beat(store).await?;
    let others =
        server_node::Entity::find().filter(server_node::Column::Id.ne(store.node())).all(store.db()).await?;
    let neighbours = store.neighbours();
    let has_others = others.iter().any(|row| row.ended_at.is_none());
    if has_others
        && store.bus_state() == BusState::None
        && !neighbours.is_warned.swap(true, Ordering::Relaxed)
    {
        tracing::warn!(
            "there are several server processes and no bus between them; give all of them the same --bus"
        );
    }
    for (row, since) in neighbours.gone(&others, store.now()) {
        bury(store, &row, since).await?;
    }
    Ok(())
}

async fn beat(store: &Store) -> Result<()> {
    let change = store.begin().await?;
    // A beat that a crash of the database forgets is followed by the next one.
    change.execute_unprepared("SET LOCAL synchronous_commit = off").await?;
    let sql = "UPDATE server_nodes SET beat = beat + 1 WHERE id = ?";
    let beaten =
        change.execute_raw(statement(change.get_database_backend(), sql, [store.node().into()])).await?;
    if beaten.rows_affected() == 0 {
        insert(&*change, store.node(), store.now()).await?;
        tracing::warn!("other servers took this one for dead; it is not, and says so");
    }
    change.commit_unattended().await?;
    if beaten.rows_affected() == 0 {
        store.tracker().doubt();
    }
    Ok(())
}

/// Takes over the devices of a process that is gone. Of many who try, one does.
async fn bury(store: &Store, row: &server_node::Model, since: DateTime<Utc>) -> Result<()> {
    let change = store.begin().await?;
    let buried = server_node::Entity::delete_many()
        .filter(server_node::Column::Id.eq(row.id))
        .filter(server_node::Column::Beat.eq(row.beat))
        .exec(&*change)
        .await?;
    if buried.rows_affected != 1 {
        return Ok(());
    }
    let sql = "UPDATE agent_devices SET node_id = ? WHERE presence = 'online' AND node_id = ? \
               RETURNING id, business_id, link, last_seen_at";
    let devices = take_over(&*change, sql, vec![store.node().into(), row.id.into()]).await?;
    change.commit_unattended().await?;
    tracing::warn!(node.id = %row.id, devices = devices.len(), "a server process is gone; its devices are this one's");
    let reason = match row.ended_at {
        Some(_) => DisconnectReason::ServerStopped,
        None => DisconnectReason::ConnectionLost,
    };
    store.tracker().inherit(devices, Some((since, reason)));
    Ok(())
}

/// Says that this process ends in order, so that the others need not wait for its row to stand still.
pub(crate) async fn leave(store: &Store) -> Result<()> {
    let change = store.begin().await?;
    server_node::Entity::update_many()
        .col_expr(server_node::Column::EndedAt, Expr::value(store.now()))
        .filter(server_node::Column::Id.eq(store.node()))
        .exec(&*change)
        .await?;
    change.commit_unattended().await
}

/// Takes the keys in the data folder for those of the database from now on, for when the former ones are lost for good.
/// What was sealed with them stays closed.
///
/// # Errors
/// When the database cannot be reached or the keys cannot be read.
pub async fn accept_keys(config: &crate::Config) -> Result<()> {
    let db = prepare(&config.database_url).await?;
    let accepted = cluster::accept_keys(&db, config, Arc::new(SystemClock)).await;
    db.connection().clone().close().await?;
    accepted
}

/// Does a row name another process than this one as the holder of its device?
pub(crate) fn is_elsewhere(store: &Store, node: Option<NodeId>) -> bool {
    node.is_some_and(|node| node != store.node())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(beat: i64) -> server_node::Model {
        server_node::Model {
            id: NodeId(uuid::Uuid::nil()),
            started_at: DateTime::UNIX_EPOCH,
            beat,
            ended_at: None,
        }
    }

    #[test]
    fn a_process_is_gone_after_its_row_stood_still_for_a_while_and_for_several_looks() {
        let neighbours = Neighbours::default();
        let at = |seconds| DateTime::UNIX_EPOCH + Duration::seconds(seconds);
        for look in 0..10 {
            assert!(neighbours.gone(&[row(1)], at(look * 2)).is_empty(), "{look}");
        }
        assert_eq!(neighbours.gone(&[row(1)], at(20)).len(), 1);
        assert!(neighbours.gone(&[row(2)], at(22)).is_empty(), "it beats again");
        assert!(neighbours.gone(&[row(2)], at(86_400)).is_empty(), "the clock jumped; it was looked at once");
    }

    #[test]
    fn a_process_that_ended_in_order_is_gone_after_the_grace_of_a_dropped_socket() {
        let neighbours = Neighbours::default();
        let at = |seconds| DateTime::UNIX_EPOCH + Duration::seconds(seconds);
        let ended = server_node::Model { ended_at: Some(at(0)), ..row(1) };
        assert!(neighbours.gone(&[row(1)], at(0)).is_empty());
        assert!(neighbours.gone(std::slice::from_ref(&ended), at(2)).is_empty());
        assert!(neighbours.gone(std::slice::from_ref(&ended), at(16)).is_empty());
        assert_eq!(neighbours.gone(&[ended], at(17)).len(), 1);
    }
}
