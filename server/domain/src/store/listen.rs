//! What others can listen to: events, decisions, and that some of them may have been missed.

use super::Store;
use entity::portal_event::PortalEvent;
use tokio::sync::{broadcast, watch};

impl Store {
    /// Everything that open pages are told of what this process did.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<PortalEvent> {
        self.0.events.subscribe()
    }

    /// As [`Store::decisions`], for what was decided in other processes.
    #[must_use]
    pub fn decisions_elsewhere(&self) -> watch::Receiver<u64> {
        self.0.ears.decided()
    }

    /// Changes when messages of other processes may have been missed: what is shown may be stale.
    #[must_use]
    pub fn gaps(&self) -> watch::Receiver<u64> {
        self.0.ears.missed()
    }

    /// Changes whenever somebody did something that may change who may see what: a hint to ask again, sooner than by
    /// the clock.
    #[must_use]
    pub fn decisions(&self) -> watch::Receiver<u64> {
        self.0.decided.subscribe()
    }

    /// How many decisions this process has made and heard of.
    pub(crate) fn decisions_so_far(&self) -> [u64; 2] {
        [*self.0.decided.borrow(), *self.0.ears.decided().borrow()]
    }

    /// What open pages are told of what other processes did.
    #[must_use]
    pub fn events_elsewhere(&self) -> broadcast::Receiver<PortalEvent> {
        self.0.ears.events()
    }
}
