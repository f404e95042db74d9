//! Updates, as the agent has to do with them: it asks the server, fetches what the supervisor wants, and says how far
//! things have come. It decides nothing and believes nothing; the supervisor verifies, switches and rolls back. An agent
//! without a supervisor that speaks to it is not updated.

mod ask;
mod channel;
mod desk;
mod download;
mod failure;
mod live;
mod notice;
pub mod pin;
mod receipt;
pub mod selfcheck;
mod server;
mod status;
mod step;
mod task;

pub use channel::{Channel, WELCOME, is_open, running};
pub use live::{Live, checks};
pub use task::{Task, Vital};

use entity::update::{Running, UpdateRequired, UpdateStatus, UpdateStatusAck};
use status::Outbox;
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// A link that was down for so long may have missed a hint.
const DOWN_LONG: Duration = Duration::from_secs(600);
/// Then the server is asked within this time.
const AFTER_DOWN: Duration = Duration::from_secs(600);

/// What is known of updates, in the hands of several tasks.
#[derive(Clone)]
pub struct Updates(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Somebody wants the server to be asked.
    wished: Notify,
    /// Something is to be told the server.
    told: Notify,
    /// The server has stored something.
    stored: Notify,
}

struct State {
    live: Live,
    outbox: Outbox,
    stored: Vec<UpdateStatusAck>,
    wish: Option<Duration>,
    down_since: Option<Instant>,
    /// Since when no socket is there, over which a hint could come.
    without_socket_since: Option<Instant>,
    /// The server was asked because of that.
    has_asked_without_socket: bool,
}

impl fmt::Debug for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updates").finish_non_exhaustive()
    }
}

impl Updates {
    /// Of an agent that runs as this.
    #[must_use]
    pub fn new(running: Running) -> Self {
        let state = State {
            live: Live::new(running),
            outbox: Outbox::default(),
            stored: Vec::new(),
            wish: None,
            down_since: None,
            without_socket_since: None,
            has_asked_without_socket: false,
        };
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            wished: Notify::new(),
            told: Notify::new(),
            stored: Notify::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What runs, for the first words of a link and for whatever is asked.
    #[must_use]
    pub fn running(&self) -> Running {
        self.state().live.running.clone()
    }

    /// What people are shown.
    #[must_use]
    pub fn live(&self) -> Live {
        self.state().live.clone()
    }

    fn set(&self, change: impl FnOnce(&mut Live)) {
        change(&mut self.state().live);
    }

    /// The server says that a newer version is due.
    pub fn hint(&self, hint: &UpdateRequired) {
        tracing::info!(
            version = hint.new_version,
            seq = hint.seq,
            "the server says that a newer version is due"
        );
        self.wish(Duration::from_secs(u64::from(hint.within_seconds)));
    }

    /// The server is to be asked, at a moment of chance within this time. True: this agent can be updated.
    pub fn wish(&self, within: Duration) -> bool {
        let mut state = self.state();
        state.wish = Some(state.wish.map_or(within, |wish| wish.min(within)));
        let can = state.live.running.is_supervised;
        drop(state);
        if !can {
            tracing::warn!("this agent has no supervisor that keeps versions of it: it is not updated");
        }
        self.0.wished.notify_one();
        can
    }

    async fn wished(&self) {
        self.0.wished.notified().await;
    }

    fn take_wish(&self) -> Option<Duration> {
        self.state().wish.take()
    }

    /// A link is up: what may not have been stored is said again, and hints may have been missed.
    pub fn linked(&self) {
        let mut state = self.state();
        state.outbox.anew();
        let was_down = state.down_since.take().is_some_and(|since| since.elapsed() >= DOWN_LONG);
        drop(state);
        self.0.told.notify_one();
        if was_down {
            self.wish(AFTER_DOWN);
        }
    }

    /// The link is down.
    pub fn unlinked(&self) {
        self.state().down_since.get_or_insert_with(Instant::now);
        self.has_socket(false);
    }

    /// Whether hints can come: over a socket they do, over HTTP they do not.
    pub fn has_socket(&self, has_one: bool) {
        let mut state = self.state();
        if has_one {
            (state.without_socket_since, state.has_asked_without_socket) = (None, false);
        } else {
            state.without_socket_since.get_or_insert_with(Instant::now);
        }
    }

    /// Without a socket for long, hints may have been missed: the server is asked over HTTP, once for each such time.
    fn look_at_socket(&self, now: Instant) {
        let mut state = self.state();
        let since = state.without_socket_since.map(|since| now.saturating_duration_since(since));
        if since.is_none_or(|since| since < DOWN_LONG) || state.has_asked_without_socket {
            return;
        }
        state.has_asked_without_socket = true;
        drop(state);
        self.wish(AFTER_DOWN);
    }

    fn put(&self, status: UpdateStatus) {
        self.state().outbox.put(status);
        self.0.told.notify_one();
    }

    /// Done when there is something to tell.
    pub async fn told(&self) {
        self.0.told.notified().await;
    }

    /// The next report for the server; each comes once for a link.
    #[must_use]
    pub fn next_status(&self) -> Option<UpdateStatus> {
        self.state().outbox.next(Instant::now())
    }

    /// Says again what was not acknowledged in time.
    pub fn look_for_overdue(&self, patience: Duration) {
        if self.state().outbox.look_for_overdue(Instant::now(), patience) {
            self.0.told.notify_one();
        }
    }

    /// What was said shortly before may not have been stored.
    pub fn say_anew(&self) {
        let mut state = self.state();
        state.outbox.anew();
        let is_empty = state.outbox.is_empty();
        drop(state);
        if !is_empty {
            self.0.told.notify_one();
        }
    }

    /// The server has stored a report.
    pub fn acknowledged(&self, ack: UpdateStatusAck) {
        let mut state = self.state();
        if state.outbox.stored(&ack) {
            state.stored.push(ack);
            drop(state);
            self.0.stored.notify_one();
        }
    }

    async fn stored(&self) {
        self.0.stored.notified().await;
    }

    fn take_stored(&self) -> Vec<UpdateStatusAck> {
        std::mem::take(&mut self.state().stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_socket_for_long_the_server_is_asked_once() {
        let updates = Updates::new(running(true));
        let now = Instant::now();
        updates.look_at_socket(now + 2 * DOWN_LONG);
        assert_eq!(updates.take_wish(), None, "it has one, or had no time to get one");
        updates.has_socket(false);
        updates.look_at_socket(now);
        assert_eq!(updates.take_wish(), None);
        for expected in [Some(AFTER_DOWN), None] {
            updates.look_at_socket(now + 2 * DOWN_LONG);
            assert_eq!(updates.take_wish(), expected);
        }
        updates.has_socket(true);
        updates.unlinked();
        updates.look_at_socket(Instant::now() + DOWN_LONG);
        assert_eq!(updates.take_wish(), Some(AFTER_DOWN), "another time");
    }
}
