//! Updates on a socket: telling a device that one waits for it, and taking what it says of one.

use super::{End, Session};
use entity::{update::UpdateStatus, wire::ToAgent};
use std::ops::ControlFlow;

/// The first protocol that knows updates.
pub(super) const SINCE: u16 = 4;

impl Session {
    /// Tells the device once that something waits for it; it asks by itself now and then, too.
    pub(super) async fn hint(&mut self, has_just_come: bool) -> ControlFlow<End> {
        if !self.takes_updates {
            return ControlFlow::Continue(());
        }
        match Box::pin(domain::rollout::hint(&self.agent, has_just_come)).await {
            Ok(Some(hint)) => self.send(&ToAgent::UpdateRequired(hint)).await,
            Ok(None) => ControlFlow::Continue(()),
            Err(error) => {
                tracing::warn!(%error, device.id = %self.agent.device_id(), "a device was not told of its update");
                ControlFlow::Continue(())
            }
        }
    }

    /// A status is acknowledged when it is committed.
    pub(super) async fn update_status(&mut self, status: UpdateStatus) -> ControlFlow<End> {
        match Box::pin(domain::rollout::report(&self.agent, status)).await {
            Ok(ack) => self.send(&ToAgent::UpdateStatusAck(ack)).await,
            Err(error) => self.refuse(error.problem()).await,
        }
    }
}
