//! What happens because time passed. Each job can be stopped and repeated at any point.

pub use crate::node::once;

use crate::{
    Result, SystemCx, agent_token, alert, approval, command, error_report, log_entry, metric, node, presence,
    registration, rollout,
};
use chrono::Duration;
use entity::table::{ceremony, session};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

/// Sessions that ended are kept this long, to be seen in the list of what was.
const ENDED_SESSIONS_KEPT: Duration = Duration::days(30);

/// Begins to serve: from here on this process counts as one that has devices. To be done once, before the first of them
/// is heard.
///
/// # Errors
/// When the database fails.
pub async fn join(cx: &SystemCx) -> Result<()> {
    node::join(cx.store()).await
}

/// Looks after the other server processes, and writes down which devices went away or came back since the last sweep;
/// open pages are told. Says how many. For every process: each has devices of its own.
///
/// # Errors
/// When the database fails; the next sweep finds the same devices.
pub async fn sweep_presence(cx: &SystemCx) -> Result<usize> {
    node::look_around(cx.store()).await?;
    presence::sweep(cx.store()).await
}

/// Writes down the last signs of life that this process heard, all in one commit. Says how many. For every process.
///
/// # Errors
/// When the database fails; the times are kept for the next flush.
pub async fn flush_last_seen(cx: &SystemCx) -> Result<usize> {
    presence::flush(cx.store()).await
}

/// Looks whether the devices that hold a socket in this process may still talk, and wakes the sessions of those that may
/// not. Says how many. For every process.
///
/// # Errors
/// When the database fails; a database that does not answer ends nothing.
pub async fn recheck_sockets(cx: &SystemCx) -> Result<usize> {
    agent_token::recheck_sockets(cx.store()).await
}

/// Ends requests that nobody decided in time, moves registration tokens whose time is over, and forgets sessions that
/// ended long ago and what was begun and never finished. Says how many.
///
/// # Errors
/// When the database fails.
pub async fn expire(cx: &SystemCx) -> Result<u64> {
    let store = cx.store();
    let undecided = approval::expire(store).await?;
    let tokens = registration::expire(store).await?;
    let before = store.now() - ENDED_SESSIONS_KEPT;
    let change = store.begin().await?;
    let sessions =
        session::Entity::delete_many().filter(session::Column::ExpiresAt.lt(before)).exec(&*change).await?;
    let ceremonies = ceremony::Entity::delete_many()
        .filter(ceremony::Column::ExpiresAt.lt(store.now()))
        .exec(&*change)
        .await?;
    change.commit_unattended().await?;
    Ok(undecided + tokens + sessions.rows_affected + ceremonies.rows_affected)
}

/// Ends commands whose time is over, lets the next waves of large requests go, and reminds devices of what waits for
/// them. Says how many moved.
///
/// # Errors
/// When the database fails; the next run finds the same.
pub async fn pass_commands(cx: &SystemCx) -> Result<u64> {
    command::pass(cx.store()).await
}

/// Starts rollouts whose time has come, gives up grants and devices that ran out of time, opens waves and tells devices that
/// something waits for them. Says how many rollouts changed.
///
/// # Errors
/// When the database fails; the next run finds the same.
pub async fn pass_rollouts(cx: &SystemCx) -> Result<u64> {
    rollout::pass(cx.store()).await
}

/// Forgets errors that agents have not reported for long. Says how many.
///
/// # Errors
/// When the database fails.
pub async fn forget_errors(cx: &SystemCx) -> Result<u64> {
    error_report::forget_old(cx.store()).await
}

/// Seals the samples that have arrived into chunks, and moves those that lie in rows from before. Says how much was moved.
///
/// # Errors
/// When the database fails; what is not sealed is read where it is.
pub async fn seal_metrics(cx: &SystemCx) -> Result<u64> {
    metric::seal(cx.store()).await
}

/// Makes five minutes of samples that are past their time, drops what is past all time, and looks after the partitions.
/// Says how much was changed.
///
/// # Errors
/// When the database fails.
pub async fn thin_metrics(cx: &SystemCx) -> Result<u64> {
    metric::retain(cx.store()).await
}

/// Drops log entries that are past their time. Says how many.
///
/// # Errors
/// When the database fails; the next run goes on.
pub async fn drop_logs(cx: &SystemCx) -> Result<u64> {
    log_entry::retain(cx.store()).await
}

/// Resolves alerts that have been quiet for long enough. Says how many.
///
/// # Errors
/// When the database fails; the next run finds the same.
pub async fn clear_alerts(cx: &SystemCx) -> Result<u64> {
    alert::clear_quiet(cx.store()).await
}

/// Takes up command keys that somebody made, and makes a successor of one whose time is nearly over. For every process: each
/// has keys in memory.
///
/// # Errors
/// When the files of the keys cannot be read or written; the server goes on with those that it has.
pub fn renew_command_key(cx: &SystemCx) -> Result<()> {
    cx.store().signer().refresh()
}
