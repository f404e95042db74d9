//! What an agent is doing with itself: the one enum, and the one function that moves it.

use crate::platform::words;
use serde::{Deserialize, Deserializer, Serialize};

words! {
    /// What an agent is doing with itself. Every trigger asks it first.
    AgentState {
        /// Before it holds its lock and has what it needs.
        Starting = "STARTING",
        /// Watching the device, ready for whatever comes.
        Idle = "IDLE",
        /// A valid `--force` came: it makes room for another one.
        ForceRestarting = "FORCE_RESTARTING",
        /// An update was begun: are its conditions met.
        UpdatingStarting = "UPDATING_STARTING",
        /// The new version is being fetched.
        UpdatingDownloading = "UPDATING_DOWNLOADING",
        /// Its checksum and signature are being looked at.
        UpdatingVerifying = "UPDATING_VERIFYING",
        /// The updater that came with it is being laid out.
        UpdatingExtractingUpdater = "UPDATING_EXTRACTING_UPDATER",
        /// Everything is there; the agent makes ready to go.
        UpdatingPreparingShutdown = "UPDATING_PREPARING_SHUTDOWN",
        /// It lets go of what it holds, in order.
        ShuttingDown = "SHUTTING_DOWN",
        /// It has ended in order.
        Stopped = "STOPPED",
    }
}

words! {
    /// What moves an agent.
    AgentEvent {
        /// It holds its lock and has what it needs.
        Ready = "ready",
        /// A valid `--force` came.
        Force = "force",
        /// Whoever asked for that has gone without the answer.
        ForceAbandoned = "force_abandoned",
        /// A newer version is due.
        Update = "update",
        /// The conditions of the update are met.
        Download = "download",
        /// The new version is there.
        Verify = "verify",
        /// It is what it says it is, and brought an updater.
        ExtractUpdater = "extract_updater",
        /// Nothing is missing for the change.
        PrepareShutdown = "prepare_shutdown",
        /// A step of the update went wrong.
        UpdateFailed = "update_failed",
        /// It is to end: by a signal, the service, `--force` or an update.
        ShutDown = "shut_down",
        /// Everything is let go of.
        Stop = "stop",
    }
}

impl AgentState {
    /// The state that follows, or `None` when the event is refused in this state.
    #[must_use]
    pub const fn on(self, event: AgentEvent) -> Option<Self> {
        match (self, event) {
            (Self::Starting, AgentEvent::Ready) => Some(Self::Idle),
            (Self::Starting | Self::Idle, AgentEvent::Force) => Some(Self::ForceRestarting),
            (Self::ForceRestarting, AgentEvent::ForceAbandoned) => Some(Self::Idle),
            (Self::Idle, AgentEvent::Update) => Some(Self::UpdatingStarting),
            (Self::UpdatingStarting, AgentEvent::Download) => Some(Self::UpdatingDownloading),
            (Self::UpdatingDownloading, AgentEvent::Verify) => Some(Self::UpdatingVerifying),
            (Self::UpdatingVerifying, AgentEvent::ExtractUpdater) => Some(Self::UpdatingExtractingUpdater),
            // A package that brings no updater leaves that step out.
            (Self::UpdatingVerifying | Self::UpdatingExtractingUpdater, AgentEvent::PrepareShutdown) => {
                Some(Self::UpdatingPreparingShutdown)
            }
            (state, AgentEvent::UpdateFailed) if state.is_updating() => Some(Self::Idle),
            (Self::ShuttingDown | Self::Stopped, AgentEvent::ShutDown) => None,
            (_, AgentEvent::ShutDown) => Some(Self::ShuttingDown),
            (Self::ShuttingDown, AgentEvent::Stop) => Some(Self::Stopped),
            _ => None,
        }
    }

    /// In one of the steps of an update: nothing may restart it.
    #[must_use]
    pub const fn is_updating(self) -> bool {
        matches!(
            self,
            Self::UpdatingStarting
                | Self::UpdatingDownloading
                | Self::UpdatingVerifying
                | Self::UpdatingExtractingUpdater
                | Self::UpdatingPreparingShutdown
        )
    }

    /// What people read beside the word.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Starting => "Starting up",
            Self::Idle => "Running normally",
            Self::ForceRestarting => "Restarting by --force",
            Self::UpdatingStarting => "Updating: looking whether it can",
            Self::UpdatingDownloading => "Updating: downloading",
            Self::UpdatingVerifying => "Updating: verifying",
            Self::UpdatingExtractingUpdater => "Updating: extracting the updater",
            Self::UpdatingPreparingShutdown => "Updating: about to change over",
            Self::ShuttingDown => "Shutting down",
            Self::Stopped => "Ended in order",
        }
    }
}

/// Reads a state; one that this build does not know is none, because the rest of the message is good all the same.
///
/// # Errors
/// When it is no word at all.
pub(crate) fn if_known<'de, D: Deserializer<'de>>(from: D) -> Result<Option<AgentState>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.and_then(|word| word.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn every_state_and_event() {
        let mut grid = String::new();
        for state in AgentState::ALL {
            for event in AgentEvent::ALL {
                let next = state.on(*event).map_or("refused", AgentState::word);
                writeln!(grid, "{:<28} {:<16} {next}", state.word(), event.word())
                    .expect("a string takes all");
            }
        }
        insta::assert_snapshot!(grid);
    }

    #[test]
    fn nothing_leaves_the_end_and_an_update_is_never_restarted() {
        assert!(AgentEvent::ALL.iter().all(|event| AgentState::Stopped.on(*event).is_none()));
        for state in AgentState::ALL.iter().filter(|state| state.is_updating()) {
            assert_eq!(state.on(AgentEvent::Force), None);
            assert_eq!(state.on(AgentEvent::Update), None);
            assert_eq!(state.on(AgentEvent::ShutDown), Some(AgentState::ShuttingDown));
        }
    }
}
