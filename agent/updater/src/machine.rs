//! The stages of an update on a device and what leads from one to the next: pure, and the whole of it.

use entity::update::UpdateState;
use serde::{Deserialize, Serialize};

/// Writes of the journal that one update may take; one that takes more goes in circles.
pub const WRITES_MAX: u32 = 32;

/// How far an update has come; what the journal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The offer is good and its time may not have come yet.
    Accepted,
    /// The agent fetches it.
    Downloading,
    /// It lies in its slot.
    Staged,
    /// It has said what it is, and the server does not mind or is being asked.
    Probed,
    /// The one that runs is being ended; the pointer decides whether that is done.
    Switching,
    /// The new one runs on trial.
    Trial,
    /// It stays.
    Confirmed,
    /// The new one is being ended; the pointer decides whether that is done.
    RollingBack,
    /// The one before runs again.
    RolledBack,
    /// It came to nothing, and the one before was never ended.
    FailedPre,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its time has come.
    Begin,
    /// It lies in its slot and is what was signed.
    Sealed,
    /// It has said what it is.
    ProbeGood,
    /// The server lets it go on.
    Go,
    /// The program that ran has ended, and the pointer names the other.
    Moved,
    /// The trial is passed.
    Pass,
    /// It fails, at whatever stage.
    Fail,
    /// It was confirmed and crashes all the same.
    CrashLoop,
    /// The supervisor starts and finds this stage; the pointer names the program before.
    ResumeBefore,
    /// The supervisor starts and finds this stage; the pointer names the new program.
    ResumeAfter,
}

