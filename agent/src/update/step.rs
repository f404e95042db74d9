//! The steps of an update in the agent's own state.

use crate::phase::Phase;
use entity::agent_state::{AgentEvent, AgentState};

/// Moves the agent's state on to this step of an update, over those before it: what lies ready from an earlier try need
/// not be fetched again. False: the agent is busy with something else.
pub fn advance(phase: &Phase, to: AgentState, target_version: &str) -> bool {
    loop {
        let state = phase.now().state;
        if rank(state) >= rank(to) {
            return state.is_updating();
        }
        let moved = match state {
            AgentState::Idle => phase.update(target_version),
            AgentState::UpdatingStarting => phase.on(AgentEvent::Download),
            AgentState::UpdatingDownloading => phase.on(AgentEvent::Verify),
            AgentState::UpdatingVerifying | AgentState::UpdatingExtractingUpdater => {
                phase.on(AgentEvent::PrepareShutdown)
            }
            _ => return false,
        };
        if moved.is_err() {
            return false;
        }
    }
}

/// The update came to nothing: the agent goes on as before.
pub fn give_up(phase: &Phase) {
    if phase.now().state.is_updating() {
        // Another task may have moved it meanwhile; then there is nothing to give up.
        let _ = phase.on(AgentEvent::UpdateFailed);
    }
}

const fn rank(state: AgentState) -> u8 {
    match state {
        AgentState::UpdatingStarting => 1,
        AgentState::UpdatingDownloading => 2,
        AgentState::UpdatingVerifying => 3,
        AgentState::UpdatingExtractingUpdater => 4,
        AgentState::UpdatingPreparingShutdown => 5,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_made_one_after_the_other_and_never_back() {
        let phase = Phase::default();
        assert!(!advance(&phase, AgentState::UpdatingStarting, "2"), "it is starting");
        phase.on(AgentEvent::Ready).unwrap();
        assert!(advance(&phase, AgentState::UpdatingDownloading, "2.0.0"));
        assert_eq!(phase.now().target_version.as_deref(), Some("2.0.0"));
        assert!(advance(&phase, AgentState::UpdatingPreparingShutdown, "2.0.0"));
        assert!(advance(&phase, AgentState::UpdatingDownloading, "2.0.0"));
        assert_eq!(phase.now().state, AgentState::UpdatingPreparingShutdown);
        give_up(&phase);
        assert_eq!(phase.now().state, AgentState::Idle);
        give_up(&phase);
        phase.on(AgentEvent::ShutDown).unwrap();
        assert!(!advance(&phase, AgentState::UpdatingDownloading, "2.0.0"));
    }
}
