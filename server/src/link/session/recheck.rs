//! May a device that holds a socket still talk, and is it still here? Asked when its session is woken, and now and then.

use super::{End, Session};
use entity::id::DeviceId;
use std::{ops::ControlFlow, time::Duration};
use tokio::time::Instant;

/// How often a socket asks, and for its settings, when nothing wakes it before. A job asks for all sockets together twice a
/// minute and wakes those that have to ask.
const EVERY: Duration = Duration::from_mins(5);

/// A device's own part of that time, by the last byte of its id, which is random: ten thousand that came back together do
/// not ask together.
pub(super) fn first(device: DeviceId) -> Duration {
    EVERY * u32::from(device.0.as_bytes()[15]) / 255
}

impl Session {
    /// Ends the session of a device that was revoked or moved, that has come back to another server process, or whose
    /// business was switched off. A database that does not answer ends nothing.
    pub(super) async fn recheck(&mut self) -> ControlFlow<End> {
        self.recheck_at = Instant::now() + EVERY;
        match domain::agent_token::recheck(&self.agent).await {
            Ok(domain::agent_token::Seat::Here) => ControlFlow::Continue(()),
            Ok(domain::agent_token::Seat::Elsewhere) => ControlFlow::Break(End::Replaced),
            Err(error) => match error.problem() {
                problem if problem.code.is_refusal() => self.refuse(problem).await,
                _ => ControlFlow::Continue(()),
            },
        }
    }
}
