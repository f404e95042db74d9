//! What the link tells of the services that are looked after, of the lock, and of events: each event until the server
//! has said that it is committed.

use super::{
    End, Link,
    poll::is_refused_for_good,
    serve::{Session, say_text},
};
use crate::{device_lock, token::DeviceError};
use entity::{
    device_lock::LockSummary,
    wire::{Event, MonitoredServices, ToServer, limits::SOCKET_MESSAGE_BYTES_MAX},
};
use tokio::time::Instant;
use uuid::Uuid;

/// What was sent over a link and need not be sent again.
#[derive(Default)]
pub(super) struct Said {
    services: Option<MonitoredServices>,
    /// The lock has to be told: the hello did so, but it has changed since, or it may not have been stored.
    lock_is_due: bool,
    /// Over HTTP: the server has been asked for commands since this link began.
    pub(super) has_commands: bool,
    /// The event that waits for its acknowledgement, and since when.
    event: Option<(Uuid, Instant)>,
}

impl Said {
    /// What was sent shortly before may not have been stored.
    pub(super) fn forget(&mut self) {
        *self = Self { lock_is_due: true, has_commands: self.has_commands, ..Self::default() };
    }

    /// The lock, or a service, is another.
    pub(super) const fn lock_has_changed(&mut self) {
        self.lock_is_due = true;
    }
}

impl Link {
    /// The lock as it is at this moment.
    pub(super) fn lock(&self) -> LockSummary {
        device_lock::summary(&self.paths)
    }

    /// Tells how the services and the lock are, as far as that was not told.
    pub(super) async fn tell_watched(&mut self, session: &mut Session) -> Result<(), End> {
        if !session.takes_events() || session.paused_until.is_some() {
            return Ok(());
        }
        if session.said.lock_is_due {
            session.said.lock_is_due = false;
            let message = ToServer::DeviceLock(self.lock());
            say_text(session, serde_json::to_string(&message).unwrap_or_default()).await?;
        }
        let services = self.told.borrow().services.clone();
        let Some(services) = services.filter(|_| session.posting.is_empty()) else { return Ok(()) };
        if session.said.services.as_ref() == Some(&services) {
            return Ok(());
        }
        session.said.services = Some(services.clone());
        let message = ToServer::MonitoredServices(services);
        let text = serde_json::to_string(&message).unwrap_or_default();
        match message {
            ToServer::MonitoredServices(services) if text.len() > SOCKET_MESSAGE_BYTES_MAX => {
                self.post_apart(session, "monitored-services", services, None).await
            }
            _ => say_text(session, text).await,
        }
    }

    /// Sends the events that wait: one after the other, each after the one before it was acknowledged. A server that
    /// acknowledges none gets them all.
    pub(super) async fn send_events(&mut self, session: &mut Session) -> Result<(), End> {
        while let Some(event) = self.events.oldest() {
            let is_acknowledged = session.takes_events() && event.id.is_some();
            if let Some((id, since)) = session.said.event
                && is_acknowledged
                && Some(id) == event.id
                && since.elapsed() < self.timing.ack
            {
                return Ok(());
            }
            session.said.event = event.id.filter(|_| is_acknowledged).map(|id| (id, Instant::now()));
            let message = ToServer::Event(event.clone());
            say_text(session, serde_json::to_string(&message).unwrap_or_default()).await?;
            if is_acknowledged {
                return Ok(());
            }
            self.events.told(&event);
        }
        Ok(())
    }

    /// The server has committed an event: the next one may go.
    pub(super) async fn event_committed(&mut self, session: &mut Session, id: Uuid) -> Result<(), End> {
        session.said.event = None;
        self.events.committed(id);
        self.send_events(session).await
    }

    /// The server cannot read something. When it can only have been an event, that is given up.
    pub(super) fn doubt_event(&self, session: &mut Session) {
        if session.in_flight.is_none()
            && let Some((id, _)) = session.said.event.take()
        {
            tracing::error!(%id, "the server cannot read an event: given up");
            self.events.committed(id);
        }
    }

    /// The same over HTTP.
    pub(super) async fn post_watched(&mut self, said: &mut Said) -> Result<(), DeviceError> {
        if said.lock_is_due {
            said.lock_is_due = false;
            bear_refusal(self.device.tell("device-lock", &self.lock()).await)?;
        }
        let services = self.told.borrow().services.clone();
        if let Some(services) = services
            && said.services.as_ref() != Some(&services)
        {
            bear_refusal(self.device.tell("monitored-services", &services).await)?;
            said.services = Some(services);
        }
        Ok(())
    }

    /// Posts the events that wait.
    pub(super) async fn post_events(&mut self) -> Result<(), DeviceError> {
        while let Some(event) = self.events.oldest() {
            self.post_event(&event).await?;
            self.events.told(&event);
        }
        Ok(())
    }

    async fn post_event(&mut self, event: &Event) -> Result<(), DeviceError> {
        match self.device.tell("events", event).await {
            Err(DeviceError::Api(error)) if is_refused_for_good(&error) => {
                tracing::error!(%error, "the server refuses an event: given up");
                Ok(())
            }
            other => other,
        }
    }
}

/// A server from before there was such a report does not get it, and is none the worse for it.
pub(super) fn bear_refusal(told: Result<(), DeviceError>) -> Result<(), DeviceError> {
    match told {
        Err(DeviceError::Api(error))
            if is_refused_for_good(&error) || matches!(error.status(), Some(404 | 405)) =>
        {
            tracing::debug!(%error, "the server does not take this report");
            Ok(())
        }
        other => other,
    }
}
