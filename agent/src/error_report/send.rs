//! Sends what waits: one report after the other, with waits that grow and differ from device to device, and at once when
//! the server can be reached again.

use super::{WORK, buffer::Buffer, reports};
use crate::{
    chance,
    http::{Api, ApiError},
    identity::Identity,
    link::Backoff,
    paths::Paths,
    token::{DeviceApi, DeviceError},
};
use entity::{error_report::ErrorReport, id::DeviceId, wire::Known};
use std::time::Duration;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

/// The longest first wait after a failure.
const RETRY_FIRST: Duration = Duration::from_secs(5);
/// The longest wait after a failure.
const RETRY_LONGEST: Duration = Duration::from_secs(15 * 60);
/// Devices that lost their server together tell it what went wrong within this time.
const SPREAD: Duration = Duration::from_secs(3);
/// Counts that are only in memory are written down this often.
const FLUSH_EVERY: Duration = Duration::from_secs(60);
/// Access that was ended may be given back.
const REVOKED_RETRY: Duration = Duration::from_secs(3_600);

/// Sends reports for as long as the agent runs.
pub struct Sender {
    /// Requests to the server.
    pub api: Api,
    /// Which device this is.
    pub device: DeviceId,
    /// Where its key is.
    pub paths: Paths,
    /// What the server has, while there is a link to it.
    pub known: watch::Receiver<Option<Known>>,
}

/// How sending went.
enum Round {
    /// Nothing is left that may be sent now.
    Empty,
    /// Something has to wait, as long as the server said or as long as usual.
    Later(Option<Duration>),
}

impl Sender {
    /// Sends until it is dropped.
    pub async fn run(mut self) {
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_LONGEST);
        loop {
            self.something_is_due().await;
            let wait = match send_all(&self.api, self.device, &self.paths).await {
                Round::Empty => {
                    backoff.reset();
                    continue;
                }
                Round::Later(Some(asked)) => backoff.directed(asked, chance::fresh()),
                Round::Later(None) => backoff.next(chance::fresh()),
            };
            tokio::select! {
                () = sleep(wait) => {}
                () = link_comes_up(&mut self.known) => sleep(SPREAD.mul_f64(chance::fresh())).await,
            }
        }
    }

    async fn something_is_due(&self) {
        loop {
            let due_in = with_buffer(|buffer| {
                buffer.flush();
                buffer.due_in()
            });
            match due_in.flatten() {
                Some(Duration::ZERO) => return,
                due_in => {
                    let wait = due_in.unwrap_or(FLUSH_EVERY).min(FLUSH_EVERY);
                    if due_in.is_some() {
                        let _ = timeout(wait, WORK.notified()).await;
                    } else {
                        // Nothing waits: nothing has to be looked after either.
                        WORK.notified().await;
                    }
                }
            }
        }
    }
}

/// Done when there is a link after there was none; never where nobody says so any more.
async fn link_comes_up(known: &mut watch::Receiver<Option<Known>>) {
    let is_gone = known.wait_for(Option::is_none).await.is_err();
    if is_gone || known.wait_for(Option::is_some).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn with_buffer<T>(look: impl FnOnce(&mut Buffer) -> T) -> Option<T> {
    reports().buffer.as_mut().map(look)
}

/// Sends what may be sent. The token is got for it and forgotten after it: there is seldom anything to send.
async fn send_all(api: &Api, device: DeviceId, paths: &Paths) -> Round {
    let Ok(identity) = Identity::load(paths) else { return Round::Later(None) };
    let mut server = DeviceApi::new(api.clone(), device, identity);
    while let Some(report) = with_buffer(Buffer::take).flatten() {
        let id = report.report_id;
        let report = ErrorReport { agent_id: device, ..report };
        match server.tell_at("report_error", &report).await {
            Ok(()) => drop(with_buffer(|buffer| buffer.done(id))),
            Err(DeviceError::Api(error)) if is_refused_for_good(&error) => {
                tracing::error!(%error, "the server refuses an error report: given up");
                with_buffer(|buffer| buffer.done(id));
            }
            Err(error) => {
                with_buffer(|buffer| buffer.failed(id));
                tracing::debug!(%error, "an error report has to wait");
                return Round::Later(match &error {
                    DeviceError::Revoked(_) => Some(REVOKED_RETRY),
                    DeviceError::Api(error) => {
                        error.retry_after_seconds().map(|seconds| Duration::from_secs(u64::from(seconds)))
                    }
                });
            }
        }
    }
    Round::Empty
}

/// True when sending the same again can only fail again. A server that does not know the address yet is updated one day.
fn is_refused_for_good(error: &ApiError) -> bool {
    matches!(error.status(), Some(400 | 413 | 415 | 422))
}

/// Sends what waits, once and within this time: for an agent that is about to end because something is wrong with it.
pub async fn send_now(api: &Api, device: DeviceId, paths: &Paths, longest: Duration) {
    let _ = timeout(longest, send_all(api, device, paths)).await;
}
