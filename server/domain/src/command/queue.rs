//! How requests and their commands move, in the change of whoever decides: approved, taken back, ended. Each move is
//! compared with what is there, so that of two who decide at once one finds that the other was first.

use super::wave;
use crate::{Error, Result, Store, store::Change};
use entity::{
    command::{CommandEvent, CommandState, OnOffline, RequestState},
    id::{BusinessId, CommandId, CommandRequestId, DeviceId},
    portal_event::PortalEvent,
    presence::Presence,
    table::{command, command_request as request, device},
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, UpdateMany,
    sea_query::{Expr, Query, SelectStatement},
};

/// More commands than this are announced by their request alone.
const ANNOUNCED_MAX: usize = 50;

/// A command that moved, for those who have to hear of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) business_id: BusinessId,
    pub(crate) device_id: DeviceId,
    pub(crate) request_id: CommandRequestId,
    pub(crate) command_id: CommandId,
    pub(crate) state: CommandState,
}

impl Moved {
    pub(crate) const fn of(row: &command::Model, state: CommandState) -> Self {
        Self {
            business_id: row.business_id,
            device_id: row.device_id,
            request_id: row.request_id,
            command_id: row.id,
            state,
        }
    }
}

/// Has this request for the rest of the change: whoever decides about it at the same time waits, and finds it changed.
///
/// # Errors
/// Conflict when it is not as it was read.
pub(crate) async fn hold(change: &Change, row: &request::Model) -> Result<()> {
    if try_hold(change, row).await? {
        return Ok(());
    }
    Err(Error::conflict(None, "Somebody else has just decided about this request. Look at it again."))
}

/// The same; false when it is not as it was read, for those who look again.
///
/// # Errors
/// When the database fails.
pub(crate) async fn try_hold(change: &Change, row: &request::Model) -> Result<bool> {
    let held = request::Entity::update_many()
        .col_expr(request::Column::Revision, Expr::value(row.revision + 1))
        .filter(request::Column::Id.eq(row.id))
        .filter(request::Column::Revision.eq(row.revision))
        .exec(&**change)
        .await?;
    Ok(held.rows_affected == 1)
}

/// Moves a request as people or time decided, and its commands with it; the request has to be held. Those who have to
/// hear of it are told by [`announce`] after the commit.
///
/// # Errors
/// Conflict when its state does not let it.
pub(crate) async fn decide(change: &Change, row: &request::Model, event: CommandEvent) -> Result<Vec<Moved>> {
    let next = row.state.on(event).ok_or_else(|| over(row.state))?;
    let now = change.now();
    let mut update = request::Entity::update_many()
        .col_expr(request::Column::State, Expr::value(next))
        .filter(request::Column::Id.eq(row.id))
        .filter(request::Column::State.eq(row.state));
    update = match event {
        CommandEvent::Approve => update
            .col_expr(request::Column::Wave, Expr::value(row.wave.max(1)))
            .col_expr(request::Column::WaveAt, Expr::value(now))
            .col_expr(request::Column::DecidedAt, Expr::value(now)),
        CommandEvent::Void => {
            update.col_expr(request::Column::DecidedAt, Expr::value(None::<chrono::DateTime<chrono::Utc>>))
        }
        // What is over has no mark, so that whoever writes into the database cannot put it back.
        _ => update
            .col_expr(request::Column::DecidedAt, Expr::value(now))
            .col_expr(request::Column::Proof, Expr::value("")),
    };
    if update.exec(&**change).await?.rows_affected != 1 {
        return Err(over(row.state));
    }
    let mut moved = move_commands(change, row.id, event, detail_of(event)).await?;
    if event == CommandEvent::Approve && row.on_offline == OnOffline::Skip {
        moved.extend(wave::skip_offline(change, row.id, row.wave.max(1)).await?);
    }
    Ok(moved)
}

/// What people read at a command that ended so.
const fn detail_of(event: CommandEvent) -> &'static str {
    match event {
        CommandEvent::Reject => "Somebody who was asked said no.",
        CommandEvent::Expire => "Nobody decided in time.",
        CommandEvent::Cancel => "Taken back with its request.",
        _ => "",
    }
}

fn over(state: RequestState) -> Error {
    let detail = match state {
        RequestState::Awaiting => "This request still waits for people.",
        RequestState::Approved => "This request was approved already.",
        RequestState::Rejected => "This request was rejected already.",
        RequestState::Expired => "The time of this request is over.",
        RequestState::Cancelled => "This request was taken back already.",
    };
    Error::conflict(None, detail)
}

