//! Handing commands to their device: each passes the gate at this moment, is written down as sent with the order that was
//! signed for it, and only then leaves the server.

use super::{
    gate::{gate, request_of},
    proof, queue,
};
use crate::{
    AgentCx, Error, Result, Store,
    audit::{Actor, Record},
    emergency_stop, report,
    store::{Change, Reach},
};
use chrono::{SubsecRound as _, TimeDelta};
use entity::{
    command::{
        ApprovalNote, BreakGlass, CommandEvent, CommandState, Envelope, NotYet, ORDER_SECONDS_DEFAULT, Order,
        RequestState, Strength, Verdict,
    },
    id::{CommandId, CommandRequestId},
    presence::LinkKind,
    seal,
    table::{chain_head, command, command_request as request},
    wire::CommandsAnswer,
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, sea_query::Expr,
};
use std::collections::{BTreeSet, HashMap};

/// Commands of one delivery; the next ones follow when the device has answered for some.
const AT_ONCE: u64 = 16;

/// On which occasion a device is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Its link is new, or it polls: what was sent before and never answered for is sent again.
    Arrived,
    /// Something may have changed while its link lives: what was sent before is on its way.
    Woken,
}

/// What a device is handed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// What to do, in order.
    pub orders: Vec<Envelope>,
    /// What not to begin any more.
    pub cancelled: Vec<CommandId>,
}

/// A command that the gate lets pass, with the order for its device.
struct Prepared {
    row: command::Model,
    /// Of the request, as the gate saw it.
    revision: i64,
    strength: Strength,
    order: Order,
    envelope: Envelope,
    order_sha256: String,
}

/// What waits for this device and may be handed to it now; written down as sent before it is answered.
///
/// # Errors
/// When the database fails or nothing can be signed; what was not written down is found again.
pub async fn deliver(cx: &AgentCx, occasion: Occasion) -> Result<Delivery> {
    let store = cx.store();
    // Whosever it was when it was handed something: that is asked back.
    let rows = Reach::everything()
        .select::<command::Entity>()
        .filter(command::Column::DeviceId.eq(cx.device_id()))
        .filter(command::Column::State.is_in([CommandState::Pending, CommandState::Sent]))
        .order_by_asc(command::Column::Rank)
        .order_by_asc(command::Column::Seq)
        .limit(AT_ONCE)
        .all(store.db())
        .await?;
    let mut delivery = Delivery::default();
    if rows.is_empty() {
        return Ok(delivery);
    }
    let requests = requests_of(store, &rows).await?;
    let mut is_strong = false;
    for request in requests.values() {
        is_strong |= super::strength_of(request)? == Strength::Strong;
    }
    // Before the gate looks: whoever stops from here on is noticed when it is written down.
    let stops = if is_strong { emergency_stop::generation(store.db()).await? } else { 0 };
    let mut fresh = Vec::new();
    let mut voided = Vec::new();
    for row in rows {
        let Some(request) = requests.get(&row.request_id) else { continue };
        if row.business_id != cx.business_id() && row.cancel_asked_at.is_none() {
            continue;
        }
        if row.state == CommandState::Sent {
            if row.cancel_asked_at.is_some() {
                delivery.cancelled.push(row.id);
                continue;
            }
            // What the device has said that it has is not sent again.
            if occasion == Occasion::Woken || row.received_at.is_some() {
                continue;
            }
        }
        if store.now() >= row.deliver_by || row.wave > request.wave || request.state != RequestState::Approved
        {
            continue;
        }
        if !proof::has_command(store, &row) {
            tracing::error!(command.id = %row.id, "a stored command was asked of nobody; it goes to no device");
            continue;
        }
        match gate(store, request).await? {
            Verdict::May(notes) => {
                if is_kept_back(cx, request).await? {
                    continue;
                }
                if let Some(envelope) = as_before(store, &row)? {
                    delivery.orders.push(envelope);
                    continue;
                }
                fresh.push(prepare(store, request, row, notes)?);
            }
            Verdict::Not(NotYet::Missing(_) | NotYet::MissingFrom(_))
                if row.state == CommandState::Pending =>
            {
                voided.push(request.clone());
            }
            Verdict::Not(_) => {}
        }
    }
    delivery.orders.extend(write_down(cx, fresh, stops).await?);
    for request in voided {
        void(store, &request).await?;
    }
    Ok(delivery)
}