/// What is to be done when a stage is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Have the agent fetch it.
    Fetch,
    /// Ask the program in the slot what it is.
    Probe,
    /// Have the agent ask the server.
    AskGo,
    /// Have the agent put everything away, then end it.
    Quiesce,
    /// Put the new program on trial.
    Watch,
    /// End what runs and put the one before back.
    Return,
    /// Tidy up: nothing more follows.
    Finish,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 10] = [
        Self::Accepted,
        Self::Downloading,
        Self::Staged,
        Self::Probed,
        Self::Switching,
        Self::Trial,
        Self::Confirmed,
        Self::RollingBack,
        Self::RolledBack,
        Self::FailedPre,
    ];

    /// The stage that follows and what is to be done, or `None` when the event is refused in this stage.
    #[must_use]
    pub const fn on(self, event: Event) -> Option<(Self, Option<Action>)> {
        Some(match (self, event) {
            (Self::Accepted, Event::Begin) | (Self::Downloading, Event::ResumeBefore) => {
                (Self::Downloading, Some(Action::Fetch))
            }
            (Self::Accepted, Event::ResumeBefore) => (Self::Accepted, None),
            (Self::Downloading, Event::Sealed) => (Self::Staged, Some(Action::Probe)),
            // What a program said before a restart of the machine may no longer be so.
            (Self::Staged | Self::Probed | Self::Switching, Event::ResumeBefore) => {
                (Self::Staged, Some(Action::Probe))
            }
            (Self::Staged, Event::ProbeGood) => (Self::Probed, Some(Action::AskGo)),
            (Self::Probed, Event::Go) => (Self::Switching, Some(Action::Quiesce)),
            (Self::Switching, Event::Moved) | (Self::Switching | Self::Trial, Event::ResumeAfter) => {
                (Self::Trial, Some(Action::Watch))
            }
            (Self::Trial, Event::Pass) => (Self::Confirmed, Some(Action::Finish)),
            // The pointer could not be kept, so what runs is not what was on trial.
            (Self::Trial, Event::Fail | Event::ResumeBefore)
            | (Self::Confirmed, Event::CrashLoop)
            | (Self::RollingBack, Event::ResumeBefore | Event::ResumeAfter) => {
                (Self::RollingBack, Some(Action::Return))
            }
            (Self::RollingBack, Event::Moved) => (Self::RolledBack, Some(Action::Finish)),
            (
                Self::Accepted | Self::Downloading | Self::Staged | Self::Probed | Self::Switching,
                Event::Fail,
            ) => (Self::FailedPre, Some(Action::Finish)),
            _ => return None,
        })
    }

    /// Nothing more follows by itself.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Confirmed | Self::RolledBack | Self::FailedPre)
    }

    /// The word that the server and people know for it.
    #[must_use]
    pub const fn state(self) -> UpdateState {
        match self {
            Self::Accepted => UpdateState::Accepted,
            Self::Downloading | Self::Staged => UpdateState::Downloading,
            Self::Probed | Self::Switching => UpdateState::Staged,
            Self::Trial | Self::RollingBack => UpdateState::Switched,
            Self::Confirmed => UpdateState::Confirmed,
            Self::RolledBack => UpdateState::RolledBack,
            Self::FailedPre => UpdateState::FailedPre,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVENTS: [Event; 10] = [
        Event::Begin,
        Event::Sealed,
        Event::ProbeGood,
        Event::Go,
        Event::Moved,
        Event::Pass,
        Event::Fail,
        Event::CrashLoop,
        Event::ResumeBefore,
        Event::ResumeAfter,
    ];

    /// One row for each stage, one letter for each event in the order above: the stage that follows, or a dot.
    /// a accepted, d downloading, s staged, p probed, w switching, t trial, c confirmed, r rolling back, b rolled back,
    /// f failed.
    const TABLE: [&str; 10] = [
        "d.....f.a.",
        ".s....f.d.",
        "..p...f.s.",
        "...w..f.s.",
        "....t.f.st",
        ".....cr.rt",
        ".......r..",
        "....b...rr",
        "..........",
        "..........",
    ];

    #[test]
    fn every_stage_and_event() {
        for (stage, row) in Stage::ALL.into_iter().zip(TABLE) {
            for (event, letter) in EVENTS.into_iter().zip(row.chars()) {
                let next = "adspwtcrbf".find(letter).map(|at| Stage::ALL[at]);
                assert_eq!(stage.on(event).map(|(stage, _)| stage), next, "{stage:?} on {event:?}");
            }
        }
    }

    #[test]
    fn the_server_understands_every_step() {
        use entity::update::UpdateEvent as Said;
        for stage in Stage::ALL {
            for event in EVENTS {
                let Some((next, _)) = stage.on(event) else { continue };
                let (from, to) = (stage.state(), next.state());
                // A program that is asked again after a restart goes back by itself; the server hears nothing of it.
                let is_told = from != to && !matches!(event, Event::ResumeBefore);
                let events =
                    [Said::Download, Said::Stage, Said::Switch, Said::Confirm, Said::Fail, Said::RollBack];
                let is_known = events.into_iter().any(|event| from.on(event) == Some(to));
                assert!(!is_told || is_known || next == Stage::RollingBack, "{stage:?} {event:?} {next:?}");
            }
        }
    }

    #[test]
    fn a_running_agent_is_not_ended_before_the_new_one_has_proved_itself() {
        for stage in Stage::ALL {
            for event in EVENTS {
                if let Some((_, Some(Action::Quiesce))) = stage.on(event) {
                    assert_eq!((stage, event), (Stage::Probed, Event::Go));
                }
                if let Some((Stage::Probed, _)) = stage.on(event) {
                    assert_eq!((stage, event), (Stage::Staged, Event::ProbeGood));
                }
            }
        }
    }

    proptest! {
        /// Whatever happens, no stage follows a terminal one but the way back after a late crash.
        #[test]
        fn an_end_is_an_end(events in proptest::collection::vec(0..EVENTS.len(), 0..60)) {
            let mut stage = Stage::Accepted;
            for event in events {
                let Some((next, _)) = stage.on(EVENTS[event]) else { continue };
                prop_assert!(!stage.is_terminal() || (stage, next) == (Stage::Confirmed, Stage::RollingBack));
                stage = next;
            }
        }
    }
}