/// Moves every command of a request that the event can move.
async fn move_commands(
    change: &Change,
    id: CommandRequestId,
    event: CommandEvent,
    detail: &str,
) -> Result<Vec<Moved>> {
    let mut moved = Vec::new();
    for from in CommandState::ALL {
        // What the device has is not the server's to end.
        let is_with_device = matches!(from, CommandState::Sent | CommandState::Executing);
        let Some(to) = from.on(event).filter(|_| !is_with_device) else { continue };
        let rows = Reached::all(id, *from).select().all(&**change).await?;
        if rows.is_empty() {
            continue;
        }
        update(command::Entity::update_many(), change, *from, to, detail)
            .filter(command::Column::RequestId.eq(id))
            .exec(&**change)
            .await?;
        moved.extend(rows.iter().map(|row| Moved::of(row, to)));
    }
    Ok(moved)
}

/// Commands of a request in a state.
struct Reached(CommandRequestId, CommandState);

impl Reached {
    const fn all(id: CommandRequestId, state: CommandState) -> Self {
        Self(id, state)
    }

    fn select(&self) -> sea_orm::Select<command::Entity> {
        crate::store::Reach::everything()
            .select::<command::Entity>()
            .filter(command::Column::RequestId.eq(self.0))
            .filter(command::Column::State.eq(self.1))
    }
}

/// From one state to another, with what belongs to the new one.
fn update(
    update: UpdateMany<command::Entity>,
    change: &Change,
    from: CommandState,
    to: CommandState,
    detail: &str,
) -> UpdateMany<command::Entity> {
    let update =
        update.col_expr(command::Column::State, Expr::value(to)).filter(command::Column::State.eq(from));
    if to.is_over() {
        update
            .col_expr(command::Column::EndedAt, Expr::value(change.now()))
            .col_expr(command::Column::Detail, Expr::value(detail))
            .col_expr(command::Column::Proof, Expr::value(""))
    } else {
        update
    }
}

/// Moves one command from where it was read. False when it is no longer there.
///
/// # Errors
/// Conflict when the event is refused in its state.
pub(crate) async fn step(
    change: &Change,
    row: &command::Model,
    event: CommandEvent,
    detail: &str,
    fill: impl FnOnce(UpdateMany<command::Entity>) -> UpdateMany<command::Entity>,
) -> Result<Option<Moved>> {
    let refused = || Error::conflict(None, format!("This command is {} already.", row.state.label()));
    let to = row.state.on(event).ok_or_else(refused)?;
    let update = update(command::Entity::update_many(), change, row.state, to, detail);
    let done = fill(update).filter(command::Column::Id.eq(row.id)).exec(&**change).await?;
    Ok((done.rows_affected == 1).then(|| Moved::of(row, to)))
}

/// Ends what waits for a device that is no longer the business's, or has no access any more. `is_gone`: also what it was
/// handed, because nobody will hear of it again.
///
/// # Errors
/// When the database fails.
pub(crate) async fn forsake(
    change: &Change,
    device: DeviceId,
    detail: &str,
    is_gone: bool,
) -> Result<Vec<Moved>> {
    let waiting = [CommandState::AwaitingApproval, CommandState::Pending, CommandState::Sent];
    let rows = crate::store::Reach::everything()
        .select::<command::Entity>()
        .filter(command::Column::DeviceId.eq(device))
        .filter(command::Column::State.is_in(waiting))
        .all(&**change)
        .await?;
    let mut moved = Vec::new();
    for row in rows.into_iter().filter(|row| is_gone || row.state != CommandState::Sent) {
        moved.extend(step(change, &row, CommandEvent::Cancel, detail, |update| update).await?);
    }
    Ok(moved)
}

/// Asks for what the device was handed and has not begun, when it becomes another business's: whether it begins it all the
/// same is told by its result. To be done before [`forsake`], which leaves that.
///
/// # Errors
/// When the database fails.
pub(crate) async fn ask_back(change: &Change, device: DeviceId) -> Result<()> {
    command::Entity::update_many()
        .col_expr(command::Column::CancelAskedAt, Expr::value(change.now()))
        .filter(command::Column::DeviceId.eq(device))
        .filter(command::Column::State.eq(CommandState::Sent))
        .exec(&**change)
        .await?;
    Ok(())
}

/// Tells open pages what moved, and wakes the devices that have something to fetch.
pub(crate) fn announce(store: &Store, moved: &[Moved]) {
    let pending: Vec<DeviceId> =
        moved.iter().filter(|one| one.state == CommandState::Pending).map(|one| one.device_id).collect();
    if !pending.is_empty() {
        store.wake(&pending);
    }
    let is_short = moved.len() <= ANNOUNCED_MAX;
    let mut last = None;
    for one in moved {
        let Moved { business_id, device_id, request_id, command_id, state } = *one;
        store.telemetry().command(state);
        if is_short {
            store.publish(PortalEvent::Command { business_id, device_id, request_id, command_id, state });
        }
        if last != Some(request_id) {
            last = Some(request_id);
            store.publish(PortalEvent::CommandRequest { business_id, request_id });
        }
    }
}

/// The ids of devices that are not there.
pub(super) fn offline_devices() -> SelectStatement {
    Query::select()
        .column(device::Column::Id)
        .from(device::Entity)
        .and_where(device::Column::Presence.ne(Presence::Online))
        .to_owned()
}
