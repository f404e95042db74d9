//! Where a rollout is in its life, and the words around it.

use crate::platform::words;
use serde::{Deserialize, Serialize};

words! {
    /// What is rolled out.
    RolloutKind {
        /// A release of the agent.
        AgentRelease = "agent_release",
    }
}

words! {
    /// Where a rollout is in its life.
    RolloutState {
        /// It is being written.
        Draft = "draft",
        /// It waits for somebody else's yes.
        AwaitingApproval = "awaiting_approval",
        /// It waits for its time, or for somebody to start it.
        Scheduled = "scheduled",
        /// It goes out.
        Running = "running",
        /// Somebody holds it.
        Paused = "paused",
        /// It stopped because too much went wrong, or somebody said so.
        Halted = "halted",
        /// Another rollout undoes it.
        RollingBack = "rolling_back",
        /// Another rollout has undone it.
        RolledBack = "rolled_back",
        /// Every wave has proved itself; devices that were away get it when they come.
        Completed = "completed",
        /// Somebody took it back.
        Cancelled = "cancelled",
        /// A newer one took its place.
        Superseded = "superseded",
    }
}

words! {
    /// What moves a rollout.
    RolloutEvent {
        /// It is handed in, and somebody else has to say yes.
        Submit = "submit",
        /// Nobody else has to say yes, or somebody has.
        Approve = "approve",
        /// It begins.
        Start = "start",
        /// Somebody holds it.
        Pause = "pause",
        /// It goes on.
        Resume = "resume",
        /// Too much went wrong, or somebody says so.
        Halt = "halt",
        /// The last wave has proved itself.
        Complete = "complete",
        /// Another rollout is to undo it.
        RollBack = "roll_back",
        /// That one has come to its end.
        Undone = "undone",
        /// Somebody takes it back.
        Cancel = "cancel",
        /// A newer one for the same devices begins.
        Supersede = "supersede",
    }
}

impl RolloutState {
    /// The state that follows, or `None` when the event is refused in this state.
    #[must_use]
    pub const fn on(self, event: RolloutEvent) -> Option<Self> {
        use RolloutEvent as E;
        match (self, event) {
            (Self::Draft, E::Submit) => Some(Self::AwaitingApproval),
            (Self::Draft | Self::AwaitingApproval, E::Approve) => Some(Self::Scheduled),
            (Self::Scheduled, E::Start) | (Self::Paused | Self::Halted, E::Resume) => Some(Self::Running),
            // Devices that come late to a completed one can still be harmed by it.
            (Self::Running | Self::Completed, E::Pause) => Some(Self::Paused),
            (Self::Running | Self::Paused | Self::Completed, E::Halt) => Some(Self::Halted),
            (Self::Running, E::Complete) => Some(Self::Completed),
            // Once more, when what was to undo it was taken back itself.
            (
                Self::Running | Self::Paused | Self::Halted | Self::Completed | Self::RollingBack,
                E::RollBack,
            ) => Some(Self::RollingBack),
            (Self::RollingBack, E::Undone) => Some(Self::RolledBack),
            (
                Self::Draft
                | Self::AwaitingApproval
                | Self::Scheduled
                | Self::Running
                | Self::Paused
                | Self::Halted
                | Self::Completed,
                E::Cancel,
            ) => Some(Self::Cancelled),
            (
                Self::Scheduled | Self::Running | Self::Paused | Self::Halted | Self::Completed,
                E::Supersede,
            ) => Some(Self::Superseded),
            _ => None,
        }
    }

    /// Devices are granted it and let go on with it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Running | Self::Completed)
    }

    /// It has begun.
    #[must_use]
    pub const fn has_begun(self) -> bool {
        !matches!(self, Self::Draft | Self::AwaitingApproval | Self::Scheduled)
    }

    /// Nothing more comes of it.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::RolledBack | Self::Cancelled | Self::Superseded)
    }

    /// The words people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Draft => "Draft",
            Self::AwaitingApproval => "Awaiting approval",
            Self::Scheduled => "Scheduled",
            Self::Running => "Running",
            Self::Paused => "Paused",
            Self::Halted => "Halted",
            Self::RollingBack => "Rolling back",
            Self::RolledBack => "Rolled back",
            Self::Completed => "Completed",
            Self::Cancelled => "Cancelled",
            Self::Superseded => "Superseded",
        }
    }
}

words! {
    /// Where a wave is.
    WaveState {
        /// The one before has not proved itself yet.
        Waiting = "waiting",
        /// Its devices get it.
        Open = "open",
        /// Enough of them have it; it has to last.
        Soaking = "soaking",
        /// It has proved itself.
        Passed = "passed",
    }
}

impl WaveState {
    /// The word people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Waiting => "Waiting",
            Self::Open => "Open",
            Self::Soaking => "Soaking",
            Self::Passed => "Passed",
        }
    }
}

words! {
    /// Why a device of the target gets nothing.
    Exclusion {
        /// Its agent has no supervisor that could put another one in its place, or never said what runs.
        NotSupervised = "not_supervised",
        /// It says a version that is none.
        OddVersion = "odd_version",
        /// The release has nothing for its platform.
        NoArtifact = "no_artifact",
        /// It runs this, or something newer.
        UpToDate = "up_to_date",
        /// An earlier release has to come first.
        MinFrom = "min_from",
        /// It follows another channel.
        OtherChannel = "other_channel",
        /// It never got what this rollout undoes.
        NothingToUndo = "nothing_to_undo",
        /// Two machines seem to use its identity.
        CloneSuspected = "clone_suspected",
    }
}

impl Exclusion {
    /// The words people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::NotSupervised => "Cannot update itself",
            Self::OddVersion => "Says a version that is none",
            Self::NoArtifact => "Nothing in the release for its platform",
            Self::UpToDate => "Runs this or something newer",
            Self::MinFrom => "Needs an earlier release first",
            Self::OtherChannel => "Follows another channel",
            Self::NothingToUndo => "Never got what is undone",
            Self::CloneSuspected => "Two machines seem to use its identity",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn every_state_and_event() {
        let mut grid = String::new();
        for state in RolloutState::ALL {
            for event in RolloutEvent::ALL {
                let next = state.on(*event).map_or("refused", RolloutState::word);
                writeln!(grid, "{:<18} {:<10} {next}", state.word(), event.word())
                    .expect("a string takes all");
            }
        }
        insta::assert_snapshot!(grid);
    }

    #[test]
    fn what_is_over_stays_over() {
        for state in RolloutState::ALL.iter().filter(|state| state.is_over()) {
            assert!(RolloutEvent::ALL.iter().all(|event| state.on(*event).is_none()), "{}", state.word());
            assert!(!state.is_open());
        }
    }
}
