//! What happens to commands because time passed: what nobody decided or fetched in time ends, the next wave goes out, and
//! devices are reminded of what waits for them.

use super::{queue, wave};
use crate::{
    Result, Store,
    audit::{Actor, Record},
    store::Reach,
};
use entity::{
    command::{CommandEvent, CommandState, OnOffline, RequestState},
    id::DeviceId,
    presence::Presence,
    table::{command, command_request as request, device},
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::{Expr, ExprTrait as _, Query},
};

/// Requests and commands of one run; the others are found by the next.
const AT_ONCE: u64 = 500;
/// A device is reminded of what has waited for so long though it is there.
const REMINDED_AFTER: chrono::TimeDelta = chrono::TimeDelta::seconds(10);

/// Ends what is past its time, lets the next waves go, reminds devices. Says how many moved.
///
/// # Errors
/// When the database fails; the next run finds the same.
pub(crate) async fn pass(store: &Store) -> Result<u64> {
    let unfetched = expire_commands(store).await?;
    let waves = next_waves(store).await?;
    remind(store).await?;
    Ok(unfetched + waves)
}

/// The device did not come, or did not answer, in time.
async fn expire_commands(store: &Store) -> Result<u64> {
    let waiting = [CommandState::AwaitingApproval, CommandState::Pending, CommandState::Sent];
    let rows = Reach::everything()
        .select::<command::Entity>()
        .filter(command::Column::State.is_in(waiting))
        .filter(command::Column::DeliverBy.lte(store.now()))
        .limit(AT_ONCE)
        .all(store.db())
        .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let change = store.begin().await?;
    let mut moved = Vec::new();
    for row in rows {
        let detail = match row.state {
            CommandState::Sent => "The device did not say in time that it began.",
            _ => "The device did not come in time.",
        };
        let Some(one) = queue::step(&change, &row, CommandEvent::Expire, detail, |update| update).await?
        else {
            continue;
        };
        let after = serde_json::json!({ "command_id": row.id });
        let record =
            Record::new("command.expire", detail).device(row.device_id).before(row.state).after(after);
        change.note(&Actor::system("commands"), Some(row.business_id), record).await?;
        moved.push(one);
    }
    change.commit_unattended().await?;
    queue::announce(store, &moved);
    Ok(u64::try_from(moved.len()).unwrap_or_default())
}

/// The next wave of each request whose last one is long enough ago, unless too many devices came to harm.
async fn next_waves(store: &Store) -> Result<u64> {
    let rows = Reach::everything()
        .select::<request::Entity>()
        .filter(Expr::col(request::Column::Wave).lt(Expr::col(request::Column::Waves)))
        .filter(request::Column::State.eq(RequestState::Approved))
        .filter(request::Column::WaveAt.lte(store.now() - wave::PAUSE))
        .filter(request::Column::DeliverBy.gt(store.now()))
        .limit(AT_ONCE)
        .all(store.db())
        .await?;
    let mut count = 0;
    for row in rows {
        let of_it =
            Reach::everything().select::<command::Entity>().filter(command::Column::RequestId.eq(row.id));
        if wave::is_held(&wave::counts(store.db(), of_it).await?) {
            continue;
        }
        let next = row.wave + 1;
        let change = store.begin().await?;
        if !queue::try_hold(&change, &row).await? {
            continue;
        }
        request::Entity::update_many()
            .col_expr(request::Column::Wave, Expr::value(next))
            .col_expr(request::Column::WaveAt, Expr::value(store.now()))
            .filter(request::Column::Id.eq(row.id))
            .exec(&*change)
            .await?;
        let skipped = match row.on_offline {
            OnOffline::Skip => wave::skip_offline(&change, row.id, next).await?,
            OnOffline::Queue => Vec::new(),
        };
        let devices: Vec<DeviceId> = Reach::everything()
            .select::<command::Entity>()
            .filter(command::Column::RequestId.eq(row.id))
            .filter(command::Column::State.eq(CommandState::Pending))
            .filter(command::Column::Wave.eq(next))
            .select_only()
            .column(command::Column::DeviceId)
            .into_tuple()
            .all(&*change)
            .await?;
        let after = serde_json::json!({ "request_id": row.id, "wave": next, "waves": row.waves });
        let record = Record::new("command.wave", format!("Wave {next} of {} goes out", row.waves));
        change.note(&Actor::system("commands"), Some(row.business_id), record.after(after)).await?;
        change.commit_unattended().await?;
        queue::announce(store, &skipped);
        store.wake(&devices);
        count += 1;
    }
    Ok(count)
}

/// Wakes devices that are there and have something to fetch: what woke them before may have been lost.
async fn remind(store: &Store) -> Result<()> {
    let online = Query::select()
        .column(device::Column::Id)
        .from(device::Entity)
        .and_where(device::Column::Presence.eq(Presence::Online))
        .to_owned();
    let devices: Vec<DeviceId> = Reach::everything()
        .select::<command::Entity>()
        .filter(command::Column::State.eq(CommandState::Pending))
        .filter(command::Column::DeliverBy.gt(store.now()))
        .filter(command::Column::CreatedAt.lte(store.now() - REMINDED_AFTER))
        .filter(command::Column::DeviceId.in_subquery(online))
        .select_only()
        .column(command::Column::DeviceId)
        .distinct()
        .order_by_asc(command::Column::DeviceId)
        .limit(AT_ONCE)
        .into_tuple()
        .all(store.db())
        .await?;
    if !devices.is_empty() {
        store.wake(&devices);
    }
    Ok(())
}
