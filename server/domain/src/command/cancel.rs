//! Taking back what was asked: at once while the server has it, and by asking the device once it was handed out.

use super::{list, queue};
use crate::{Cx, Error, Result, access::Target, audit::Record, device};
use entity::{
    command::{CommandDetail, CommandEvent, CommandState, RequestDetail, RequestState},
    id::{CommandId, CommandRequestId},
    policy::Action,
    portal_event::PortalEvent,
    table::command,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _, sea_query::Expr};

/// Takes a command back. One that the device has already is asked back; it ends when the device says that it will not
/// begin it.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role, conflict when it has begun or is over.
pub async fn cancel(cx: &Cx, id: CommandId) -> Result<CommandDetail> {
    let row = list::find(cx, id).await?;
    let device = device::find(cx, row.device_id).await?;
    let permit = cx.permit(Action::RequestCommand, Target::device(&device))?;
    let change = permit.begin().await?;
    let moved = match row.state {
        CommandState::Sent => {
            let asked = command::Entity::update_many()
                .col_expr(command::Column::CancelAskedAt, Expr::value(cx.store().now()))
                .filter(command::Column::Id.eq(id))
                .filter(command::Column::State.eq(CommandState::Sent))
                .exec(&*change)
                .await?;
            (asked.rows_affected == 1).then_some(None)
        }
        CommandState::Executing => {
            let detail = "The device has begun already; wait for its result.";
            return Err(Error::conflict(None, detail));
        }
        _ => {
            queue::step(&change, &row, CommandEvent::Cancel, "Taken back.", |update| update).await?.map(Some)
        }
    };
    let Some(moved) = moved else {
        return Err(Error::conflict(None, "This command has just moved on. Look at it again."));
    };
    let summary = match moved {
        Some(_) => format!("Took a command for {} back", device.device_name),
        None => format!("Asked {} not to begin a command", device.device_name),
    };
    let record = Record::new("command.cancel", summary).device(device.id);
    permit
        .commit(change, record.before(row.state.word()).after(serde_json::json!({ "command_id": id })))
        .await?;
    let store = cx.store();
    match moved {
        Some(moved) => queue::announce(store, &[moved]),
        None => {
            store.wake(&[row.device_id]);
            store.publish(PortalEvent::Command {
                business_id: row.business_id,
                device_id: row.device_id,
                request_id: row.request_id,
                command_id: id,
                state: row.state,
            });
        }
    }
    super::get(cx, id).await
}

/// Takes a request back, with all of its commands that no device has yet; those that one has and has not begun are asked
/// back.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role or when a part of its devices is out of reach, conflict when it
/// is over.
pub async fn cancel_request(cx: &Cx, id: CommandRequestId) -> Result<RequestDetail> {
    let row = list::find_request(cx, id).await?;
    let permit = cx.permit(Action::RequestCommand, Target::Business(row.business_id))?;
    let change = permit.begin().await?;
    queue::hold(&change, &row).await?;
    let moved = queue::decide(&change, &row, CommandEvent::Cancel).await?;
    let sent = crate::store::Reach::of(row.business_id)
        .select::<command::Entity>()
        .filter(command::Column::RequestId.eq(id))
        .filter(command::Column::State.eq(CommandState::Sent))
        .select_only()
        .column(command::Column::DeviceId)
        .into_tuple()
        .all(&*change)
        .await?;
    if moved.is_empty() && sent.is_empty() && row.state == RequestState::Approved {
        return Err(Error::conflict(
            None,
            "Every device has begun or ended already; nothing is left to take back.",
        ));
    }
    command::Entity::update_many()
        .col_expr(command::Column::CancelAskedAt, Expr::value(cx.store().now()))
        .filter(command::Column::RequestId.eq(id))
        .filter(command::Column::State.eq(CommandState::Sent))
        .exec(&*change)
        .await?;
    let summary = format!("Took a request for {} devices back", row.targets_count);
    let after = serde_json::json!({ "request_id": id, "taken_back": moved.len(), "asked_back": sent.len() });
    permit
        .commit(change, Record::new("command.cancel_request", summary).before(row.state).after(after))
        .await?;
    queue::announce(cx.store(), &moved);
    cx.store().wake(&sent);
    cx.store().publish(PortalEvent::CommandRequest { business_id: row.business_id, request_id: id });
    super::get_request(cx, id).await
}