/// The same for a device that polls, with the stops and how far its own record is stored.
///
/// # Errors
/// As [`deliver`].
pub async fn poll(cx: &AgentCx) -> Result<CommandsAnswer> {
    report::seen(cx, LinkKind::Polling);
    let (_, stops) = emergency_stop::of_device(cx).await?;
    let Delivery { orders, cancelled } = deliver(cx, Occasion::Arrived).await?;
    Ok(CommandsAnswer {
        commands: orders,
        cancelled,
        stops,
        chain_seq: stored(cx).await?,
        server_time: Some(cx.store().now()),
    })
}

async fn requests_of(
    store: &Store,
    rows: &[command::Model],
) -> Result<HashMap<CommandRequestId, request::Model>> {
    let ids: Vec<CommandRequestId> = rows.iter().map(|row| row.request_id).collect();
    let found = Reach::everything()
        .select::<request::Entity>()
        .filter(request::Column::Id.is_in(ids))
        .all(store.db())
        .await?;
    Ok(found.into_iter().map(|row| (row.id, row)).collect())
}

/// Nothing strong goes to a device while two machines seem to be it.
async fn is_kept_back(cx: &AgentCx, request: &request::Model) -> Result<bool> {
    Ok(super::strength_of(request)? == Strength::Strong && cx.device().await?.clone_suspected_at.is_some())
}

/// The order that was sent before, when it is still good.
fn as_before(store: &Store, row: &command::Model) -> Result<Option<Envelope>> {
    let is_good =
        row.state == CommandState::Sent && row.order_expires_at.is_some_and(|end| end > store.now());
    let read = |text: &String| {
        serde_json::from_str(text).map_err(|error| Error::Internal(format!("stored envelope: {error}")))
    };
    row.envelope.as_ref().filter(|_| is_good).map(read).transpose()
}

/// How far the device's own record is stored.
async fn stored(cx: &AgentCx) -> Result<u64> {
    let select = Reach::of(cx.business_id())
        .select::<chain_head::Entity>()
        .filter(chain_head::Column::DeviceId.eq(cx.device_id()));
    Ok(select.one(cx.store().db()).await?.map_or(0, |head| head.seq.unsigned_abs()))
}

/// Makes and signs the order.
fn prepare(
    store: &Store,
    request: &request::Model,
    row: command::Model,
    approvals: Vec<ApprovalNote>,
) -> Result<Prepared> {
    let now = store.now().trunc_subsecs(6);
    let order = Order {
        command_id: row.id,
        device_id: row.device_id,
        request: request_of(request)?,
        request_sha256: request.request_sha256.clone(),
        issued_at: now,
        expires_at: row
            .deliver_by
            .min(request.deliver_by)
            .min(now + TimeDelta::seconds(i64::from(ORDER_SECONDS_DEFAULT))),
        approvals,
        approvals_needed: u32::try_from(request.approvals_needed).unwrap_or(u32::MAX),
        break_glass: request
            .break_glass_reason
            .clone()
            .filter(|_| proof::has_break_glass(store, request))
            .map(|reason| BreakGlass { reason }),
    };
    let envelope = store.signer().seal_order(&order)?;
    let bytes = seal::payload(&envelope).map_err(|error| Error::Internal(error.to_string()))?;
    let (revision, strength) = (request.revision, super::strength_of(request)?);
    Ok(Prepared { row, revision, strength, order, order_sha256: seal::sha256(&bytes), envelope })
}

