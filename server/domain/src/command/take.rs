//! What devices say of their commands: that they have one, that it runs, what it writes, how it ended. The same said twice
//! counts once, and a result that comes after its time still counts.

use super::queue::{self, Moved};
use crate::{
    AgentCx, Error, Result,
    audit::{Actor, Record},
    store::{Change, Reach, Scope},
};
use entity::{
    command::{
        CommandEvent, CommandProgress, CommandReceipt, CommandResult, CommandState, PROGRESS_BYTES_MAX,
        ResultStatus,
    },
    id::CommandId,
    input::clip,
    portal_event::PortalEvent,
    seal,
    table::command,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};

/// Tries against others that move the same command at the same time.
const TRIES: u32 = 4;

/// The command, if it is this device's. By the store: its business may have given the device away meanwhile.
async fn find(cx: &AgentCx, id: CommandId) -> Result<Option<command::Model>> {
    let found = Reach::everything()
        .select::<command::Entity>()
        .filter(command::Column::Id.eq(id))
        .filter(command::Column::DeviceId.eq(cx.device_id()))
        .one(cx.store().db())
        .await?;
    if found.is_none() {
        tracing::warn!(device.id = %cx.device_id(), command.id = %id, "a device speaks of a command that it was not sent");
    }
    Ok(found)
}

/// Begins a change within the business that asked.
async fn begin(cx: &AgentCx, row: &command::Model) -> Result<Change> {
    cx.store().begin_within(cx.store().db().within(Scope::of(row.business_id))).await
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::Internal(error.to_string()))
}

/// What a receipt changed.
enum Noted {
    /// Nothing that was not known.
    Nothing,
    /// The device has it.
    Received,
    /// The device has begun it.
    Started(Moved),
    /// Somebody else moved the command meanwhile.
    TooLate,
}

/// Does a receipt say anything new?
fn is_news(row: &command::Model, receipt: &CommandReceipt) -> bool {
    let is_open = matches!(row.state, CommandState::Pending | CommandState::Sent);
    let is_known = !receipt.is_started && row.received_at.is_some();
    let may_start = !receipt.is_started || row.state.on(CommandEvent::Start).is_some();
    is_open && !is_known && may_start
}

/// Writes a receipt down; the row is as it is after that.
async fn note(change: &Change, row: &mut command::Model, receipt: &CommandReceipt) -> Result<Noted> {
    if !is_news(row, receipt) {
        return Ok(Noted::Nothing);
    }
    let (now, text) = (change.now(), json(receipt)?);
    let received_at = row.received_at.unwrap_or(now);
    if !receipt.is_started {
        command::Entity::update_many()
            .col_expr(command::Column::ReceivedAt, Expr::value(now))
            .col_expr(command::Column::Receipt, Expr::value(text))
            .filter(command::Column::Id.eq(row.id))
            .filter(command::Column::ReceivedAt.is_null())
            .exec(&**change)
            .await?;
        row.received_at = Some(received_at);
        return Ok(Noted::Received);
    }
    let moved = queue::step(change, row, CommandEvent::Start, "", |update| {
        update
            .col_expr(command::Column::StartedAt, Expr::value(now))
            .col_expr(command::Column::ReceivedAt, Expr::value(received_at))
            .col_expr(command::Column::Receipt, Expr::value(text))
    })
    .await?;
    let Some(moved) = moved else { return Ok(Noted::TooLate) };
    let after = serde_json::json!({ "command_id": row.id, "order_sha256": receipt.order_sha256 });
    let record = Record::new("command.start", "The device began a command").device(row.device_id);
    change.note(&Actor::system("device"), Some(row.business_id), record.after(after)).await?;
    (row.state, row.received_at, row.started_at) = (moved.state, Some(received_at), Some(now));
    Ok(Noted::Started(moved))
}

/// Takes that a device has a command on its disk, or has begun it.
///
/// # Errors
/// When the database fails.
pub async fn receipt(cx: &AgentCx, mut receipt: CommandReceipt) -> Result<()> {
    receipt.order_sha256 = clip(&receipt.order_sha256, 64);
    for _ in 0..TRIES {
        let Some(mut row) = find(cx, receipt.command_id).await? else { return Ok(()) };
        if !is_news(&row, &receipt) {
            return Ok(());
        }
        let change = begin(cx, &row).await?;
        match note(&change, &mut row, &receipt).await? {
            Noted::TooLate => continue,
            Noted::Started(moved) => {
                change.commit_unattended().await?;
                queue::announce(cx.store(), &[moved]);
            }
            Noted::Nothing | Noted::Received => change.commit_unattended().await?,
        }
        return Ok(());
    }
    Err(Error::unavailable(1))
}

/// Passes on what a command writes while it runs; nothing of it is kept. What a device says of another's command, or of one
/// that is over, is passed on to nobody.
///
/// # Errors
/// When the database fails.
pub async fn progress(cx: &AgentCx, progress: CommandProgress) -> Result<()> {
    let found = find(cx, progress.command_id).await?;
    let Some(row) = found.filter(|row| !row.state.is_over()) else { return Ok(()) };
    let mut output = progress.output;
    let mut end = output.len().min(PROGRESS_BYTES_MAX);
    while !output.is_char_boundary(end) {
        end -= 1;
    }
    output.truncate(end);
    cx.store().publish(PortalEvent::CommandOutput {
        business_id: row.business_id,
        device_id: cx.device_id(),
        command_id: progress.command_id,
        offset: progress.offset,
        output,
    });
    Ok(())
}

