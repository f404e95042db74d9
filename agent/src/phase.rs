//! The agent's own state, in one place: whatever wants to begin asks here first, and every change is logged and told
//! to the server.

use chrono::{DateTime, Utc};
use entity::agent_state::{AgentEvent, AgentState};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// Most changes that wait for the server; the oldest go first.
const UNTOLD_MAX: usize = 16;

/// The state, in the hands of several tasks.
#[derive(Clone, Debug, Default)]
pub struct Phase {
    kept: Arc<Mutex<Kept>>,
    changed: Arc<Notify>,
}

#[derive(Debug)]
struct Kept {
    now: Now,
    untold: VecDeque<AgentState>,
}

impl Default for Kept {
    fn default() -> Self {
        let now = Now { state: AgentState::Starting, since: Utc::now(), target_version: None };
        Self { now, untold: VecDeque::new() }
    }
}

/// What the state is at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Now {
    /// The state.
    pub state: AgentState,
    /// Since when.
    pub since: DateTime<Utc>,
    /// The version that an update leads to, while there is one.
    pub target_version: Option<String>,
}

/// An event that the state does not allow; it was ignored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the agent is {}: {} is ignored", now.state.word(), event.word())]
pub struct Ignored {
    /// What the state was.
    pub now: Now,
    /// What was asked for.
    pub event: AgentEvent,
}

impl Phase {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the state is.
    #[must_use]
    pub fn now(&self) -> Now {
        self.kept().now.clone()
    }

    /// Moves the state.
    ///
    /// # Errors
    /// When the state does not allow the event; it then stays what it was, and a line in the log says so.
    pub fn on(&self, event: AgentEvent) -> Result<AgentState, Ignored> {
        self.enter(event, None)
    }

    /// Begins an update to this version.
    ///
    /// # Errors
    /// When the agent is not idle.
    pub fn update(&self, target_version: &str) -> Result<AgentState, Ignored> {
        self.enter(AgentEvent::Update, Some(target_version))
    }

    fn enter(&self, event: AgentEvent, target_version: Option<&str>) -> Result<AgentState, Ignored> {
        let mut kept = self.kept();
        let from = kept.now.state;
        let Some(to) = from.on(event) else {
            tracing::warn!(state = from.word(), event = event.word(), "Ignored: the state does not allow it");
            return Err(Ignored { now: kept.now.clone(), event });
        };
        kept.now.state = to;
        kept.now.since = Utc::now();
        if let Some(version) = target_version {
            kept.now.target_version = Some(version.to_owned());
        } else if !to.is_updating() {
            kept.now.target_version = None;
        }
        kept.untold.push_back(to);
        if kept.untold.len() > UNTOLD_MAX {
            kept.untold.pop_front();
        }
        drop(kept);
        tracing::info!(event = event.word(), "State: {} -> {}", from.word(), to.word());
        self.changed.notify_one();
        Ok(to)
    }

    /// The state for the first words of a link: what was before it is told with it.
    #[must_use]
    pub fn for_hello(&self) -> AgentState {
        let mut kept = self.kept();
        kept.untold.clear();
        kept.now.state
    }

    /// The oldest change that the server was not told; each comes once.
    #[must_use]
    pub fn take_untold(&self) -> Option<AgentState> {
        self.kept().untold.pop_front()
    }

    /// Done when there is something to tell.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_told_once_and_what_is_not_allowed_changes_nothing() {
        let phase = Phase::default();
        assert_eq!(phase.on(AgentEvent::Ready), Ok(AgentState::Idle));
        assert_eq!(phase.for_hello(), AgentState::Idle);
        assert_eq!(phase.take_untold(), None, "the hello has told it");
        phase.update("2.0.0").unwrap();
        let ignored = phase.on(AgentEvent::Force).unwrap_err();
        assert_eq!(ignored.now.target_version.as_deref(), Some("2.0.0"));
        assert!(ignored.to_string().contains("UPDATING_STARTING"), "{ignored}");
        assert!(phase.update("3.0.0").is_err());
        phase.on(AgentEvent::UpdateFailed).unwrap();
        assert_eq!(phase.now().target_version, None);
        assert_eq!(phase.take_untold(), Some(AgentState::UpdatingStarting));
        assert_eq!(phase.take_untold(), Some(AgentState::Idle));
        assert_eq!(phase.take_untold(), None);
    }

    #[test]
    fn of_many_triggers_at_once_one_wins() {
        let phase = Phase::default();
        phase.on(AgentEvent::Ready).unwrap();
        let threads: Vec<_> = (0..16)
            .map(|n| {
                let phase = phase.clone();
                std::thread::spawn(move || {
                    if n % 2 == 0 { phase.on(AgentEvent::Force).is_ok() } else { phase.update("2").is_ok() }
                })
            })
            .collect();
        let won = threads.into_iter().map(|thread| thread.join().unwrap());
        assert_eq!(won.filter(|won| *won).count(), 1);
    }
}
