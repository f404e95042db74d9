//! Commands and requests, newest first, and one of them with all that its page shows.

use super::{gate, target, view, wave};
use crate::{
    Cx, Error, Result, device,
    store::{
        Reach,
        keyset::{self, Order},
    },
};
use entity::{
    command::{
        CommandDetail, CommandQuery, CommandRow, CommandState, RequestDetail, RequestQuery, RequestRow,
        StateCount,
    },
    id::{CommandId, CommandRequestId, DeviceId},
    page::Page,
    table::{command, command_request as request},
};
use sea_orm::{ColumnTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select};

/// Devices that a request shows beside itself; the others are in the list of commands.
const SHOWN: u64 = 100;
/// The states of which more is expected.
const OPEN: [CommandState; 4] =
    [CommandState::AwaitingApproval, CommandState::Pending, CommandState::Sent, CommandState::Executing];

/// One page of the commands within reach.
///
/// # Errors
/// Invalid names the field of the query.
pub async fn list(cx: &Cx, query: &CommandQuery) -> Result<Page<CommandRow>> {
    let select = matching(cx, query);
    let order = Order::newest("commands.newest");
    let slice = keyset::page(cx.db(), select, order, query.cursor.as_deref(), query.limit).await?;
    Ok(Page { items: view::commands(cx, slice.rows).await?, next_cursor: slice.next_cursor, total: None })
}

/// One page of the commands of a device.
///
/// # Errors
/// Not found when the device is out of reach; invalid names the field of the query.
pub async fn of_device(cx: &Cx, id: DeviceId, query: &CommandQuery) -> Result<Page<CommandRow>> {
    device::find(cx, id).await?;
    list(cx, &CommandQuery { device_id: Some(id), ..query.clone() }).await
}

fn matching(cx: &Cx, query: &CommandQuery) -> Select<command::Entity> {
    let mut select = cx.select::<command::Entity>();
    if let Some(id) = query.business_id {
        select = select.filter(command::Column::BusinessId.eq(id));
    }
    if let Some(id) = query.device_id {
        select = select.filter(command::Column::DeviceId.eq(id));
    }
    if let Some(id) = query.request_id {
        select = select.filter(command::Column::RequestId.eq(id));
    }
    if let Some(state) = query.state {
        select = select.filter(command::Column::State.eq(state));
    }
    if let Some(kind) = query.kind {
        select = select.filter(command::Column::Kind.eq(kind));
    }
    match query.open {
        Some(true) => select.filter(command::Column::State.is_in(OPEN)),
        Some(false) => select.filter(command::Column::State.is_not_in(OPEN)),
        None => select,
    }
}

/// The row of a command, if it is within reach.
///
/// # Errors
/// Not found when it is out of reach.
pub(crate) async fn find(cx: &Cx, id: CommandId) -> Result<command::Model> {
    cx.select::<command::Entity>()
        .filter(command::Column::Id.eq(id))
        .one(cx.db())
        .await?
        .ok_or_else(|| Error::not_found("command"))
}

/// One command.
///
/// # Errors
/// Not found when it is out of reach.
pub async fn get(cx: &Cx, id: CommandId) -> Result<CommandDetail> {
    let row = find(cx, id).await?;
    let request = find_request(cx, row.request_id).await?;
    let device = device::find(cx, row.device_id).await.ok();
    let payload = gate::payload_of(&request)?;
    let needed = gate::needed_of(&request);
    // A device that has gone to another business shows no lock here any more.
    let lock = match &device {
        Some(device) => target::lock_of(&payload, needed, device, cx.store().now())?,
        None => payload.locks(needed, None, false, cx.store().now()),
    };
    let read = |text: &String| {
        serde_json::from_str(text).map_err(|error| Error::Internal(format!("stored locks: {error}")))
    };
    let lock_at_creation = row.lock_at_creation.as_ref().map(read).transpose()?;
    let approvals = view::approvals(cx, &request).await?;
    let (output, output_bytes) = (row.output.clone(), row.output_bytes.unsigned_abs());
    let (received_at, order_sha256) = (row.received_at, row.order_sha256.clone());
    let none = || Error::not_found("command");
    Ok(CommandDetail {
        command: view::commands(cx, vec![row]).await?.pop().ok_or_else(none)?,
        request: view::requests(cx, vec![request]).await?.pop().ok_or_else(none)?,
        approvals,
        output,
        output_bytes,
        received_at,
        order_sha256,
        lock_at_creation,
        lock,
    })
}

/// The row of a request, if one of its devices is within reach: a request has no place of its own.
///
/// # Errors
/// Not found when none of its devices is within reach.
pub(crate) async fn find_request(cx: &Cx, id: CommandRequestId) -> Result<request::Model> {
    let none = || Error::not_found("request");
    let mine = cx.select::<command::Entity>().filter(command::Column::RequestId.eq(id));
    if mine.limit(1).one(cx.db()).await?.is_none() {
        return Err(none());
    }
    let select = Reach::everything().select::<request::Entity>().filter(request::Column::Id.eq(id));
    select.one(cx.store().db()).await?.ok_or_else(none)
}

/// One page of the requests of businesses that are within reach as a whole.
///
/// # Errors
/// Invalid names the field of the query.
pub async fn list_requests(cx: &Cx, query: &RequestQuery) -> Result<Page<RequestRow>> {
    let mut select = cx.select::<request::Entity>();
    if let Some(id) = query.business_id {
        select = select.filter(request::Column::BusinessId.eq(id));
    }
    if let Some(state) = query.state {
        select = select.filter(request::Column::State.eq(state));
    }
    if let Some(kind) = query.kind {
        select = select.filter(request::Column::Kind.eq(kind));
    }
    if query.unreviewed {
        select = select
            .filter(request::Column::BreakGlassAt.is_not_null())
            .filter(request::Column::ReviewedAt.is_null());
    }
    let order = Order::newest("requests.newest");
    let slice = keyset::page(cx.db(), select, order, query.cursor.as_deref(), query.limit).await?;
    Ok(Page { items: view::requests(cx, slice.rows).await?, next_cursor: slice.next_cursor, total: None })
}

/// One request.
///
/// # Errors
/// Not found when none of its devices is within reach.
pub async fn get_request(cx: &Cx, id: CommandRequestId) -> Result<RequestDetail> {
    let row = find_request(cx, id).await?;
    let of_it = || cx.select::<command::Entity>().filter(command::Column::RequestId.eq(id));
    let counts = wave::counts(cx.db(), of_it()).await?;
    let rows = of_it().order_by_asc(command::Column::Id).limit(SHOWN).all(cx.db()).await?;
    let approvals = view::approvals(cx, &row).await?;
    let is_held = row.wave < row.waves && wave::is_held(&counts);
    Ok(RequestDetail {
        request: view::requests(cx, vec![row]).await?.pop().ok_or_else(|| Error::not_found("request"))?,
        approvals,
        counts: counts.into_iter().map(|(state, count)| StateCount { state, count }).collect(),
        is_held,
        commands: view::commands(cx, rows).await?,
    })
}