/// Writes down that these were sent; answers those that are still as the gate saw them: not taken back, not changed, not
/// stopped meanwhile.
async fn write_down(cx: &AgentCx, mut fresh: Vec<Prepared>, stops: i64) -> Result<Vec<Envelope>> {
    if fresh.is_empty() {
        return Ok(Vec::new());
    }
    let (store, count) = (cx.store(), fresh.len());
    let change = cx.begin().await?;
    keep_unchanged(&change, &mut fresh, stops).await?;
    let is_again = fresh.len() < count;
    let (mut sent, mut moved, mut records) = (Vec::new(), Vec::new(), Vec::new());
    for Prepared { row, order, envelope, order_sha256, .. } in fresh {
        let json = serde_json::to_string(&envelope).map_err(|error| Error::Internal(error.to_string()))?;
        let from = match row.state {
            // What was sent and is sent again comes back first.
            CommandState::Sent => row.state.on(CommandEvent::Return),
            state => Some(state),
        };
        let Some(to) = from.and_then(|state| state.on(CommandEvent::Send)) else { continue };
        let done = command::Entity::update_many()
            .col_expr(command::Column::State, Expr::value(to))
            .col_expr(command::Column::SentAt, Expr::value(order.issued_at))
            .col_expr(command::Column::Sends, Expr::value(row.sends + 1))
            .col_expr(command::Column::OrderExpiresAt, Expr::value(order.expires_at))
            .col_expr(command::Column::OrderSha256, Expr::value(order_sha256.as_str()))
            .col_expr(command::Column::Envelope, Expr::value(json))
            .filter(command::Column::Id.eq(row.id))
            .filter(command::Column::State.eq(row.state))
            .filter(command::Column::Sends.eq(row.sends))
            .exec(&*change)
            .await?;
        // Taken back between the gate and here.
        if done.rows_affected != 1 {
            continue;
        }
        let after = serde_json::json!({
            "command_id": row.id,
            "order_sha256": order_sha256,
            "expires_at": order.expires_at,
            "approved_by": order.approvals.iter().map(|note| note.user_id).collect::<Vec<_>>(),
        });
        let words = if row.sends > 0 { "Sent again" } else { "Sent" };
        let summary = format!("{words}: {}", order.request.payload.sentence());
        let record = Record::new("command.send", summary).device(row.device_id).after(after);
        records.push((row.business_id, record));
        moved.push(queue::Moved::of(&row, to));
        sent.push(envelope);
    }
    // After all rows: whoever writes to the log has it for itself until the commit.
    for (business_id, record) in records {
        change.note(&Actor::system("commands"), Some(business_id), record).await?;
    }
    change.commit_unattended().await?;
    queue::announce(store, &moved);
    if is_again {
        store.wake(&[cx.device_id()]);
    }
    Ok(sent)
}

/// Leaves what the gate saw and nobody has decided about since; until the end of the change nobody does. A yes that was
/// taken back, changed content and a stop are so either before the order leaves, which then does not, or after it.
async fn keep_unchanged(change: &Change, fresh: &mut Vec<Prepared>, stops: i64) -> Result<()> {
    if fresh.iter().any(|one| one.strength == Strength::Strong)
        && emergency_stop::held_generation(change).await? != stops
    {
        fresh.retain(|one| one.strength != Strength::Strong);
    }
    let ids: BTreeSet<CommandRequestId> = fresh.iter().map(|one| one.row.request_id).collect();
    let held: HashMap<CommandRequestId, i64> = Reach::everything()
        .select::<request::Entity>()
        .filter(request::Column::Id.is_in(ids))
        .order_by_asc(request::Column::Id)
        .lock_shared()
        .all(&**change)
        .await?
        .into_iter()
        .map(|row| (row.id, row.revision))
        .collect();
    fresh.retain(|one| held.get(&one.row.request_id) == Some(&one.revision));
    Ok(())
}

/// Those who said yes do not count any more: it waits for people again.
async fn void(store: &Store, row: &request::Model) -> Result<()> {
    if row.state.on(CommandEvent::Void).is_none() {
        return Ok(());
    }
    let change = store.begin().await?;
    // Somebody else decided meanwhile: then it is looked at again.
    if !queue::try_hold(&change, row).await? {
        return Ok(());
    }
    let moved = queue::decide(&change, row, CommandEvent::Void).await?;
    let summary = "Too few of those who approved a request may still do so; it waits for people again";
    let after = serde_json::json!({ "request_id": row.id });
    let record = Record::new("command.void", summary).after(after);
    change.note(&Actor::system("commands"), Some(row.business_id), record).await?;
    change.commit_unattended().await?;
    queue::announce(store, &moved);
    Ok(())
}
