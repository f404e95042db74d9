//! Things that happened on the device and wait to be told.

use entity::wire::Event;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Most events that wait; the oldest go first.
const EVENTS_MAX: usize = 100;

/// Events that wait, in the hands of several tasks.
#[derive(Clone, Debug, Default)]
pub struct Events(Arc<Mutex<VecDeque<Event>>>);

impl Events {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one.
    pub fn add(&self, event: Event) {
        let mut waiting = self.waiting();
        waiting.push_back(event);
        if waiting.len() > EVENTS_MAX {
            waiting.pop_front();
        }
    }

    /// The oldest one; it goes on waiting until [`Events::told`].
    #[must_use]
    pub fn oldest(&self) -> Option<Event> {
        self.waiting().front().cloned()
    }

    /// This one was told.
    pub fn told(&self, event: &Event) {
        let mut waiting = self.waiting();
        // It may have been pushed out meanwhile.
        if waiting.front() == Some(event) {
            waiting.pop_front();
        }
    }
}