/// Takes how a command ended. Answers without error also for what is known or asked by nobody, so that the device need
/// not say it again. `receipts` are those that came just before and were not written down yet: a command that is over in a
/// moment takes one commit and not three.
///
/// # Errors
/// When the database fails; the device says it again.
pub async fn result(cx: &AgentCx, mut receipts: Vec<CommandReceipt>, result: CommandResult) -> Result<()> {
    receipts.retain(|receipt| receipt.command_id == result.command_id);
    receipts.iter_mut().for_each(|receipt| receipt.order_sha256 = clip(&receipt.order_sha256, 64));
    let mut result = result.bounded();
    // PostgreSQL takes no zero in a text.
    result.output = result.output.replace('\0', "\u{fffd}");
    result.detail = result.detail.replace('\0', "\u{fffd}");
    'tries: for _ in 0..TRIES {
        let Some(mut row) = find(cx, result.command_id).await? else { return Ok(()) };
        let is_known = row.state.is_over() && row.state != CommandState::Expired;
        if is_known || row.result.is_some() {
            return Ok(());
        }
        if row.state.on(event_of(&row, &result)).is_none() {
            tracing::warn!(command.id = %row.id, state = row.state.word(), "a result came that nobody waits for");
            return Ok(());
        }
        let change = begin(cx, &row).await?;
        let mut moved = Vec::new();
        for receipt in &receipts {
            match note(&change, &mut row, receipt).await? {
                Noted::TooLate => continue 'tries,
                Noted::Started(begun) => moved.push(begun),
                Noted::Nothing | Noted::Received => {}
            }
        }
        let event = event_of(&row, &result);
        let Some(ended) = end(&change, &row, event, &result).await? else { continue };
        moved.push(ended);
        change.commit_unattended().await?;
        let store = cx.store();
        if let Some(sent_at) = row.sent_at {
            store.telemetry().command_took(store.now() - sent_at);
        }
        queue::announce(store, &moved);
        return Ok(());
    }
    Err(Error::unavailable(1))
}

fn event_of(row: &command::Model, result: &CommandResult) -> CommandEvent {
    match result.status {
        ResultStatus::Completed => CommandEvent::Complete,
        ResultStatus::Failed => CommandEvent::Fail,
        ResultStatus::TimedOut => CommandEvent::TimeOut,
        ResultStatus::Interrupted => CommandEvent::Interrupt,
        // It was asked not to begin it, and did not.
        ResultStatus::Refused
            if result.refusal.is_none()
                && row.cancel_asked_at.is_some()
                && row.state == CommandState::Sent =>
        {
            CommandEvent::Cancel
        }
        ResultStatus::Refused => CommandEvent::Refuse,
    }
}

/// Writes the result down. `None`: somebody else moved the command meanwhile.
async fn end(
    change: &Change,
    row: &command::Model,
    event: CommandEvent,
    result: &CommandResult,
) -> Result<Option<Moved>> {
    let is_late = row.state == CommandState::Expired;
    // Its digest is over all that was sent; the output is kept beside it.
    let sha256 = seal::sha256(json(result)?.as_bytes());
    let kept = json(&CommandResult { output: String::new(), ..result.clone() })?;
    let detail = match (result.detail.as_str(), result.refusal) {
        ("", Some(refusal)) => refusal.sentence().to_owned(),
        (detail, _) => detail.to_owned(),
    };
    let started_at = row.started_at.or(result.started_at.map(|_| change.now()));
    let moved = queue::step(change, row, event, &detail, |update| {
        update
            .col_expr(command::Column::Refusal, Expr::value(result.refusal))
            .col_expr(command::Column::ExitCode, Expr::value(result.exit_code.map(i64::from)))
            .col_expr(command::Column::Output, Expr::value(result.output.as_str()))
            .col_expr(
                command::Column::OutputBytes,
                Expr::value(i64::try_from(result.output_bytes).unwrap_or(i64::MAX)),
            )
            .col_expr(command::Column::Result, Expr::value(kept))
            .col_expr(command::Column::StartedAt, Expr::value(started_at))
            .col_expr(command::Column::IsLate, Expr::value(is_late))
            .filter(command::Column::Result.is_null())
    })
    .await?;
    let Some(moved) = moved else { return Ok(None) };
    let after = serde_json::json!({
        "command_id": row.id,
        "order_sha256": result.order_sha256,
        "result_sha256": sha256,
        "status": result.status,
        "refusal": result.refusal,
        "exit_code": result.exit_code,
        "is_late": is_late,
    });
    let summary = match (result.refusal, moved.state) {
        (Some(refusal), _) => format!("The device refused a command: {}", refusal.sentence()),
        (None, state) => format!("A command ended: {}", state.label().to_lowercase()),
    };
    let record = Record::new("command.result", summary).device(row.device_id).before(row.state).after(after);
    change.note(&Actor::system("device"), Some(row.business_id), record).await?;
    Ok(Some(moved))
}
