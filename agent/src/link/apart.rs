//! What is too large for the socket: it goes over HTTP, while the socket is served as before.

use super::{
    End, Link,
    poll::is_refused_for_good,
    sent::Sent,
    serve::{InFlight, Session, say_text},
};
use crate::{http::ApiError, inventory::Parcel, token::DeviceError};
use entity::{
    command::CommandResult,
    id::CommandId,
    update::{UpdateStatus, UpdateStatusAck},
    wire::{ToServer, limits::SOCKET_MESSAGE_BYTES_MAX},
};
use serde::Serialize;
use std::time::Duration;
use tokio::time::Instant;

/// A report that was posted, or not.
pub(super) struct Posted {
    /// The samples or log entries that it held, when it held any.
    sent: Option<Sent>,
    /// The command whose result it was, when it was one.
    command: Option<CommandId>,
    /// The report about an update that it was, when it was one.
    status: Option<UpdateStatusAck>,
    done: Result<(), ApiError>,
}

impl Link {
    /// Sends services, software or facts: over the socket when they are small, else beside it.
    pub(super) async fn send_parcel(&mut self, session: &mut Session, parcel: Parcel) -> Result<(), End> {
        let message = match parcel {
            Parcel::Services(services) => ToServer::Services(services),
            Parcel::Software(software) => ToServer::Software(software),
            Parcel::Facts(facts) => ToServer::Facts(*facts),
        };
        let text = serde_json::to_string(&message).unwrap_or_default();
        if text.len() <= SOCKET_MESSAGE_BYTES_MAX {
            return say_text(session, text).await;
        }
        match message {
            ToServer::Services(services) => self.post_apart(session, "services", services, None).await,
            ToServer::Software(software) => self.post_apart(session, "software", software, None).await,
            ToServer::Facts(facts) => self.post_apart(session, "facts", facts, None).await,
            _ => Ok(()),
        }
    }

    /// Sends samples or log entries: over the socket when they are small, else beside it.
    pub(super) async fn send(&mut self, session: &mut Session, sent: Sent) -> Result<(), End> {
        let message = sent.message(self.logs.suppressed());
        let text = serde_json::to_string(&message).unwrap_or_default();
        let is_small = text.len() <= SOCKET_MESSAGE_BYTES_MAX;
        // A request has its own limit of time; it ends before this does.
        let patience = if is_small { self.timing.ack } else { self.timing.ack + self.timing.request };
        let deadline = Instant::now() + patience;
        if is_small {
            say_text(session, text).await?;
        } else {
            let copy = Some(sent.clone());
            match message {
                ToServer::Metrics(metrics) => self.post_apart(session, "metrics", metrics, copy).await?,
                ToServer::Logs(logs) => self.post_apart(session, "logs", logs, copy).await?,
                _ => {}
            }
        }
        session.in_flight = Some(InFlight { sent, deadline, doubtful: false });
        Ok(())
    }

    pub(super) async fn post_apart(
        &mut self,
        session: &mut Session,
        what: &'static str,
        body: impl Serialize + Send + Sync + 'static,
        sent: Option<Sent>,
    ) -> Result<(), End> {
        match self.device.tell_apart(what, body).await {
            Ok(posting) => {
                session
                    .posting
                    .spawn(async move { Posted { sent, command: None, status: None, done: posting.await } });
                Ok(())
            }
            Err(DeviceError::Revoked(detail)) => Err(End::Revoked(detail)),
            Err(DeviceError::Api(error)) => {
                Self::pause(session, &error);
                Ok(())
            }
        }
    }

    /// Posts the result of a command, which is too large for the socket.
    pub(super) async fn post_result(
        &mut self,
        session: &mut Session,
        result: CommandResult,
    ) -> Result<(), End> {
        let command = Some(result.command_id);
        match self.device.tell_apart(&format!("commands/{}/result", result.command_id), result).await {
            Ok(posting) => {
                session
                    .posting
                    .spawn(async move { Posted { sent: None, command, status: None, done: posting.await } });
                Ok(())
            }
            Err(DeviceError::Revoked(detail)) => Err(End::Revoked(detail)),
            Err(DeviceError::Api(error)) => {
                Self::pause(session, &error);
                Ok(())
            }
        }
    }

    /// Posts a report about an update, which is too large for the socket.
    pub(super) async fn post_status(
        &mut self,
        session: &mut Session,
        status: UpdateStatus,
    ) -> Result<(), End> {
        let ack = UpdateStatusAck { update_id: status.update_id, step: status.step };
        match self.device.tell_apart(&format!("updates/{}", status.update_id), status).await {
            Ok(posting) => {
                let posted = async move {
                    Posted { sent: None, command: None, status: Some(ack), done: posting.await }
                };
                session.posting.spawn(posted);
                Ok(())
            }
            Err(DeviceError::Revoked(detail)) => Err(End::Revoked(detail)),
            Err(DeviceError::Api(error)) => {
                Self::pause(session, &error);
                Ok(())
            }
        }
    }

    /// A report has arrived over HTTP, or has to wait.
    pub(super) async fn posted(&mut self, session: &mut Session, posted: Posted) -> Result<(), End> {
        let Posted { sent, command, status, done } = posted;
        if let Some(sent) = &sent
            && session.in_flight.as_ref().is_some_and(|in_flight| in_flight.sent.is_same_as(sent))
        {
            session.in_flight = None;
        }
        if let Some(id) = command
            && self.result_was_posted(id, &done)
        {
            return self.send_what_waits(session).await;
        }
        if let Some(ack) = status
            && self.status_was_posted(ack, &done)
        {
            return self.send_what_waits(session).await;
        }
        match (done, sent) {
            (Ok(()), Some(sent)) => sent.acknowledge(&self.spool, &self.logs).await,
            (Ok(()), None) => {}
            (Err(error), _) if error.means_revoked() => return Err(End::Revoked(error.to_string())),
            (Err(error), sent) if is_refused_for_good(&error) => {
                tracing::error!(%error, "the server refuses a report: given up");
                if let Some(sent) = sent {
                    sent.give_up(&self.spool, &self.logs).await;
                }
            }
            (Err(error), _) => {
                if error.status() == Some(401) {
                    self.device.discard();
                }
                tracing::warn!(%error, "a report could not be posted");
                Self::pause(session, &error);
                return Ok(());
            }
        }
        self.send_what_waits(session).await
    }

    /// Sends nothing for a while, heartbeats apart; what was not stored is looked at again after it.
    fn pause(session: &mut Session, error: &ApiError) {
        let chance = crate::chance::fresh();
        let wait = match error.retry_after_seconds() {
            Some(seconds) => session.waits.directed(Duration::from_secs(u64::from(seconds)), chance),
            None => session.waits.next(chance),
        };
        session.in_flight = None;
        session.paused_until = Some(Instant::now() + wait);
        tracing::debug!(wait_seconds = wait.as_secs(), "reports wait");
    }
}
